package gateway

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

const bundleVersion = "gateway.networking.k8s.io/bundle-version"

var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// TestDefinitionsOfSomebodyElseAreNeverOverwritten would catch a gateway that takes over, or downgrades in silence, a
// definition that another tool holds in another version, and a failure that does not say the way out.
func TestDefinitionsOfSomebodyElseAreNeverOverwritten(t *testing.T) {
	const name = "grpcroutes.gateway.networking.k8s.io"
	sharedGateway(t)
	theirs := hold(t, name, func(definition map[string]any) {
		require.NoError(t, unstructured.SetNestedField(definition, "v9.9.9", "metadata", "annotations", bundleVersion))
		require.NoError(t, unstructured.SetNestedStringSlice(definition, []string{"gateway-api", "theirs"}, "spec", "names", "categories"))
	})

	s := harness.NewStack(t, "conflict")
	s.Write(t, program("conflict", []string{modelGateway("late", chart(""))}))
	result := s.Up()
	require.Error(t, result.Err)
	t.Log(result.Output)
	assert.Contains(t, result.Output, "installCrds: false")
	now, err := harness.NewCluster(t).Resource(definitions).Get(t.Context(), name, metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, theirs.Object["spec"], now.Object["spec"])
	assert.Equal(t, theirs.GetAnnotations(), now.GetAnnotations())
}

// hold makes a definition one that somebody else has installed, changed, until the test ends.
func hold(t testing.TB, name string, change func(map[string]any)) *unstructured.Unstructured {
	t.Helper()
	client := harness.NewCluster(t).Resource(definitions)
	original, err := client.Get(t.Context(), name, metav1.GetOptions{})
	require.NoError(t, err)
	put := func(definition *unstructured.Unstructured) *unstructured.Unstructured {
		require.NoError(t, client.Delete(context.Background(), name, metav1.DeleteOptions{}))
		require.Eventually(t, func() bool {
			_, err := client.Get(context.Background(), name, metav1.GetOptions{})
			return apierrors.IsNotFound(err)
		}, 30*time.Second, 50*time.Millisecond)
		for _, field := range []string{"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"} {
			unstructured.RemoveNestedField(definition.Object, "metadata", field)
		}
		unstructured.RemoveNestedField(definition.Object, "status")
		made, err := client.Apply(context.Background(), name, definition, metav1.ApplyOptions{FieldManager: "somebody-else"})
		require.NoError(t, err)
		return made
	}
	changed := original.DeepCopy()
	change(changed.Object)
	t.Cleanup(func() { put(original) })
	return put(changed)
}
