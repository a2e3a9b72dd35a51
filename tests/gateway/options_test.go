package gateway

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// TestOptionsOfAComponentReachItsChildren would catch a child that goes to another cluster than its component's provider
// leads to, that is made before what the component depends on, that is not protected, or that is made anew when the
// component is renamed with an alias.
func TestOptionsOfAComponentReachItsChildren(t *testing.T) {
	gateway := sharedGateway(t)
	server := harness.Serve(t, modelserver.Options{Name: "optional", Address: ":8000", BasePath: "/v1"})
	// Only the program's own provider leads to the cluster.
	s := stack.New(t, "options", map[string]string{"KUBECONFIG": "/nonexistent"})
	text := func(name, options string) string {
		return program("options", []string{
			resource("pulumi:providers:kubernetes", "cluster", fmt.Sprintf("kubeconfig: %q", harness.Plane.Kubeconfig()), ""),
			resource("kubernetes:core/v1:Namespace", "apart", "metadata: {name: options-apart}", "provider: '${cluster}'"),
			resource("modelplane:ModelEndpoint", name, fmt.Sprintf("url: 'http://%s/v1', namespace: options-apart", server.Address()),
				"providers: ['${cluster}'], dependsOn: ['${apart}'], "+options),
			resource("modelplane:ModelService", "chat", fmt.Sprintf("gateway: %s, backends: [{endpoint: '${%s.backend}'}]", gateway, name),
				"providers: ['${cluster}']"),
		}, "url: ${chat.url}")
	}
	url := s.MustUp(t, text("old", "protect: true"))["url"].(string)
	requireServed(t, url, "optional")
	assert.Equal(t, []bool{true, true}, protection(t, s, "Service", "EndpointSlice"))

	s.Write(t, text("new", "aliases: [{name: old}]"))
	result := s.Up()
	requireSucceeds(t, result)
	for _, change := range []string{"create", "replace", "delete", "create-replacement", "delete-replaced"} {
		assert.Zero(t, result.Changes[change], "%s: %s", change, result.Output)
	}
	assert.Equal(t, []bool{false, false}, protection(t, s, "Service", "EndpointSlice"))
	requireServed(t, url, "optional")
}

// protection is whether the stack's only object of each kind is protected.
func protection(t testing.TB, s *stack.Stack, kinds ...string) []bool {
	t.Helper()
	var state struct {
		Checkpoint struct {
			Latest struct {
				Resources []struct {
					Protect bool
					Inputs  struct{ Kind string }
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(s.State(t)), &state))
	var protected []bool
	for _, kind := range kinds {
		for _, resource := range state.Checkpoint.Latest.Resources {
			if resource.Inputs.Kind == kind {
				protected = append(protected, resource.Protect)
			}
		}
	}
	return protected
}
