package gateway

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// shared is a gateway that tests use one after the other; it goes with the plane.
var shared struct {
	once  sync.Once
	stack *stack.Stack
	// url is the gateway's own, and reference what a ModelService of another stack takes for it.
	url, reference string
	made           time.Time
}

// sharedGateway has the shared gateway made by the first test that asks for it.
func sharedGateway(t testing.TB) string {
	t.Helper()
	shared.once.Do(func() {
		s, err := stack.Open(harness.Plane.Dir, "shared", map[string]string{"KUBECONFIG": harness.Plane.Kubeconfig()})
		require.NoError(t, err)
		outputs := s.MustUp(t, sharedProgram("made"))
		gateway := outputs["gateway"].(map[string]any)
		shared.stack, shared.url, shared.made = s, outputs["url"].(string), time.Now()
		shared.reference = fmt.Sprintf("{name: %q, namespace: %q, url: %q, pluginVersion: %q}",
			gateway["name"], gateway["namespace"], gateway["url"], gateway["pluginVersion"])
	})
	require.NotEmpty(t, shared.reference, "the shared gateway could not be made")
	return shared.reference
}

// sharedProgram is the shared gateway on a port of its own. Traefik does not read the variable, but its Pods are replaced
// when it changes.
func sharedProgram(variable string) string {
	return harness.Program("shared", []string{harness.ModelGateway("shared", "port: 8088, "+harness.Chart(
		fmt.Sprintf("env: [{name: CHANGED, value: %s}], readinessProbe: {periodSeconds: 3}, resources: {requests: {cpu: 10m}}, "+
			"deployment: {podAnnotations: {team: red}}", variable)))},
		"gateway: ${shared.gateway}", "url: ${shared.url}")
}
