package gateway

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// TestOnlyAllowedNamespacesAttachRoutes would catch a gateway that lets any namespace take a path of another: a longer match wins,
// so a hand-made route gets the requests as soon as its namespace may attach it.
func TestOnlyAllowedNamespacesAttachRoutes(t *testing.T) {
	sharedGateway(t)
	makeNamespace(t, "outside")
	server := harness.Serve(t, modelserver.Options{Name: "inside", Address: ":8000", BasePath: "/v1"})
	s := harness.NewStack(t, "walled")
	url := s.MustUp(t, harness.Program("walled", []string{
		harness.ModelGateway("walled", "replicas: 1, service: {type: ClusterIP}, exclusiveClass: true, allowedNamespaces: {matchLabels: {kubernetes.io/metadata.name: default}}, "+harness.Chart("")),
		harness.ModelEndpoint("inside", fmt.Sprintf("url: 'http://%s/v1'", server.Address())),
		harness.ModelService("chat", "'${walled.gateway}'", "", "inside"),
	}, "url: ${chat.url}"))["url"].(string)

	cluster := harness.NewCluster(t)
	gateways := cluster.Resource(schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "gateways"})
	routes := cluster.Resource(schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"})
	_, err := routes.Namespace("outside").Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
		"metadata": map[string]any{"name": "thief"},
		"spec": map[string]any{
			"parentRefs": []any{map[string]any{"name": "walled", "namespace": "modelplane-walled"}},
			"rules": []any{map[string]any{
				"matches":     []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": "/default/chat/v1/chat/completions"}}},
				"backendRefs": []any{map[string]any{"name": "nothing", "port": int64(80)}},
			}},
		},
	}}, metav1.CreateOptions{})
	require.NoError(t, err)
	time.Sleep(2 * time.Second)
	requireServed(t, url, "inside")

	t.Run("whoever makes a Gateway of its class is refused", func(t *testing.T) { classIsKept(t, gateways) })

	// What belongs to the gateway itself can still be changed.
	_, err = gateways.Namespace("modelplane-walled").Patch(t.Context(), "walled", types.JSONPatchType,
		[]byte(`[{"op": "replace", "path": "/spec/listeners/0/allowedRoutes/namespaces", "value": {"from": "All"}}]`), metav1.PatchOptions{})
	require.NoError(t, err)
	assert.Eventually(t, func() bool {
		response, err := http.Post(url+"/chat/completions", "application/json", http.NoBody)
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusInternalServerError
	}, 20*time.Second, 100*time.Millisecond, "the route takes no request even where it may: the test tells nothing")
}

// classIsKept would catch a Gateway of another namespace, or of another name, that gets the listeners' ports, however it comes to the class.
func classIsKept(t *testing.T, gateways dynamic.NamespaceableResourceInterface) {
	gateway := func(name, class string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": map[string]any{"name": name},
			"spec": map[string]any{"gatewayClassName": class, "listeners": []any{map[string]any{
				"name": "http", "protocol": "HTTP", "port": int64(8000), "allowedRoutes": map[string]any{"namespaces": map[string]any{"from": "All"}},
			}}},
		}}
	}
	const class, message = "modelplane-walled.walled", "the GatewayClass modelplane-walled.walled is for the Gateway walled in the namespace modelplane-walled alone"
	for namespace, name := range map[string]string{"outside": "walled", "modelplane-walled": "another"} {
		_, err := gateways.Namespace(namespace).Create(t.Context(), gateway(name, class), metav1.CreateOptions{})
		assert.ErrorContains(t, err, message, namespace)
	}
	_, err := gateways.Namespace("outside").Create(t.Context(), gateway("mine", "of-another-tool"), metav1.CreateOptions{})
	require.NoError(t, err, "other classes are not the gateway's business")
	_, err = gateways.Namespace("outside").Patch(t.Context(), "mine", types.MergePatchType, []byte(`{"spec": {"gatewayClassName": "`+class+`"}}`), metav1.PatchOptions{})
	assert.ErrorContains(t, err, message)
}
