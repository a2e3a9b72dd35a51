// Package apitest asks a real API server, with the CRDs that a gateway installs, whether it takes objects. The components'
// tests share it.
package apitest

import (
	"context"
	"encoding/json"
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

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

// Server is the API server of the plane that a test runs in.
type Server struct{ client client.Client }

// Here is the plane's API server with these CRDs installed. Outside of a plane it skips the test: CRDs are not put into a
// cluster that belongs to someone.
func Here(t *testing.T, crds []map[string]any) Server {
	t.Helper()
	plane, err := localplane.Here()
	if err != nil {
		t.Skip(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", plane.Kubeconfig())
	require.NoError(t, err)
	config.QPS, config.Burst = 1000, 1000
	config.WarningHandler = rest.NoWarnings{}
	typed := make([]*apiextensionsv1.CustomResourceDefinition, len(crds))
	for i, crd := range crds {
		typed[i] = &apiextensionsv1.CustomResourceDefinition{}
		require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructured(crd, typed[i]))
	}
	_, err = envtest.InstallCRDs(config, envtest.CRDInstallOptions{CRDs: typed})
	require.NoError(t, err)
	c, err := client.New(config, client.Options{})
	require.NoError(t, err)
	return Server{c}
}

// Create has the server check a new object, strictly, and keep nothing. An object of any namespace is checked as one of the
// namespace default, which is there.
func (s Server) Create(ctx context.Context, content map[string]any) error {
	text, err := json.Marshal(content)
	if err != nil {
		return err
	}
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(text); err != nil {
		return err
	}
	if object.GetNamespace() != "" {
		object.SetNamespace(metav1.NamespaceDefault)
	}
	return s.client.Create(ctx, object, &client.CreateOptions{
		DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict,
	})
}
