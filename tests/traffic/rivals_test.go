package traffic

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

// otherTeamsReachNoFigures would catch a way to all teams' figures for somebody who may make routes, Middlewares and Gateways in a namespace of
// their own, or who is outside of the cluster, and a way to spoil another team's figures.
func otherTeamsReachNoFigures(t *testing.T, o *observed) {
	cluster := harness.NewCluster(t)
	create := func(group, version, resource, kind, name string, spec map[string]any) {
		object := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
		object.SetAPIVersion(strings.TrimPrefix(group+"/"+version, "/"))
		object.SetKind(kind)
		object.SetName(name)
		content, err := object.MarshalJSON()
		require.NoError(t, err)
		require.NoError(t, object.UnmarshalJSON(content))
		kinds := cluster.Resource(schema.GroupVersionResource{Group: group, Version: version, Resource: resource})
		if resource == "namespaces" {
			_, err = kinds.Create(t.Context(), object, metav1.CreateOptions{})
		} else {
			_, err = kinds.Namespace("rivals").Create(t.Context(), object, metav1.CreateOptions{})
		}
		require.NoError(t, err, name)
		t.Cleanup(func() {
			if resource == "namespaces" {
				_ = kinds.Delete(context.Background(), name, metav1.DeleteOptions{})
			}
		})
	}
	create("", "v1", "namespaces", "Namespace", "rivals", nil)
	create("", "v1", "services", "Service", "mine", map[string]any{"ports": []any{map[string]any{"name": "http", "port": 9100, "appProtocol": "http"}}})
	slice := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": map[string]any{"name": "mine", "labels": map[string]any{"kubernetes.io/service-name": "mine"}},
		"addressType": "IPv4", "ports": []any{map[string]any{"name": "http", "port": int64(o.odd.port)}},
		"endpoints": []any{map[string]any{"addresses": []any{o.odd.host}, "conditions": map[string]any{"ready": true}}},
	}}
	_, err := cluster.Resource(schema.GroupVersionResource{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"}).Namespace("rivals").
		Create(t.Context(), slice, metav1.CreateOptions{})
	require.NoError(t, err)
	const traefik, gatewayAPI = "traefik.io", "gateway.networking.k8s.io"
	plugin := func(name string, config map[string]any) {
		create(traefik, "v1alpha1", "middlewares", "Middleware", name, map[string]any{"plugin": map[string]any{"modelplane": config}})
	}
	plugin("reports", map[string]any{"report": "rivals/gw"})
	plugin("gw-metrics", map[string]any{"report": "modelplane-gw/gw"})
	plugin("spoils", map[string]any{"count": true, "service": "default/chat"})
	create(gatewayAPI, "v1", "gateways", "Gateway", "mine", map[string]any{
		"gatewayClassName": "modelplane-gw.gw",
		"listeners":        []any{map[string]any{"name": "metrics", "protocol": "HTTP", "port": 9100, "allowedRoutes": map[string]any{"namespaces": map[string]any{"from": "All"}}}},
	})
	route := func(name, path string, parent map[string]any, backend map[string]any, filters ...any) {
		create(gatewayAPI, "v1", "httproutes", "HTTPRoute", name, map[string]any{
			"parentRefs": []any{parent},
			"rules": []any{map[string]any{
				"matches": []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": path}}}, "filters": filters, "backendRefs": []any{backend},
			}},
		})
	}
	public := map[string]any{"name": "gw", "namespace": "modelplane-gw"}
	own := map[string]any{"name": "mine", "port": 9100}
	through := func(name string) map[string]any {
		return map[string]any{"type": "ExtensionRef", "extensionRef": map[string]any{"group": traefik, "kind": "Middleware", "name": name}}
	}
	route("reports", "/rivals/reports", public, own, through("reports"))
	route("named-alike", "/rivals/named-alike", public, own, through("gw-metrics"))
	route("metrics", "/metrics", public, own, through("gw-metrics"))
	route("internal", "/rivals/internal", public, map[string]any{"group": traefik, "kind": "TraefikService", "name": "prometheus@internal"},
		map[string]any{"type": "URLRewrite", "urlRewrite": map[string]any{"path": map[string]any{"type": "ReplaceFullPath", "replaceFullPath": "/metrics"}}})
	route("spoils", "/rivals/spoils", public, own, through("spoils"))
	mine := map[string]any{"name": "mine"}
	route("taken", "/metrics", mine, own)
	route("taken-longer", "/metrics/x", mine, own)
	route("taken-all", "/", mine, own)
	seen := func() bool {
		return do(t, http.MethodGet, o.urls["gateway"]+"/rivals/spoils", nil, nil).header.Get("X-Odd") != ""
	}
	require.Eventually(t, seen, 20*time.Second, 200*time.Millisecond, "the rivals' own route is not served")
	time.Sleep(2 * time.Second)

	before := harness.Figure(t, o.scrape(t), "modelplane_requests_total", `model_service="default/chat"`)
	for range 5 {
		do(t, http.MethodGet, o.urls["gateway"]+"/rivals/spoils", nil, nil)
	}
	for _, path := range []string{"/metrics", "/rivals/reports", "/rivals/reports/metrics", "/rivals/named-alike", "/rivals/internal", "/default/chat/v1/metrics"} {
		got := do(t, http.MethodGet, o.urls["gateway"]+path, nil, nil)
		assert.NotContains(t, got.body, "modelplane_", path)
		assert.NotContains(t, got.body, "traefik_", path)
	}
	after := o.scrape(t) // it is Traefik's own answer, and whole
	// The path below the service is the chat service's own, and is asked for a key.
	assert.Equal(t, before+1, harness.Figure(t, after, "modelplane_requests_total", `model_service="default/chat"`), "rivals count for another team")
	for _, address := range harness.GatewayPods(t) {
		for _, path := range []string{"/", "/metrics/x", "/v1/models"} {
			got := do(t, http.MethodGet, "http://"+address+":9100"+path, nil, nil)
			assert.Equal(t, http.StatusNotFound, got.status, path)
			assert.Empty(t, got.header.Get("X-Odd"), "rivals answer on the entry point of metrics")
		}
	}
	address := strings.TrimPrefix(o.urls["gateway"], "http://")
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	if connection, err := net.DialTimeout("tcp", net.JoinHostPort(address, "9100"), 2*time.Second); err == nil {
		_ = connection.Close()
		t.Error("the load balancer takes connections for the metrics")
	}
}
