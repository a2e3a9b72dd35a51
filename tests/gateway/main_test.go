// Package gateway drives the whole life of gateways, and of the stacks around them, with the real Pulumi engine, API server
// and Traefik.
package gateway

import (
	"testing"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }
