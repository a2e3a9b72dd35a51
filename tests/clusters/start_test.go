package clusters

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

// TestAClusterWhoseGatewayCannotStartSaysWhy would catch a failure that tells of a time-out alone: where Envoy Gateway finds no node, and where
// no load balancer gives Envoy an address.
func TestAClusterWhoseGatewayCannotStartSaysWhy(t *testing.T) {
	s := harness.NewStack(t, "impatient")
	for want, values := range map[string]string{
		"kubectl describe pods -n modelplane-stuck -l control-plane=envoy-gateway": `deployment: {envoyGateway: {resources: {limits: {nvidia.com/gpu: "1"}}}}`,
		"kubectl describe pods,services -n modelplane-stuck -l gateway.envoyproxy.io/owning-gateway-name=stuck": `config: {envoyGateway: {envoyProxy: ` +
			`{provider: {kubernetes: {envoyService: {loadBalancerClass: example.com/none}}}}}}`,
	} {
		s.Write(t, fmt.Sprintf(`name: impatient
runtime: yaml
resources:
  stuck: {type: 'modelplane:InferenceCluster', properties: {gateway: {replicas: 1}, chart: {name: %q, values: {%s}}}, options: {customTimeouts: {create: 15s, update: 15s}}}
`, chart(t, "gateway-helm", "envoy-gateway"), values))
		result := s.Up()
		require.Error(t, result.Err)
		assert.Contains(t, failures(result), want)
		requireSucceeds(t, s.Refresh())
		requireSucceeds(t, s.Destroy())
	}
}
