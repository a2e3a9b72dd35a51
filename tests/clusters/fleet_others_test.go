package clusters

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

var (
	namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	routes     = schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"}
)

// elsewhereStack is another stack that uses the cluster east by a kubeconfig of its own.
func elsewhereStack(t testing.TB, name, kubeconfig string) *stack.Stack {
	t.Helper()
	s := harness.NewStack(t, name)
	s.SetSecret(t, "kubeconfig", kubeconfig)
	return s
}

func elsewhereProgram(name string, resources ...string) string {
	return program{name: name}.with(resources...).String() + "config: {kubeconfig: {type: string, secret: true}}\n"
}

// onEast is a deployment on the fleet's cluster east, as a program of another stack writes it.
func (r *running) onEast(t testing.TB, name string) string {
	t.Helper()
	east := r.Outputs(t)["urls"].(map[string]any)["east"].(string)
	return fmt.Sprintf(`  %s:
    type: modelplane:ModelDeployment
    properties:
      model: hf://org/small
      clusters: [{facts: {name: east}, gateway: {name: east, namespace: modelplane-east, listener: http}}]
      connections: {east: {url: 'http://%s', kubeconfig: '${kubeconfig}'}}
      engine: {image: modelserver, args: [--model=small], startupMinutes: 1}`, name, hostOf(t, east))
}

// anotherStack would catch one that takes over, changes or deletes what the fleet has on a cluster, and a failure that does not say whose it is.
func anotherStack(t *testing.T, r *running) {
	kubeconfig := kubeconfigOf(t, harness.Plane.Cluster("east"))
	for kind, c := range map[string]struct{ resource, sentence string }{
		"cluster": {
			inferenceCluster(t, "east", "kubeconfig: '${kubeconfig}',"), "This Namespace on the cluster east belongs to another stack or program",
		},
		"deployment": {r.onEast(t, "small"), "This Deployment on the cluster east belongs to another stack or program"},
	} {
		before := r.versions(t, "east")
		s := elsewhereStack(t, "other-"+kind, kubeconfig)
		s.Write(t, elsewhereProgram("other-"+kind, c.resource))
		result := s.Up()
		require.Error(t, result.Err)
		assert.Contains(t, failures(result), c.sentence)
		requireSucceeds(t, s.Destroy())
		assert.Equal(t, before, r.versions(t, "east"), "the second stack has changed an object")
	}
	requireSame(t, r.Up())
	r.underLoad(t, func() {})
}

// versions are those of the fleet's objects on a cluster, their status left out.
func (r *running) versions(t testing.TB, cluster string) map[string]string {
	t.Helper()
	versions := map[string]string{}
	for name, object := range r.clusters[cluster].Objects(t) {
		if object.GetLabels()["app.kubernetes.io/managed-by"] == "modelplane" || strings.Contains(name, "sh.helm.release") {
			versions[name] = fmt.Sprintf("%s %d %v", object.GetUID(), object.GetGeneration(), object.GetLabels())
		}
	}
	require.Greater(t, len(versions), 5)
	return versions
}

// aUserWithoutRights would catch a refusal that does not say of whom, what and where, and one that leaves a stack which cannot go on.
func aUserWithoutRights(t *testing.T, r *running) {
	on := func(group string, resources ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources, Verbs: []string{"*"}}
	}
	reads := rbacv1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"get", "list", "watch"}}
	some := []rbacv1.PolicyRule{reads, on("", "services"), on("policy", "poddisruptionbudgets"), on("gateway.networking.k8s.io", "httproutes")}
	u := newUser(t, harness.Plane.Cluster("east"), "limited", some...)
	s := elsewhereStack(t, "limited", u.kubeconfig(t, nil))
	refused := func(wants ...string) {
		result := s.Up()
		require.Error(t, result.Err, wants[0])
		for _, want := range append(wants, `forbidden: User "system:serviceaccount:kube-system:limited" cannot`) {
			assert.Contains(t, failures(result), want)
		}
	}

	s.Write(t, elsewhereProgram("limited", r.onEast(t, "team")))
	refused(`deployments.apps "team" is forbidden`, "modelplane:index:ModelDeployment (team)",
		"The user of the kubeconfig for the cluster east lacks the right that the error names")
	u.may(t, append(some, on("apps", "deployments"))...)
	requireSucceeds(t, s.Up())
	requireSame(t, s.Up())
	requireSucceeds(t, s.Destroy())

	s.Write(t, elsewhereProgram("limited", inferenceCluster(t, "own", "kubeconfig: '${kubeconfig}',")))
	u.may(t, reads)
	// Pulumi writes them side by side, and ends after the first that fail.
	refused(`cannot patch resource "customresourcedefinitions" in API group "apiextensions.k8s.io"`,
		"modelplane:index:InferenceCluster (own)", "Set gatewayApi: Existing for this cluster")
	u.may(t, reads, on("apiextensions.k8s.io", "customresourcedefinitions"))
	refused(`namespaces "modelplane-own" is forbidden`, "The user of the kubeconfig for the cluster own lacks the right")
	u.may(t, reads, on("apiextensions.k8s.io", "customresourcedefinitions"), on("", "namespaces"))
	refused("secrets is forbidden", "The user of the kubeconfig for the cluster own lacks the right")
	u.may(t, administrator)
	requireSucceeds(t, s.Up())
	requireSucceeds(t, s.Destroy())
}

// aRouteOfAnotherNamespace shows what docs/components/inference-cluster.md says: one with the same path gets nothing, one with a longer path
// gets the requests below that, and neither does on a cluster that takes routes of the models' namespace alone.
func aRouteOfAnotherNamespace(t *testing.T, r *running) {
	makeNamespace(t, r.clusters["east"], "attacker")
	makeNamespace(t, r.clusters["west"], "attacker")
	claim := func(cluster, name, path string) {
		_, err := r.clusters[cluster].Resource(routes).Namespace("attacker").Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": map[string]any{"name": name},
			"spec": map[string]any{
				"parentRefs": []any{map[string]any{"name": cluster, "namespace": "modelplane-" + cluster}},
				"rules": []any{map[string]any{
					"matches": []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": path}}},
					"filters": []any{map[string]any{"type": "RequestRedirect", "requestRedirect": map[string]any{"path": map[string]any{
						"type": "ReplaceFullPath", "replaceFullPath": "/stolen",
					}}}},
				}},
			},
		}}, metav1.CreateOptions{})
		require.NoError(t, err)
	}
	urls := r.Outputs(t)["urls"].(map[string]any)
	stolen := func(cluster, path string) bool {
		client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		answer, err := client.Get("http://" + hostOf(t, urls[cluster].(string)) + path)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode == http.StatusFound
	}
	const models, longer = "/default/small/v1/models", "/default/small/v1/embeddings"
	for _, cluster := range []string{"west", "east"} {
		claim(cluster, "same", "/default/small")
		claim(cluster, "longer", longer)
	}
	require.Eventually(t, func() bool { return stolen("east", longer) }, 20*time.Second, 50*time.Millisecond)
	assert.False(t, stolen("east", models), "a route with the same path, that is newer")
	// Those of west came first, so that its Envoy has had the time, too.
	assert.False(t, stolen("west", longer), "a route of a namespace that is not allowed")
	assert.False(t, stolen("west", models))
}

// makeNamespace makes a namespace that is removed when the test ends.
// makeNamespace makes a namespace, and says how to remove it.
func makeNamespace(t testing.TB, cluster harness.Cluster, name string) {
	t.Helper()
	client := cluster.Resource(namespaces)
	_, err := client.Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name},
	}}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, client.Delete(context.Background(), name, metav1.DeleteOptions{}))
		require.Eventually(t, func() bool {
			_, err := client.Get(context.Background(), name, metav1.GetOptions{})
			return apierrors.IsNotFound(err)
		}, time.Minute, 100*time.Millisecond)
	})
}

// failures is what an operation's output says below Diagnostics.
func failures(result stack.Result) string {
	_, found, _ := strings.Cut(result.Output, "Diagnostics:")
	return found
}

func requireSucceeds(t testing.TB, result stack.Result) {
	t.Helper()
	require.NoError(t, result.Err, result.Output)
}
