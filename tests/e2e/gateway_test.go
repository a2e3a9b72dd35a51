package e2e

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

var (
	sharedOnce      sync.Once
	sharedReference string
)

// sharedGateway is a gateway that all tests may use side by side, written by hand as a program would for a Gateway that
// another team runs. The first test that asks for it has it made; it goes with the plane.
func sharedGateway(t testing.TB) string {
	t.Helper()
	sharedOnce.Do(func() {
		s, err := stack.Open(harness.Plane.Dir, "shared", map[string]string{"KUBECONFIG": harness.Plane.Kubeconfig()})
		require.NoError(t, err)
		outputs := s.MustUp(t, yaml("shared", "  gw: {type: 'modelplane:ModelGateway', properties: {chart: "+chart()+"}}", "  gateway: ${gw.gateway}"))
		gateway := outputs["gateway"].(map[string]any)
		sharedReference = fmt.Sprintf("{name: %q, namespace: %q, url: %q, pluginVersion: %q}", gateway["name"], gateway["namespace"], gateway["url"], gateway["pluginVersion"])
	})
	require.NotEmpty(t, sharedReference, "the shared gateway could not be made")
	return sharedReference
}
