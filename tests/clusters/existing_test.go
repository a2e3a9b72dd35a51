package clusters

import (
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

// TestAClusterServesByTheEnvoyGatewayThatIsThere would catch a cluster with an Envoy Gateway of its own to which anything else than a
// Gateway is added, and one whose gateway does not answer before there is a model.
func TestAClusterServesByTheEnvoyGatewayThatIsThere(t *testing.T) {
	kubeconfig, err := os.ReadFile(harness.Plane.Cluster("east").Kubeconfig())
	require.NoError(t, err)
	s := harness.NewStack(t, "existing")
	s.SetSecret(t, "kubeconfig", string(kubeconfig))
	outputs := s.MustUp(t, fmt.Sprintf(`name: existing
runtime: yaml
config: {kubeconfig: {type: string, secret: true}}
resources:
  own: {type: 'modelplane:InferenceCluster', properties: {kubeconfig: '${kubeconfig}', chart: {name: %q}, gateway: {replicas: 1}}}
  added:
    type: modelplane:InferenceCluster
    options: {dependsOn: ['${own}']}
    properties: {kubeconfig: '${kubeconfig}', gatewayApi: Existing, envoyGateway: Existing, gateway: {className: modelplane-own.own}}
outputs: {own: '${own.url}', added: '${added.url}'}
`, chart(t, "gateway-helm", "envoy-gateway")))
	require.NotEqual(t, outputs["own"], outputs["added"])
	for name, url := range outputs {
		answer, err := http.Get(url.(string))
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		assert.Equal(t, http.StatusNotFound, answer.StatusCode, name)
	}
	for name := range harness.Connect(t, harness.Plane.Cluster("east")).Objects(t) {
		assert.NotContains(t, name, "safe-upgrades", "a policy of which a cluster can have only one")
	}
}
