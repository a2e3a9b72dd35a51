package docs

import (
	"testing"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }
