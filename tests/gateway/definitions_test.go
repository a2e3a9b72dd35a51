package gateway

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// TestDefinitionsOfAnOlderGatewayAreUpgradedAsAdvised would catch definitions that a gateway of another version of the package
// has made and that are overwritten without a word, or blamed on somebody else, and an advice that does not work when it is
// followed or has to be followed more than once. Destroyed or not, that gateway is of another stack, and its definitions are
// the same.
func TestDefinitionsOfAnOlderGatewayAreUpgradedAsAdvised(t *testing.T) {
	sharedGateway(t)
	client := harness.NewCluster(t).Resource(definitions)
	kept, err := client.List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	older := map[string]*unstructured.Unstructured{}
	for _, definition := range kept.Items {
		older[definition.GetName()] = age(t, definition)
	}

	s := harness.NewStack(t, "successor")
	s.Write(t, program("successor", []string{modelGateway("successor", "replicas: 1, service: {type: ClusterIP}, "+chart(""))}))
	result := s.Up()
	require.Error(t, result.Err)
	assert.Contains(t, result.Output, "PULUMI_K8S_ENABLE_PATCH_FORCE=true pulumi up")
	assert.NotContains(t, result.Output, "Somebody else")
	for name, definition := range older {
		now, err := client.Get(t.Context(), name, metav1.GetOptions{})
		require.NoError(t, err)
		assert.Equal(t, definition.Object["spec"], now.Object["spec"], name)
	}

	t.Run("followed", func(t *testing.T) {
		t.Setenv("PULUMI_K8S_ENABLE_PATCH_FORCE", "true")
		requireSucceeds(t, s.Up())
	})
	for _, definition := range kept.Items {
		now, err := client.Get(t.Context(), definition.GetName(), metav1.GetOptions{})
		require.NoError(t, err)
		assert.Equal(t, definition.Object["spec"], now.Object["spec"], definition.GetName())
		assert.Equal(t, definition.GetAnnotations(), now.GetAnnotations(), definition.GetName())
	}
	requireNothingChanges(t, s.Up(), "up")
}

// age makes of a definition one of an older bundle, by the hand that has installed it.
func age(t testing.TB, definition unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	older := sent(&definition)
	annotations := older.GetAnnotations()
	for key := range annotations {
		if strings.HasSuffix(key, "-version") || strings.HasSuffix(key, "/version") {
			annotations[key] = "v1.6.1" // which the policy against downgrades, installed by another test, lets pass
		}
	}
	older.SetAnnotations(annotations)
	versions := older.Object["spec"].(map[string]any)["versions"].([]any)
	require.NoError(t, unstructured.SetNestedField(versions[0].(map[string]any), "older", "schema", "openAPIV3Schema", "description"))
	hands := definition.GetManagedFields()
	hand := slices.IndexFunc(hands, func(f metav1.ManagedFieldsEntry) bool { return strings.HasPrefix(f.Manager, "pulumi-kubernetes-") })
	require.GreaterOrEqual(t, hand, 0, "%s was not installed by a gateway", definition.GetName())
	made, err := harness.NewCluster(t).Resource(definitions).Apply(t.Context(), older.GetName(), older,
		metav1.ApplyOptions{FieldManager: hands[hand].Manager, Force: true})
	require.NoError(t, err)
	return made
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
	made, err := client.Apply(t.Context(), name, sent(definition), metav1.ApplyOptions{FieldManager: "somebody-else"})
	require.NoError(t, err)
	return made
}

// sent is a definition as it was sent to the API server.
func sent(definition *unstructured.Unstructured) *unstructured.Unstructured {
	definition = definition.DeepCopy()
	for _, field := range []string{"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"} {
		unstructured.RemoveNestedField(definition.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(definition.Object, "status")
	return definition
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
