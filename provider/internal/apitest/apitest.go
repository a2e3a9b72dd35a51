// Package apitest asks a real API server, with the definitions that a gateway installs, what it thinks of objects. The
// tests of the components share it.
package apitest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/modelplane/pulumi-modelplane/provider/internal/crds"
	"github.com/modelplane/pulumi-modelplane/provider/internal/object"
	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

// Server is the API server of the plane that a test runs in.
type Server struct{ client client.Client }

// Here is the plane's API server with the definitions installed. Outside of a plane it skips the test: definitions are not
// put into a cluster that is somebody's.
func Here(t *testing.T) Server {
	t.Helper()
	plane, err := localplane.Here()
	if err != nil {
		t.Skip(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", plane.Kubeconfig())
	require.NoError(t, err)
	config.QPS, config.Burst = 1000, 1000
	config.WarningHandler = rest.NoWarnings{}
	_, err = envtest.InstallCRDs(config, envtest.CRDInstallOptions{CRDs: definitions(t)})
	require.NoError(t, err)
	c, err := client.New(config, client.Options{})
	require.NoError(t, err)
	return Server{c}
}

func definitions(t *testing.T) []*apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	all, err := crds.All()
	require.NoError(t, err)
	var typed []*apiextensionsv1.CustomResourceDefinition
	for _, crd := range all {
		definition := &apiextensionsv1.CustomResourceDefinition{}
		require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructured(crd.Object, definition), crd.Name)
		typed = append(typed, definition)
	}
	return typed
}

// Create has the server judge a new object, strictly, and keep nothing. An object of any namespace is judged as one of the
// namespace default, which is there.
func (s Server) Create(ctx context.Context, content map[string]any) error {
	plain, err := object.Plain(content)
	if err != nil {
		return err
	}
	judged := &unstructured.Unstructured{Object: plain.(map[string]any)}
	if judged.GetNamespace() != "" {
		judged.SetNamespace(metav1.NamespaceDefault)
	}
	return s.client.Create(ctx, judged, &client.CreateOptions{
		DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict,
	})
}
