package clusters

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
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

const (
	clusterKey = "cluster-key-3f9a"
	keyHeader  = "X-Modelplane-Key"
)

// TestEnvoyLetsStreamsFinishAndAsksForTheClustersKey would catch an Envoy that cuts a long stream, one that lets a request
// pass without the key, and a key that a model server sees.
func TestEnvoyLetsStreamsFinishAndAsksForTheClustersKey(t *testing.T) {
	cluster := harness.NewCluster(t)
	installCRDs(t, cluster)
	slow := []string{"--model=small", "--token-delay=1s", "--reply=" + strings.Repeat("word ", 18) + "end"}
	p := workloadCluster(t, "policies").with(model("patient", ", timeouts: {request: 0s}", slow...)...).with(model("cut", "", slow...)...)
	s := harness.NewStack(t, "policies")
	s.MustUp(t, p.String())
	url := "http://" + addressOf(t, cluster) + "/default/"
	for _, name := range []string{"patient", "cut"} {
		awaitStatus(t, url+name, nil, http.StatusOK)
	}

	var streams sync.WaitGroup
	for name, whole := range map[string]bool{"patient": true, "cut": false} {
		streams.Go(func() {
			began := time.Now()
			_, text, err := chat(t, url+name+"/v1/chat/completions", nil, `,"stream":true`)
			t.Logf("%s: %d tokens in %.1f s: %v", name, strings.Count(text, "word "), time.Since(began).Seconds(), err)
			assert.Equal(t, whole, err == nil && strings.HasSuffix(text, "data: [DONE]\n\n"), name)
		})
	}
	streams.Wait()

	s.MustUp(t, p.with(
		`  key: {type: 'kubernetes:core/v1:Secret', properties: {metadata: {name: clients, namespace: `+namespace+`}, stringData: {control-plane: `+clusterKey+`}}}`,
		object("policy", `{apiVersion: gateway.envoyproxy.io/v1alpha1, kind: SecurityPolicy, metadata: {name: key, namespace: `+namespace+`},
      spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: models}],
        apiKeyAuth: {credentialRefs: [{name: clients}], extractFrom: [{headers: [`+keyHeader+`]}], sanitize: true}}}`, "gateway", "key")).String())
	awaitStatus(t, url+"patient", nil, http.StatusUnauthorized)
	before := len(requestsTo(t, cluster, "app=patient", "/v1/"))
	answer, _, err := chat(t, url+"patient/v1/chat/completions", http.Header{keyHeader: {"wrong"}})
	require.NoError(t, err)
	assert.Equal(t, http.StatusUnauthorized, answer.StatusCode)
	answer, _, err = chat(t, url+"patient/v1/chat/completions", http.Header{keyHeader: {clusterKey}})
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, answer.StatusCode)
	arrived := requestsTo(t, cluster, "app=patient", "/v1/")
	assert.Len(t, arrived, before+1)
	for _, request := range arrived {
		assert.NotContains(t, request.Header, keyHeader)
	}
}

// awaitStatus asks for the models below url until the answer has that status.
func awaitStatus(t testing.TB, url string, header http.Header, want int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/models", nil)
		require.NoError(t, err)
		request.Header = header.Clone()
		answer, err := http.DefaultClient.Do(request)
		if err == nil {
			text, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			if answer.StatusCode == want {
				return
			}
			err = fmt.Errorf("%s: %s", answer.Status, text)
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s has not answered %d within a minute: %v", url, want, err)
		}
	}
}

var pods = schema.GroupVersionResource{Version: "v1", Resource: "pods"}

// requestsTo are the requests that arrived at the one Pod with a label, below a path.
func requestsTo(t testing.TB, cluster harness.Cluster, label, below string) []modelserver.Request {
	t.Helper()
	list, err := cluster.Resource(pods).Namespace("default").List(t.Context(), metav1.ListOptions{LabelSelector: label})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	ip, _, err := unstructured.NestedString(list.Items[0].Object, "status", "podIP")
	require.NoError(t, err)
	answer, err := http.Get("http://" + ip + ":8001/requests")
	require.NoError(t, err)
	defer answer.Body.Close()
	var requests []modelserver.Request
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&requests))
	return slices.DeleteFunc(requests, func(r modelserver.Request) bool { return !strings.HasPrefix(r.URI, below) })
}
