package gateway

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

const bundleVersion = "gateway.networking.k8s.io/bundle-version"

var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// TestDefinitionsOfSomebodyElseAreNeverOverwritten would catch a gateway that takes over, or downgrades in silence, a
// definition that another tool holds in another version; a failure that does not say the way out, or that stands in the way
// of refresh and destroy; and one that minds who holds a definition, or a policy against downgrades, where the version is
// the same.
func TestDefinitionsOfSomebodyElseAreNeverOverwritten(t *testing.T) {
	const name = "grpcroutes.gateway.networking.k8s.io"
	sharedGateway(t)
	client := harness.NewCluster(t)
	original, err := client.Resource(definitions).Get(t.Context(), name, metav1.GetOptions{})
	require.NoError(t, err)
	theirs := original.DeepCopy()
	require.NoError(t, unstructured.SetNestedField(theirs.Object, "v9.9.9", "metadata", "annotations", bundleVersion))
	require.NoError(t, unstructured.SetNestedStringSlice(theirs.Object, []string{"theirs"}, "spec", "names", "categories"))
	theirs = hold(t, theirs)

	s := harness.NewStack(t, "late")
	s.Write(t, program("late", []string{modelGateway("late", "service: {type: ClusterIP}, "+chart(""))}))
	result := s.Up()
	require.Error(t, result.Err)
	assert.Contains(t, result.Output, "installCrds: false")
	now, err := client.Resource(definitions).Get(t.Context(), name, metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, theirs.Object["spec"], now.Object["spec"])
	assert.Equal(t, theirs.GetAnnotations(), now.GetAnnotations())
	requireSucceeds(t, s.Refresh())
	requireSucceeds(t, s.Destroy())

	hold(t, original)
	installPolicy(t)
	requireSucceeds(t, s.Up())
}

// hold makes a definition one that somebody else has installed.
func hold(t testing.TB, definition *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	client, name := harness.NewCluster(t).Resource(definitions), definition.GetName()
	require.NoError(t, client.Delete(t.Context(), name, metav1.DeleteOptions{}))
	require.Eventually(t, func() bool {
		_, err := client.Get(t.Context(), name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	}, 30*time.Second, 50*time.Millisecond)
	definition = definition.DeepCopy()
	for _, field := range []string{"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"} {
		unstructured.RemoveNestedField(definition.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(definition.Object, "status")
	made, err := client.Apply(t.Context(), name, definition, metav1.ApplyOptions{FieldManager: "somebody-else"})
	require.NoError(t, err)
	return made
}

// installPolicy installs the policy against downgrades that the Gateway API's own bundle has beside the definitions.
func installPolicy(t testing.TB) {
	t.Helper()
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	require.NoError(t, err)
	file := filepath.Join(strings.TrimSpace(string(module)), "config/crd/standard/gateway.networking.k8s.io_vap_safeupgrades.yaml")
	manifest, err := os.ReadFile(file)
	require.NoError(t, err)
	kinds := map[string]string{
		"ValidatingAdmissionPolicy":        "validatingadmissionpolicies",
		"ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
	}
	installed := 0
	for _, document := range strings.Split(string(manifest), "\n---\n") {
		object := &unstructured.Unstructured{}
		require.NoError(t, yaml.Unmarshal([]byte(document), &object.Object))
		if object.Object == nil {
			continue
		}
		resource := schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: kinds[object.GetKind()]}
		_, err := harness.NewCluster(t).Resource(resource).Create(t.Context(), object, metav1.CreateOptions{})
		require.NoError(t, err)
		installed++
	}
	require.Equal(t, len(kinds), installed)
}
