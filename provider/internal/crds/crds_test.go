package crds_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/modelplane/pulumi-modelplane/provider/internal/crds"
)

// TestCRDsAreOfThePinnedBundle would catch manifests of another bundle or channel than the constant says, one
// that does not parse, and an object of another kind. Traefik's CRDs do not tell their version; package
// generate's test holds them to their release.
func TestCRDsAreOfThePinnedBundle(t *testing.T) {
	all, err := crds.All().CRDs()
	require.NoError(t, err)
	assert.True(t, slices.IsSortedFunc(all, func(a, b crds.CRD) int { return strings.Compare(a.Name, b.Name) }))
	for _, crd := range all {
		object := typed(t, crd)
		switch object.Spec.Group {
		case "gateway.networking.k8s.io":
			assert.Equal(t, crds.GatewayAPIVersion, crd.Version, crd.Name)
			assert.Equal(t, crds.GatewayAPIVersion, object.Annotations["gateway.networking.k8s.io/bundle-version"], crd.Name)
			assert.Equal(t, "standard", object.Annotations["gateway.networking.k8s.io/channel"], crd.Name)
		case "traefik.io":
			assert.Equal(t, crds.TraefikVersion, crd.Version, crd.Name)
		case "gateway.envoyproxy.io":
			assert.Equal(t, crds.EnvoyGatewayVersion, crd.Version, crd.Name)
		default:
			t.Errorf("%s belongs to neither the Gateway API, nor Traefik, nor Envoy Gateway", crd.Name)
		}
	}
}

// TestControllersFindWhatTheyWatch would catch a kind that a new release drops, renames or serves in other versions: Traefik and
// Envoy Gateway then serve no route at all.
func TestControllersFindWhatTheyWatch(t *testing.T) {
	all, err := crds.All().CRDs()
	require.NoError(t, err)
	served := map[string][]string{}
	for _, crd := range all {
		for _, version := range typed(t, crd).Spec.Versions {
			if version.Served {
				served[crd.Name] = append(served[crd.Name], version.Name)
			}
		}
	}
	for name, version := range crds.All() {
		assert.Contains(t, served[name], version, name)
	}
}

// TestAPIServerAcceptsCRDs would catch a CRD that a real API server refuses: a schema that is not
// structural, or rules in CEL that do not compile.
func TestAPIServerAcceptsCRDs(t *testing.T) {
	if os.Getenv("KUBECONFIG") == "" {
		t.Skip("no API server to ask: KUBECONFIG is not set; make test-plane runs this in a plane")
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	require.NoError(t, err)
	client := apiextensions.NewForConfigOrDie(config).ApiextensionsV1().CustomResourceDefinitions()

	all, err := crds.All().CRDs()
	require.NoError(t, err)
	for _, crd := range all {
		_, err := client.Create(t.Context(), typed(t, crd), metav1.CreateOptions{
			DryRun:          []string{metav1.DryRunAll},
			FieldValidation: metav1.FieldValidationStrict,
		})
		if !apierrors.IsAlreadyExists(err) {
			assert.NoError(t, err, crd.Name)
		}
	}
}

// typed is crd in the API's own type, and refuses fields that the type does not have.
func typed(t *testing.T, crd crds.CRD) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	typed := &apiextensionsv1.CustomResourceDefinition{}
	require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(crd.Object, typed, true), crd.Name)
	require.Equal(t, crd.Name, typed.Name)
	require.Equal(t, "CustomResourceDefinition", typed.Kind)
	return typed
}
