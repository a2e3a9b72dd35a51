package clusters

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

var gateways = schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "gateways"}

// TestARequestGoesThroughEnvoyToAModelServerInAPod would catch whatever keeps the real Envoy Gateway and Envoy from being
// that in the plane, and a cluster that they stay behind in.
func TestARequestGoesThroughEnvoyToAModelServerInAPod(t *testing.T) {
	cluster := harness.NewCluster(t)
	lap := stopwatch(t)
	installCRDs(t, cluster)
	lap("CRDs")
	before := cluster.Objects(t)

	s := harness.NewStack(t, "envoy")
	s.MustUp(t, workloadCluster(t, "envoy").String())
	lap("up: Envoy Gateway and a Gateway that is programmed")
	for name := range cluster.Objects(t) {
		assert.NotContains(t, name, "certgen", "a hook that Helm does not delete")
	}
	s.MustUp(t, workloadCluster(t, "envoy").with(model("small", "", "--model=small", "--name=one")...).String())
	lap("up: a model server and its route")

	url := "http://" + addressOf(t, cluster) + "/default/small/v1/chat/completions"
	awaitStatus(t, strings.TrimSuffix(url, "/v1/chat/completions"), nil, http.StatusOK)
	answer, _, err := chat(t, url, nil)
	require.NoError(t, err)
	lap("the first answer")
	assert.Equal(t, "one", answer.Header.Get(modelserver.HeaderName))
	assert.Equal(t, "/v1/chat/completions", answer.Header.Get(modelserver.HeaderPath))

	result := s.Destroy()
	require.NoError(t, result.Err, result.Output)
	lap("destroy")
	assert.Empty(t, cluster.Left(t, before))
}

// chat asks for a completion, streamed or not, and gives the answer with its body.
func chat(t testing.TB, url string, header http.Header, options ...string) (*http.Response, string, error) {
	body := `{"model":"small","messages":[{"role":"user","content":"Hello"}]` + strings.Join(options, "") + `}`
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	for name, values := range header {
		request.Header[name] = values
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer, string(text), err
}

// addressOf is where the Gateway is reached, by its status.
func addressOf(t testing.TB, cluster harness.Cluster) string {
	t.Helper()
	gateway, err := cluster.Resource(gateways).Namespace(namespace).Get(t.Context(), "models", metav1.GetOptions{})
	require.NoError(t, err)
	addresses, _, err := unstructured.NestedSlice(gateway.Object, "status", "addresses")
	require.NoError(t, err)
	require.NotEmpty(t, addresses)
	return addresses[0].(map[string]any)["value"].(string)
}

// stopwatch logs how long each part of a test takes.
func stopwatch(t testing.TB) func(what string) {
	last := time.Now()
	return func(what string) {
		t.Logf("%6.1f s  %s", time.Since(last).Seconds(), what)
		last = time.Now()
	}
}
