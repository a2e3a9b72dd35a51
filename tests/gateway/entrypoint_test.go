package gateway

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// TestAUsersMiddlewareComesAfterTheGuard would catch a middleware of the entry point that takes the place of the gateway's own,
// or that sees what the gateway refuses.
func TestAUsersMiddlewareComesAfterTheGuard(t *testing.T) {
	sharedGateway(t) // it brings the kind Middleware
	middlewares := harness.NewCluster(t).Resource(schema.GroupVersionResource{Group: "traefik.io", Version: "v1alpha1", Resource: "middlewares"}).
		Namespace("default")
	_, err := middlewares.Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "traefik.io/v1alpha1", "kind": "Middleware", "metadata": map[string]any{"name": "stamp"},
		"spec": map[string]any{"headers": map[string]any{"customResponseHeaders": map[string]any{"X-Stamp": "seen"}}},
	}}, metav1.CreateOptions{})
	require.NoError(t, err)
	server := harness.Serve(t, modelserver.Options{Name: "stamped", Address: ":8000", BasePath: "/v1"})
	url := harness.NewStack(t, "stamped").MustUp(t, harness.Program("stamped", []string{
		harness.ModelGateway("front", "installCrds: false, replicas: 1, service: {type: ClusterIP}, "+
			harness.Chart("ports: {web: {http: {middlewares: ['default_stamp@kubernetescrd']}}}")),
		harness.ModelEndpoint("stamped", fmt.Sprintf("url: 'http://%s/v1'", server.Address())),
		harness.ModelService("chat", "'${front.gateway}'", "", "stamped"),
	}, "url: ${chat.url}"))["url"].(string)

	for path, want := range map[string]struct {
		status int
		stamp  string
	}{"/models": {http.StatusOK, "seen"}, "/..%2Fmetrics": {http.StatusBadRequest, ""}} {
		response, err := http.Get(url + path)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, want.status, response.StatusCode, path)
		assert.Equal(t, want.stamp, response.Header.Get("X-Stamp"), path)
	}
}
