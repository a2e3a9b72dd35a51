// Package apitest asks a real API server, with the definitions that a gateway installs, what it thinks of objects. The
// tests of the components share it.
package apitest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/modelplane/pulumi-modelplane/provider/internal/crds"
	"github.com/modelplane/pulumi-modelplane/provider/internal/object"
	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

// Server is the API server of the plane that a test runs in.
type Server struct{ client dynamic.Interface }

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
	client, err := dynamic.NewForConfig(config)
	require.NoError(t, err)
	s := Server{client}
	s.install(t)
	return s
}

func (s Server) install(t *testing.T) {
	t.Helper()
	all, err := crds.All()
	require.NoError(t, err)
	for _, crd := range all {
		_, err := s.kind(&unstructured.Unstructured{Object: crd.Object}).Create(t.Context(), &unstructured.Unstructured{Object: crd.Object}, metav1.CreateOptions{})
		if !apierrors.IsAlreadyExists(err) {
			require.NoError(t, err, crd.Name)
		}
	}
	// A definition is there before its kind is served.
	for _, kind := range []object.Kind{
		object.BackendTLSPolicy, object.Gateway, object.GatewayClass, object.HTTPRoute, object.Middleware, object.ReferenceGrant,
	} {
		like := &unstructured.Unstructured{}
		like.SetAPIVersion(kind.APIVersion)
		like.SetKind(kind.Name)
		err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
			_, err := s.kind(like).List(ctx, metav1.ListOptions{})
			return err == nil, nil
		})
		require.NoError(t, err, "%s is not served", kind.Name)
	}
}

// Create has the server judge a new object, strictly, and keep nothing. An object of any namespace is judged as one of the
// namespace default, which is there.
func (s Server) Create(ctx context.Context, content map[string]any) error {
	plain, err := object.Plain(content)
	if err != nil {
		return err
	}
	judged := &unstructured.Unstructured{Object: plain.(map[string]any)}
	client := s.kind(judged)
	options := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict}
	if judged.GetNamespace() == "" {
		_, err = client.Create(ctx, judged, options)
		return err
	}
	judged.SetNamespace(metav1.NamespaceDefault)
	_, err = client.Namespace(metav1.NamespaceDefault).Create(ctx, judged, options)
	return err
}

// kind is the client for objects of the same kind.
func (s Server) kind(like *unstructured.Unstructured) dynamic.NamespaceableResourceInterface {
	resource, _ := meta.UnsafeGuessKindToResource(like.GroupVersionKind())
	return s.client.Resource(resource)
}
