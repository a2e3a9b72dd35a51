package gateway

import (
	"context"
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
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

const bundleVersion = "gateway.networking.k8s.io/bundle-version"

var crdResource = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// TestCRDsOfAnotherToolAreNeverOverwritten would catch a gateway that takes over a CRD which another tool holds in another
// version, or downgrades it in silence; a failure that does not say what to do, or that blocks refresh and destroy; and a gateway
// that fails over the owner of a CRD, or over a policy against downgrades, although the version is the same.
func TestCRDsOfAnotherToolAreNeverOverwritten(t *testing.T) {
	const name = "grpcroutes.gateway.networking.k8s.io"
	sharedGateway(t)
	client := harness.NewCluster(t)
	original, err := client.Resource(crdResource).Get(t.Context(), name, metav1.GetOptions{})
	require.NoError(t, err)
	theirs := original.DeepCopy()
	require.NoError(t, unstructured.SetNestedField(theirs.Object, "v9.9.9", "metadata", "annotations", bundleVersion))
	require.NoError(t, unstructured.SetNestedStringSlice(theirs.Object, []string{"theirs"}, "spec", "names", "categories"))
	theirs = hold(t, theirs)

	s := harness.NewStack(t, "late")
	s.Write(t, harness.Program("late", []string{harness.ModelGateway("late", "service: {type: ClusterIP}, "+harness.Chart(""))}))
	result := s.Up()
	require.Error(t, result.Err)
	assert.Contains(t, result.Output, "installCrds: false")
	now, err := client.Resource(crdResource).Get(t.Context(), name, metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, theirs.Object["spec"], now.Object["spec"])
	assert.Equal(t, theirs.GetAnnotations(), now.GetAnnotations())
	requireSucceeds(t, s.Refresh())
	requireSucceeds(t, s.Destroy())

	hold(t, original)
	installPolicy(t)
	requireSucceeds(t, s.Up())
}

// TestCRDsOfAnOlderGatewayAreUpgraded would catch CRDs that stay as a gateway of an older version of the package installed them,
// or that are blamed on another tool. That gateway is of another stack, destroyed or not.
func TestCRDsOfAnOlderGatewayAreUpgraded(t *testing.T) {
	sharedGateway(t)
	client := harness.NewCluster(t).Resource(crdResource)
	kept, err := client.List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, crd := range kept.Items {
		age(t, crd)
	}

	s := harness.NewStack(t, "successor")
	s.Write(t, harness.Program("successor", []string{harness.ModelGateway("successor", "replicas: 1, service: {type: ClusterIP}, "+harness.Chart(""))}))
	requireSucceeds(t, s.Up())
	for _, crd := range kept.Items {
		now, err := client.Get(t.Context(), crd.GetName(), metav1.GetOptions{})
		require.NoError(t, err)
		assert.Equal(t, crd.Object["spec"], now.Object["spec"], crd.GetName())
		assert.Equal(t, crd.GetAnnotations(), now.GetAnnotations(), crd.GetName())
	}
	requireNothingChanges(t, s.Up(), "up")
}

// TestCRDsThatAnotherToolUpgradesStayUpgraded would catch a gateway that takes newer CRDs back to its own version once refresh
// has seen them: Pulumi updates a CRD by overwriting it.
func TestCRDsThatAnotherToolUpgradesStayUpgraded(t *testing.T) {
	const name = "tlsroutes.gateway.networking.k8s.io"
	sharedGateway(t)
	client := harness.NewCluster(t).Resource(crdResource)
	s := harness.NewStack(t, "overtaken")
	s.Write(t, harness.Program("overtaken", []string{harness.ModelGateway("overtaken", "replicas: 1, service: {type: ClusterIP}, "+harness.Chart(""))}))
	requireSucceeds(t, s.Up())

	original, err := client.Get(t.Context(), name, metav1.GetOptions{})
	require.NoError(t, err)
	newer := sent(original)
	require.NoError(t, unstructured.SetNestedField(newer.Object, "v1.9.9", "metadata", "annotations", bundleVersion))
	require.NoError(t, unstructured.SetNestedStringSlice(newer.Object, []string{"newer"}, "spec", "names", "categories"))
	newer, err = client.Apply(t.Context(), name, newer, metav1.ApplyOptions{FieldManager: "another-tool", Force: true})
	require.NoError(t, err)
	defer func() { hold(t, original) }()

	requireSucceeds(t, s.Refresh())
	requireNothingChanges(t, s.Up(), "up")
	now, err := client.Get(t.Context(), name, metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, newer.Object["spec"], now.Object["spec"])
	assert.Equal(t, newer.GetAnnotations(), now.GetAnnotations())
}

// TestAPolicyThatProtectsCRDsIsNamed would catch a refusal, as OpenShift makes it, that does not say what to do.
func TestAPolicyThatProtectsCRDsIsNamed(t *testing.T) {
	const name = "httproutes.gateway.networking.k8s.io"
	sharedGateway(t)
	guard(t, name)
	s := harness.NewStack(t, "guarded")
	s.Write(t, harness.Program("guarded", []string{harness.ModelGateway("guarded", "replicas: 1, service: {type: ClusterIP}, "+harness.Chart(""))}))
	result := s.Up()
	require.Error(t, result.Err)
	assert.Contains(t, result.Output, "a policy protects it")
	assert.Contains(t, result.Output, "Set installCrds: false for this gateway")
}

// guard forbids everyone to write a CRD until the test ends.
func guard(t testing.TB, name string) {
	t.Helper()
	cluster := harness.NewCluster(t)
	object := func(kind string, spec map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": map[string]any{"name": "guard"}, "spec": spec,
		}}
	}
	for _, made := range []*unstructured.Unstructured{
		object("ValidatingAdmissionPolicy", map[string]any{
			"matchConstraints": map[string]any{"resourceRules": []any{map[string]any{
				"apiGroups": []any{"apiextensions.k8s.io"}, "apiVersions": []any{"v1"}, "operations": []any{"CREATE", "UPDATE"},
				"resources": []any{"customresourcedefinitions"}, "resourceNames": []any{name},
			}}},
			"validations": []any{map[string]any{"expression": "false", "message": "managed by the Ingress Operator"}},
		}),
		object("ValidatingAdmissionPolicyBinding", map[string]any{"policyName": "guard", "validationActions": []any{"Deny"}}),
	} {
		client := cluster.Resource(schema.GroupVersionResource{
			Group: "admissionregistration.k8s.io", Version: "v1", Resource: policies[made.GetKind()],
		})
		_, err := client.Create(t.Context(), made, metav1.CreateOptions{})
		require.NoError(t, err)
		t.Cleanup(func() {
			require.NoError(t, client.Delete(context.Background(), "guard", metav1.DeleteOptions{}))
		})
	}
	// The API server reads policies with a delay.
	crds := cluster.Resource(crdResource)
	require.Eventually(t, func() bool {
		_, err := crds.Patch(t.Context(), name, types.MergePatchType, []byte(`{"metadata":{"labels":{"a":"b"}}}`),
			metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
		return apierrors.IsInvalid(err) || apierrors.IsForbidden(err)
	}, 30*time.Second, 100*time.Millisecond)
}

// policies are the resources of the kinds that admission policies are made of.
var policies = map[string]string{
	"ValidatingAdmissionPolicy":        "validatingadmissionpolicies",
	"ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
}

// age replaces a CRD with one of an older bundle, as a gateway of that time would have installed it.
func age(t testing.TB, crd unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	older := sent(&crd)
	annotations := older.GetAnnotations()
	for key := range annotations {
		if strings.HasSuffix(key, "-version") || strings.HasSuffix(key, "/version") {
			annotations[key] = "v1.6.1" // which the policy against downgrades, installed by another test, lets pass
		}
	}
	older.SetAnnotations(annotations)
	versions := older.Object["spec"].(map[string]any)["versions"].([]any)
	require.NoError(t, unstructured.SetNestedField(versions[0].(map[string]any), "older", "schema", "openAPIV3Schema", "description"))
	made, err := harness.NewCluster(t).Resource(crdResource).Apply(t.Context(), older.GetName(), older,
		metav1.ApplyOptions{FieldManager: "modelplane", Force: true})
	require.NoError(t, err)
	return made
}

// hold makes a CRD one that another tool has installed.
func hold(t testing.TB, crd *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	client, name := harness.NewCluster(t).Resource(crdResource), crd.GetName()
	require.NoError(t, client.Delete(t.Context(), name, metav1.DeleteOptions{}))
	require.Eventually(t, func() bool {
		_, err := client.Get(t.Context(), name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	}, 30*time.Second, 50*time.Millisecond)
	made, err := client.Apply(t.Context(), name, sent(crd), metav1.ApplyOptions{FieldManager: "another-tool"})
	require.NoError(t, err)
	return made
}

// sent is a CRD as it was sent to the API server.
func sent(crd *unstructured.Unstructured) *unstructured.Unstructured {
	crd = crd.DeepCopy()
	for _, field := range []string{"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"} {
		unstructured.RemoveNestedField(crd.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(crd.Object, "status")
	return crd
}

// installPolicy installs the policy against downgrades that the Gateway API's own bundle has beside the CRDs.
func installPolicy(t testing.TB) {
	t.Helper()
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	require.NoError(t, err)
	file := filepath.Join(strings.TrimSpace(string(module)), "config/crd/standard/gateway.networking.k8s.io_vap_safeupgrades.yaml")
	manifest, err := os.ReadFile(file)
	require.NoError(t, err)
	installed := 0
	for _, document := range strings.Split(string(manifest), "\n---\n") {
		object := &unstructured.Unstructured{}
		require.NoError(t, yaml.Unmarshal([]byte(document), &object.Object))
		if object.Object == nil {
			continue
		}
		resource := schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: policies[object.GetKind()]}
		_, err := harness.NewCluster(t).Resource(resource).Create(t.Context(), object, metav1.CreateOptions{})
		require.NoError(t, err)
		installed++
	}
	require.Equal(t, len(policies), installed)
}
