// Package guides holds the guides to what they say.
package guides

import (
	"testing"

	"github.com/modelplane/pulumi-modelplane/tests/docs"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

func TestWhatTheDocsSayIsSo(t *testing.T) { docs.Hold(t, docs.Guide) }
