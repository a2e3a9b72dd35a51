// Package traffic holds a gateway to what it promises of requests, and of those who may send them: with the real Pulumi engine, API server and
// Traefik, in success and in failure.
package traffic

import (
	"testing"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }
