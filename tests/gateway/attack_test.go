package gateway

import (
	"crypto/sha256"
	"fmt"
	"io"
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
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// TestAnotherNamespaceGetsNeitherKeysNorFiguresNorRequests would catch a Traefik that shows what it knows by its own services, that
// lets a namespace use another's keyed service or Middleware by any kind of reference, or that serves an IngressRoute.
func TestAnotherNamespaceGetsNeitherKeysNorFiguresNorRequests(t *testing.T) {
	const key = "sk-Attacked-7c1f0b9e2a"
	gateway := sharedGateway(t)
	server := harness.Serve(t, modelserver.Options{Name: "keyed", Address: ":8000", BasePath: "/v1", Keys: []string{key}})
	thief := harness.Serve(t, modelserver.Options{Name: "thief", Address: ":8000", BasePath: "/v1"})
	s := harness.NewStack(t, "attacked")
	s.SetSecret(t, "key", key)
	url := s.MustUp(t, harness.Program("attacked", []string{
		harness.Namespace("attacker"),
		harness.ModelEndpoint("keyed", fmt.Sprintf("url: 'http://%s/v1', apiKey: '${key}'", server.Address())),
		harness.ModelService("chat", gateway, "", "keyed"),
		harness.ModelEndpoint("thief", fmt.Sprintf("url: 'http://%s/v1', namespace: '${attacker.metadata.name}'", thief.Address())),
	}, "url: ${chat.url}"))["url"].(string)
	requireServed(t, url, "keyed")

	a := newAttack(t)
	a.references()
	a.middlewares()
	a.waitUntilSeen("seen")
	a.ask(key)
	// These come last: one of them that is served has all requests.
	a.ingressRoutes()
	a.waitUntilSeen("seen-again")
	a.ask(key)
	for _, request := range thief.Requests() {
		assert.Empty(t, harness.Found(fmt.Sprint(request.Header), key), "%s came to another namespace's server with the key", request.URI)
		assert.NotContains(t, request.URI, "chat", "a request for the service came to another namespace's server")
	}
	http.DefaultClient.CloseIdleConnections()
	requireServed(t, url, "keyed")
}

// ask asks for every path, and gets nothing that is another's.
func (a *attack) ask(key string) {
	for _, path := range a.paths {
		status, body := a.get(path)
		assert.Empty(a, harness.Found(body, key), "%s shows the key", path)
		assert.NotContains(a, body, "traefik_", "%s shows figures", path)
		assert.True(a, status == http.StatusNotFound || status == http.StatusInternalServerError, "%s is served: %d %.200s", path, status, body)
	}
	a.paths = nil
}

// attack makes objects in the namespace attacker, each of which is to serve, below a path of its own, what belongs to others.
type attack struct {
	testing.TB
	cluster harness.Cluster
	// service is a Service of the attacker's own; middleware has the key in default.
	service, middleware string
	// foreign are references to what belongs to others, with the path that gets most out of each.
	foreign map[string]string
	paths   []string
}

func newAttack(t testing.TB) *attack {
	a := &attack{TB: t, cluster: harness.NewCluster(t)}
	only := func(resource schema.GroupVersionResource, namespace, label string) *unstructured.Unstructured {
		list, err := a.cluster.Resource(resource).Namespace(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=" + label})
		require.NoError(t, err)
		require.Len(t, list.Items, 1, "%s %s/%s", resource.Resource, namespace, label)
		return &list.Items[0]
	}
	services := schema.GroupVersionResource{Version: "v1", Resource: "services"}
	a.service = only(services, "attacker", "thief").GetName()
	a.middleware = only(traefikKind("middlewares"), "default", "keyed").GetName()
	router := routerName("default", "chat", "/default/chat/v1")
	const models = "/default/chat/v1/models"
	a.foreign = map[string]string{
		"api@internal":                    "/api/rawdata",
		"dashboard@internal":              "/dashboard/",
		"rest@internal":                   "/api/providers/rest",
		"ping@internal":                   "/ping",
		"prometheus@internal":             "/metrics",
		router + "-wrr@kubernetesgateway": models,
		fmt.Sprintf("%s-svc-default-%s-0@kubernetesgateway", router, only(services, "default", "keyed").GetName()): models,
	}
	return a
}

// references names what is foreign in HTTPRoutes, alone and beside another, and by way of a TraefikService.
func (a *attack) references() {
	n := 0
	for reference, path := range a.foreign {
		direct := map[string]any{"group": "traefik.io", "kind": "TraefikService", "name": reference}
		indirect := fmt.Sprintf("indirect-%d", n)
		a.make(traefikKind("traefikservices"), "TraefikService", indirect, map[string]any{"weighted": map[string]any{
			"services": []any{map[string]any{"kind": "TraefikService", "name": reference, "weight": 1}},
		}})
		for i, backends := range [][]any{{direct}, {direct, direct}, {map[string]any{"group": "traefik.io", "kind": "TraefikService", "name": indirect}}} {
			a.route(fmt.Sprintf("reference-%d-%d", n, i), rewrite(path), backends...)
		}
		n++
	}
}

// middlewares has the attacker's own Service sent the key that the Middleware in default adds.
func (a *attack) middlewares() {
	own := map[string]any{"name": a.service, "port": 8000}
	for i, reference := range a.stolen() {
		chain, borrower := fmt.Sprintf("chain-%d", i), fmt.Sprintf("borrower-%d", i)
		a.make(traefikKind("middlewares"), "Middleware", chain, map[string]any{"chain": map[string]any{"middlewares": []any{reference}}})
		a.route(chain, map[string]any{"type": "ExtensionRef", "extensionRef": map[string]any{
			"group": "traefik.io", "kind": "Middleware", "name": chain,
		}}, own)
		a.make(traefikKind("traefikservices"), "TraefikService", borrower, map[string]any{"weighted": map[string]any{
			"services": []any{map[string]any{"name": a.service, "port": 8000, "weight": 1, "middlewares": []any{reference}}},
		}})
		a.route(borrower, rewrite("/v1/models"), map[string]any{"group": "traefik.io", "kind": "TraefikService", "name": borrower})
	}
}

func (a *attack) stolen() []any {
	return []any{
		map[string]any{"name": a.middleware, "namespace": "default"},
		map[string]any{"name": "default_" + a.middleware + "@kubernetescrd"},
		map[string]any{"name": "default-" + a.middleware + "@kubernetescrd"},
	}
}

// ingressRoutes asks to be served by every class that can be guessed, for HTTP, and for all connections.
func (a *attack) ingressRoutes() {
	classes := []string{"", "traefik", "shared", "modelplane-shared-shared", "$(MODELPLANE_POD_UID)"}
	for i, class := range classes {
		for j, annotated := range []bool{false, true} {
			name := fmt.Sprintf("ingress-%d-%d", i, j)
			var rules []any
			rule := func(service map[string]any, middlewares ...any) {
				path := fmt.Sprintf("/%s/%d", name, len(rules))
				rules = append(rules, map[string]any{
					"kind": "Rule", "match": fmt.Sprintf("PathPrefix(`%s`)", path), "services": []any{service}, "middlewares": middlewares,
				})
				a.paths = append(a.paths, path)
			}
			own := map[string]any{"name": a.service, "port": 8000}
			rule(own)
			for _, reference := range a.stolen() {
				rule(own, reference)
			}
			for reference := range a.foreign {
				rule(map[string]any{"kind": "TraefikService", "name": reference})
			}
			a.classed(class, annotated, traefikKind("ingressroutes"), "IngressRoute", name, rules)
			a.classed(class, annotated, traefikKind("ingressroutetcps"), "IngressRouteTCP", name, []any{map[string]any{
				"match": "HostSNI(`*`)", "priority": 1000000, "services": []any{own},
			}})
		}
	}
}

func (a *attack) classed(class string, annotated bool, resource schema.GroupVersionResource, kind, name string, routes []any) {
	spec := map[string]any{"entryPoints": []any{"web"}, "routes": routes}
	annotations := map[string]string{}
	switch {
	case annotated:
		annotations["kubernetes.io/ingress.class"] = class
	case class != "":
		spec["ingressClassName"] = class
	}
	a.make(resource, kind, name, spec, annotations)
}

// waitUntilSeen waits until Traefik serves a route, with a Middleware, that was made after all the others.
func (a *attack) waitUntilSeen(name string) {
	a.make(traefikKind("middlewares"), "Middleware", name, map[string]any{"headers": map[string]any{
		"customResponseHeaders": map[string]any{"X-Seen": "yes"},
	}})
	time.Sleep(time.Second)
	a.route(name, map[string]any{"type": "ExtensionRef", "extensionRef": map[string]any{
		"group": "traefik.io", "kind": "Middleware", "name": name,
	}}, map[string]any{"name": a.service, "port": 8000})
	a.paths = a.paths[:len(a.paths)-1]
	assert.Eventually(a, func() bool {
		response, err := http.Get(shared.url + "/attack/" + name)
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.Header.Get("X-Seen") == "yes"
	}, 20*time.Second, 100*time.Millisecond, "the attacker's own route is not served")
	time.Sleep(time.Second)
}

func (a *attack) route(name string, filter map[string]any, backends ...any) {
	path := "/attack/" + name
	a.make(schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"}, "HTTPRoute", name, map[string]any{
		"parentRefs": []any{map[string]any{"name": "shared", "namespace": "modelplane-shared"}},
		"rules": []any{map[string]any{
			"matches":     []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": path}}},
			"filters":     []any{filter},
			"backendRefs": backends,
		}},
	})
	a.paths = append(a.paths, path)
}

func (a *attack) make(resource schema.GroupVersionResource, kind, name string, spec map[string]any, annotations ...map[string]string) {
	a.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	object.SetAPIVersion(resource.GroupVersion().String())
	object.SetKind(kind)
	object.SetName(name)
	for _, more := range annotations {
		object.SetAnnotations(more)
	}
	content, err := object.MarshalJSON()
	require.NoError(a, err)
	require.NoError(a, object.UnmarshalJSON(content))
	_, err = a.cluster.Resource(resource).Namespace("attacker").Create(a.Context(), object, metav1.CreateOptions{})
	require.NoError(a, err, name)
}

func (a *attack) get(path string) (int, string) {
	a.Helper()
	response, err := http.Get(shared.url + path)
	require.NoError(a, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(a, err)
	return response.StatusCode, string(body)
}

func rewrite(path string) map[string]any {
	return map[string]any{"type": "URLRewrite", "urlRewrite": map[string]any{
		"path": map[string]any{"type": "ReplaceFullPath", "replaceFullPath": path},
	}}
}

func traefikKind(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "traefik.io", Version: "v1alpha1", Resource: resource}
}

// routerName is what Traefik calls the router of a route's first rule on the shared gateway
// (makeRouterName and buildPathRule in pkg/provider/kubernetes/gateway of v3.7.13).
func routerName(namespace, name, prefix string) string {
	hash := sha256.New()
	for _, part := range []string{namespace, name, "modelplane-shared", "shared", "web", "0"} {
		fmt.Fprintf(hash, "%d:%s", len(part), part)
	}
	fmt.Fprintf(hash, "(Path(%q) || PathPrefix(%q))", prefix, prefix+"/")
	label := strings.Join([]string{"httproute", namespace, name, "gw", "modelplane-shared", "shared", "ep", "web", "0"}, "-")
	return fmt.Sprintf("%s-%.10x", label, hash.Sum(nil))
}
