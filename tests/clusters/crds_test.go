package clusters

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

var crds = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// installCRDs installs what Envoy Gateway watches without asking whether it is there, which is all of the Gateway API's
// standard channel but TCPRoute and UDPRoute, and of its own CRDs the one that these tests use. It looks for its own once,
// when it starts, and does without any that is missing.
func installCRDs(t testing.TB, cluster harness.Cluster) {
	t.Helper()
	files, err := filepath.Glob("../../provider/internal/crds/manifests/*.gateway.*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		text, err = yaml.YAMLToJSON(text)
		require.NoError(t, err)
		var crd unstructured.Unstructured
		require.NoError(t, json.Unmarshal(text, &crd.Object), file)
		_, err = cluster.Resource(crds).Apply(t.Context(), crd.GetName(), &crd, metav1.ApplyOptions{FieldManager: "modelplane", Force: true})
		require.NoError(t, err, file)
		require.Eventually(t, func() bool {
			found, err := cluster.Resource(crds).Get(t.Context(), crd.GetName(), metav1.GetOptions{})
			return err == nil && isTrue(found, "Established")
		}, 20*time.Second, 50*time.Millisecond, crd.GetName())
	}
}

// isTrue tells whether an object's condition is true.
func isTrue(object *unstructured.Unstructured, condition string) bool {
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, entry := range conditions {
		if entry := entry.(map[string]any); entry["type"] == condition {
			return entry["status"] == "True"
		}
	}
	return false
}
