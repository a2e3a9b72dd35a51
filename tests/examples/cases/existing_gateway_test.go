package cases

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/modelplane/pulumi-modelplane/tests/examples/exampletest"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// TestAServiceAttachesToAGatewayThatAnotherTeamRuns would catch a route that attaches to another Gateway or listener than
// the one written out, a URL that is not the one handed in, and a key that such a gateway does not send.
func TestAServiceAttachesToAGatewayThatAnotherTeamRuns(t *testing.T) {
	const key = "gsk-Adopted-90ab3f16"
	cluster := harness.NewCluster(t)
	url := gatewayByHand(t, cluster)
	own := harness.Serve(t, modelserver.Options{Name: "own", Address: ":8000", BasePath: "/v1", Reply: "own"})
	harness.ServeTLS(t, modelserver.Options{Name: "groq", Address: ":443", BasePath: "/openai/v1", Keys: []string{key}, Reply: "groq"}, "api.groq-adopted.example")
	inEachLanguage(t, func(t *testing.T, language string) {
		s := exampletest.Open(t, exampletest.Copy(t, "existing-gateway/"+language), map[string]string{
			"gatewayUrl":     url,
			"ownUrl":         "http://" + own.Address() + "/v1",
			"groqUrl":        "https://api.groq-adopted.example/openai/v1",
			"secret:groqKey": key,
		})
		outputs := up(t, s)
		exampletest.Record(t, s, "existing-gateway")
		require.Equal(t, url+"/default/chat/v1", outputs["url"])
		route, err := cluster.Resource(schema.GroupVersion(gatewayv1.GroupVersion).WithResource("httproutes")).Namespace("default").Get(t.Context(), "chat", metav1.GetOptions{})
		require.NoError(t, err)
		parents, _, err := unstructured.NestedSlice(route.Object, "spec", "parentRefs")
		require.NoError(t, err)
		assert.Equal(t, []any{map[string]any{
			"group": gatewayv1.GroupName, "kind": "Gateway", "namespace": "infra", "name": "shared", "sectionName": "web",
		}}, parents)

		answers := exampletest.Chats(t, language, url+"/default/chat/v1", 20)
		// Each Traefik splits what it gets.
		assert.InDelta(t, 32, answers["own"], 4)
		assert.InDelta(t, 8, answers["groq"], 4)
		assert.NotContains(t, s.Log.String()+s.State(t), key)
	})
}

// gatewayByHand makes the Gateway infra/shared with the listener web, which none of our components made, and gives the URL of
// the Traefik that serves it.
func gatewayByHand(t testing.TB, cluster harness.Cluster) string {
	t.Helper()
	url := sharedGateway(t)["url"].(string)
	for _, object := range []struct {
		kind      schema.GroupVersionResource
		namespace string
		content   map[string]any
	}{
		{corev1.SchemeGroupVersion.WithResource("namespaces"), "", map[string]any{
			"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "infra"},
		}},
		{schema.GroupVersion(gatewayv1.GroupVersion).WithResource("gateways"), "infra", map[string]any{
			"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": map[string]any{"name": "shared"},
			"spec": map[string]any{
				"gatewayClassName": platform.class,
				"listeners": []any{map[string]any{
					"name": "web", "protocol": "HTTP", "port": int64(8000),
					"allowedRoutes": map[string]any{"namespaces": map[string]any{"from": "All"}},
				}},
			},
		}},
	} {
		_, err := cluster.Resource(object.kind).Namespace(object.namespace).
			Create(t.Context(), &unstructured.Unstructured{Object: object.content}, metav1.CreateOptions{})
		require.NoError(t, err)
	}
	return url
}
