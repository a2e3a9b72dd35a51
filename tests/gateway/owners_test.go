package gateway

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/load"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

var (
	namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	routes     = schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"}
)

// TestANamedNamespaceAndWhatIsInItIsNeverDeleted would catch a namespace of another team's that goes with the gateway, or
// when the gateway moves to another one; one that is created and then deleted; and a Pulumi name that no Kubernetes object
// can have and that gets into one.
func TestANamedNamespaceAndWhatIsInItIsNeverDeleted(t *testing.T) {
	sharedGateway(t)
	cluster := harness.NewCluster(t)
	makeNamespace(t, "team")
	precious := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "precious"}, "data": map[string]any{"a": "b"},
	}}
	before, err := cluster.Resource(configMaps).Namespace("team").Create(t.Context(), precious, metav1.CreateOptions{})
	require.NoError(t, err)
	intact := func(after string) {
		t.Helper()
		now, err := cluster.Resource(configMaps).Namespace("team").Get(t.Context(), "precious", metav1.GetOptions{})
		require.NoError(t, err, after)
		assert.Equal(t, before.GetUID(), now.GetUID(), after)
		namespace, err := cluster.Resource(namespaces).Get(t.Context(), "team", metav1.GetOptions{})
		require.NoError(t, err, after)
		assert.Empty(t, namespace.GetDeletionTimestamp(), after)
	}

	t.Cleanup(func() { removeNamespace(t, "moved-to") })
	s := harness.NewStack(t, "moving")
	in := func(properties string) string {
		return harness.Program("moving", []string{harness.ModelGateway("edgeGateway", "name: moving, replicas: 1, service: {type: ClusterIP}, "+
			properties+", "+harness.Chart(""))}, "url: ${edgeGateway.url}")
	}
	s.MustUp(t, in("namespace: team"))
	requireSucceeds(t, s.Destroy())
	intact("destroy")

	s.MustUp(t, in("namespace: team, createNamespace: true"))
	requireNothingChanges(t, s.Up(), "up")
	url := s.MustUp(t, in("namespace: moved-to, createNamespace: true"))["url"].(string)
	assert.Equal(t, 404, statusOf(t, url), "Traefik does not run")
	intact("a change of namespace")
	requireNothingChanges(t, s.Up(), "up")

	requireSucceeds(t, s.Destroy())
	kept, err := cluster.Resource(namespaces).Get(t.Context(), "moved-to", metav1.GetOptions{})
	require.NoError(t, err, "the namespace was created, but is not to be deleted")
	assert.NotContains(t, kept.GetLabels(), "modelplane/owner")
	requireSucceeds(t, s.Up())
}

// TestANamespaceThatDoesNotExistIsNamed would catch a failure that does not say what to write.
func TestANamespaceThatDoesNotExistIsNamed(t *testing.T) {
	sharedGateway(t)
	s := harness.NewStack(t, "bare")
	s.Write(t, harness.Program("bare", []string{harness.ModelGateway("bare", "service: {type: ClusterIP}, namespace: nowhere, "+harness.Chart(""))}))
	result := s.Up()
	require.Error(t, result.Err)
	assert.Contains(t, result.Output, "The namespace nowhere does not exist. Create it before the gateway, or set createNamespace: true.")
}

// TestAnotherStackLeavesAGatewayAlone would catch a second stack of one program that takes over, changes or deletes what the
// first one serves with, be it by its failed update or by its destroy; and a failure that does not say whose the objects are.
func TestAnotherStackLeavesAGatewayAlone(t *testing.T) {
	sharedGateway(t)
	makeNamespace(t, "both")
	for name, c := range map[string]struct{ place, sentence string }{
		"default": {"", "The namespace modelplane-gw belongs to a gateway of another stack or program"},
		"named":   {"namespace: both,", "The Middleware gw-entry-point in the namespace both belongs to a gateway of another stack or program"},
	} {
		t.Run(name, func(t *testing.T) {
			server := harness.Serve(t, modelserver.Options{Name: "first", Address: ":8000", BasePath: "/v1"})
			text := func(project string) string {
				return harness.Program(project, []string{
					harness.ModelGateway("gw", c.place+" service: {type: ClusterIP}, "+harness.Chart("")),
					harness.ModelEndpoint("own", fmt.Sprintf("url: 'http://%s/v1'", server.Address())),
					harness.ModelService("chat", "'${gw.gateway}'", "", "own"),
				}, "url: ${chat.url}")
			}
			first, second := harness.NewStack(t, "prod"), harness.NewStack(t, "dev")
			url := first.MustUp(t, text("prod"))["url"].(string)
			requireServed(t, url, "first")
			quiet := versions(t)

			run := load.Start(t.Context(), load.Config{URL: url, RatePerSecond: 100, MaxRequests: 60_000})
			require.NoError(t, run.WaitFor(t.Context(), 100))
			second.Write(t, text("dev"))
			result := second.Up()
			require.Error(t, result.Err)
			assert.Contains(t, result.Output, c.sentence)
			assert.NotContains(t, result.Output, "FORCE=true")
			requireSucceeds(t, second.Destroy())
			require.NoError(t, run.WaitFor(t.Context(), 100))
			require.NoError(t, run.Stop().Err())

			assert.Equal(t, quiet, versions(t), "the second stack has changed an object")
			requireUnchanged(t, first)
			requireServed(t, url, "first")
		})
	}
}

// TestAnotherStackLeavesARouteAlone would catch a service that takes over a route of another stack, even where both are
// written the same.
func TestAnotherStackLeavesARouteAlone(t *testing.T) {
	gateway := sharedGateway(t)
	server := harness.Serve(t, modelserver.Options{Name: "owned", Address: ":8000", BasePath: "/v1"})
	text := func(project string) string {
		return harness.Program(project, []string{
			harness.ModelEndpoint("own", fmt.Sprintf("url: 'http://%s/v1'", server.Address())),
			harness.ModelService("owned", gateway, "", "own"),
		}, "url: ${owned.url}")
	}
	first, second := harness.NewStack(t, "prod"), harness.NewStack(t, "dev")
	url := first.MustUp(t, text("prod"))["url"].(string)
	second.Write(t, text("dev"))
	result := second.Up()
	require.Error(t, result.Err)
	assert.Contains(t, result.Output, "The HTTPRoute owned in the namespace default belongs to another stack or program")
	requireSucceeds(t, second.Destroy())
	requireServed(t, url, "owned")
	requireUnchanged(t, first)
}

// TestAStackKeepsItsOwnObjects would catch a stack that is refused its own route after it was renamed, or its component was;
// and one that is said to be another after its state was lost.
func TestAStackKeepsItsOwnObjects(t *testing.T) {
	gateway := sharedGateway(t)
	server := harness.Serve(t, modelserver.Options{Name: "kept", Address: ":8000", BasePath: "/v1"})
	text := func(name, options string) string {
		return harness.Program("keeper", []string{
			harness.ModelEndpoint("kept", fmt.Sprintf("url: 'http://%s/v1'", server.Address())),
			harness.Resource("modelplane:ModelService", name,
				fmt.Sprintf("name: kept, gateway: %s, backends: [{endpoint: '${kept.backend}'}]", gateway), options),
		}, fmt.Sprintf("url: ${%s.url}", name))
	}
	s := harness.NewStack(t, "keeper")
	url := s.MustUp(t, text("kept-chat", ""))["url"].(string)
	owner := func() (types.UID, string) {
		route, err := harness.NewCluster(t).Resource(routes).Namespace("default").Get(t.Context(), "kept", metav1.GetOptions{})
		require.NoError(t, err)
		return route.GetUID(), route.GetLabels()["modelplane/owner"]
	}
	uid, first := owner()
	require.NotEmpty(t, first)

	s.MustUp(t, text("renamed", "aliases: [{name: kept-chat}]"))
	same, second := owner()
	assert.Equal(t, uid, same, "the route was replaced")
	assert.NotEqual(t, first, second)

	s.Rename(t, "other")
	requireSucceeds(t, s.Up())
	same, third := owner()
	assert.Equal(t, uid, same, "the route was replaced")
	assert.NotEqual(t, second, third)
	requireServed(t, url, "kept")

	// A stack of the same name, project and program, whose state was lost, has a new Service to send requests to, and that alone
	// is the conflict.
	lost := harness.NewStack(t, "keeper")
	lost.Rename(t, "other")
	lost.Write(t, text("renamed", ""))
	result := lost.Up()
	require.Error(t, result.Err)
	assert.Contains(t, result.Output, "1 conflict: ")
	assert.Contains(t, result.Output, ".spec.rules")
	assert.NotContains(t, result.Output, "belongs to another stack")
	requireServed(t, url, "kept")
}

// makeNamespace makes a namespace that is removed when the test ends.
func makeNamespace(t testing.TB, name string) {
	t.Helper()
	_, err := harness.NewCluster(t).Resource(namespaces).Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name},
	}}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { removeNamespace(t, name) })
}

// removeNamespace deletes a namespace and waits for its end.
func removeNamespace(t testing.TB, name string) {
	t.Helper()
	client := harness.NewCluster(t).Resource(namespaces)
	if err := client.Delete(context.Background(), name, metav1.DeleteOptions{}); apierrors.IsNotFound(err) {
		return
	}
	require.Eventually(t, func() bool {
		_, err := client.Get(context.Background(), name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	}, time.Minute, 100*time.Millisecond)
}

// requireUnchanged has Pulumi look for differences between a stack's program and its state, and for none in the cluster.
func requireUnchanged(t testing.TB, s *stack.Stack) {
	t.Helper()
	requireSucceeds(t, s.Refresh())
	result := s.Up()
	requireSucceeds(t, result)
	require.Len(t, result.Changes, 1, "%v: %s", result.Changes, result.Output)
	require.Positive(t, result.Changes["same"])
}
