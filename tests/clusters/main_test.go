// Package clusters drives the real Envoy Gateway and the real Envoy in Pods of the plane's cluster, with model servers in
// Pods behind them.
package clusters

import (
	"testing"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m, "east", "west") }
