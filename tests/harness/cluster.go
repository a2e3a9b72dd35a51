package harness

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

// Cluster reads and writes objects of any kind in one cluster of the plane, as its administrator.
type Cluster struct {
	dynamic.Interface

	config *rest.Config
}

// NewCluster connects to the plane's first cluster.
func NewCluster(t testing.TB) Cluster {
	t.Helper()
	return Connect(t, Plane.First())
}

// Connect connects to a cluster of the plane, as in Connect(t, Plane.Cluster("east")).
func Connect(t testing.TB, cluster localplane.Cluster) Cluster {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", cluster.Kubeconfig())
	require.NoError(t, err)
	config.QPS, config.Burst = 200, 200
	config.WarningHandler = rest.NoWarnings{}
	client, err := dynamic.NewForConfig(config)
	require.NoError(t, err)
	return Cluster{client, config}
}

// Objects are all objects of every kind that the API server can list, except Events, by "resource.group namespace/name".
func (c Cluster) Objects(t testing.TB) map[string]unstructured.Unstructured {
	t.Helper()
	client, err := discovery.NewDiscoveryClientForConfig(c.config)
	require.NoError(t, err)
	lists, err := client.ServerPreferredResources()
	require.NoError(t, err)
	objects := map[string]unstructured.Unstructured{}
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		require.NoError(t, err)
		for _, resource := range list.APIResources {
			if !slices.Contains(resource.Verbs, "list") || resource.Name == "events" {
				continue
			}
			kind := version.WithResource(resource.Name)
			found, err := c.Resource(kind).List(t.Context(), metav1.ListOptions{})
			require.NoError(t, err, kind)
			for _, object := range found.Items {
				objects[kind.GroupResource().String()+" "+object.GetNamespace()+"/"+object.GetName()] = object
			}
		}
	}
	return objects
}

// Left are the names of the objects that are there now and were not before, except CRDs, which gateways keep on purpose.
func (c Cluster) Left(t testing.TB, before map[string]unstructured.Unstructured) []string {
	t.Helper()
	now := c.Objects(t)
	maps.DeleteFunc(now, func(name string, _ unstructured.Unstructured) bool {
		_, was := before[name]
		kind, _, _ := strings.Cut(name, " ")
		// The API server makes an APIService of each group of CRDs.
		return was || kind == "customresourcedefinitions.apiextensions.k8s.io" || kind == "apiservices.apiregistration.k8s.io"
	})
	return Names(now)
}

// Names are the keys of objects, sorted.
func Names(objects map[string]unstructured.Unstructured) []string {
	return slices.Sorted(maps.Keys(objects))
}

// Create makes an object, written in YAML, which goes when the test ends. The name of its resource must be that of its kind and an s.
func (c Cluster) Create(t testing.TB, text string) {
	t.Helper()
	object := &unstructured.Unstructured{}
	require.NoError(t, yaml.Unmarshal([]byte(text), &object.Object))
	kind := object.GroupVersionKind()
	client := c.Resource(kind.GroupVersion().WithResource(strings.ToLower(kind.Kind) + "s")).Namespace(object.GetNamespace())
	_, err := client.Create(t.Context(), object, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, client.Delete(context.Background(), object.GetName(), metav1.DeleteOptions{}))
		require.Eventually(t, func() bool {
			_, err := client.Get(context.Background(), object.GetName(), metav1.GetOptions{})
			return apierrors.IsNotFound(err)
		}, time.Minute, 100*time.Millisecond)
	})
}
