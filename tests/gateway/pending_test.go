package gateway

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

// impatient is a gateway that is given 20 seconds to run and to get an address.
func impatient(name, properties string) string {
	return harness.Program(name, []string{harness.Resource("modelplane:ModelGateway", name, properties, "customTimeouts: {create: 20s}")})
}

// TestAGatewayWithoutAnAddressFailsAndSaysWhatToLookAt would catch an up that waits for ever, or ends well, where no load
// balancer serves the gateway, and one that leaves the user without a hint or
// with a stack that cannot be refreshed or destroyed.
func TestAGatewayWithoutAnAddressFailsAndSaysWhatToLookAt(t *testing.T) {
	s := harness.NewStack(t, "lonely")
	s.Write(t, impatient("lonely", "service: {loadBalancerClass: example.com/none}, "+harness.Chart("")))
	result := s.Up()
	require.Error(t, result.Err)
	assert.Contains(t, result.Output, "kubectl describe service -n modelplane-lonely lonely")
	assert.Contains(t, result.Output, "service.type")
	requireSucceeds(t, s.Refresh())
}

// TestAnImageThatCannotBePulledIsNamed would catch a failure that tells of a time-out alone.
func TestAnImageThatCannotBePulledIsNamed(t *testing.T) {
	s := harness.NewStack(t, "unpulled")
	s.Write(t, impatient("unpulled", "service: {type: ClusterIP}, "+
		harness.Chart("image: {repository: nobody/router}", "traefikVersion: 3.7.13")))
	result := s.Up()
	require.Error(t, result.Err)
	assert.Contains(t, result.Output, `[ErrImagePull] image "docker.io/nobody/router:v3.7.13"`)
	assert.NotContains(t, result.Output, "service.type", "advice on an address where a Pod is missing")
}
