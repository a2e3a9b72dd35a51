// Package protocols asks a gateway in each protocol that it reads, with that protocol's own client in Python. The servers are fakes, since the real ones need keys and answer
// something else each time. They answer what the references of the APIs have, and refuse what these do not know.
package protocols

import (
	"testing"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }
