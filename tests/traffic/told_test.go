package traffic

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

// accessLogHoldsNoKey would catch a key in any place where clients send it, and a log that does not say who called and who answered.
func accessLogHoldsNoKey(t *testing.T, o *observed) {
	header := http.Header{}
	secrets := []string{aliceKey, ownKey, collectorKey}
	for _, name := range []string{
		"Cookie", "X-Api-Key", "Api-Key", "X-Goog-Api-Key", "Proxy-Authorization", "Sec-Websocket-Protocol", "X-Modelplane-Caller", "X-Modelplane-Endpoint",
		"X_Modelplane_Caller", "User-Agent", "Referer", "X-Custom", "OpenAI-Organization",
	} {
		secret := "sk-hidden-in-" + name
		header[name], secrets = []string{secret}, append(secrets, secret)
	}
	header["Authorization"] = []string{"Bearer " + aliceKey}
	query := "?key=sk-hidden-query-1&api_key=sk-hidden-query-2;access_token=sk-hidden-query-3&x=sk-hidden-query-4"
	secrets = append(secrets, "sk-hidden-query")
	for _, path := range []string{"/models", "/nowhere", "/..%2Fmodels"} {
		do(t, http.MethodGet, o.urls["chat"]+path+query, header, nil)
	}
	do(t, http.MethodGet, o.urls["chat"]+"/models"+query, bearer(aliceKey), nil)
	do(t, http.MethodGet, o.urls["gateway"]+"/no-such-service"+query, header, nil)
	do(t, http.MethodGet, o.urls["chat"]+"/models"+query, http.Header{"Authorization": {"Bearer sk-hidden-wrong"}}, nil)
	secrets = append(secrets, "sk-hidden-wrong")
	time.Sleep(time.Second)
	logs := harness.PodLogs(t, "modelplane-gw")
	assert.Empty(t, harness.Found(logs, secrets...))
	last := map[string]any{}
	for line := range strings.Lines(logs) {
		var entry map[string]any
		if json.Unmarshal([]byte(line), &entry) == nil && entry["RequestPath"] == "/default/chat/v1/models" && entry["DownstreamStatus"] == 200.0 {
			last = entry
		}
	}
	assert.Equal(t, "alice", last["downstream_Modelplane/Caller"], last)
	assert.Equal(t, "default/chat", last["downstream_Modelplane/Service"], last)
	assert.Contains(t, []any{"own", "groq"}, last["downstream_Modelplane/Endpoint"])
	for _, field := range []string{"Duration", "ClientHost", "RequestMethod", "StartUTC", "RouterName"} {
		assert.Contains(t, last, field)
	}
	for field := range last {
		assert.False(t, strings.HasPrefix(field, "request_") || strings.HasPrefix(field, "origin_"), field)
	}
}

// podUIDs are those of the gateway's Pods.
func podUIDs(t testing.TB) []string {
	t.Helper()
	list, err := harness.NewCluster(t).Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace("modelplane-gw").
		List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	var all []string
	for _, pod := range list.Items {
		all = append(all, string(pod.GetUID()))
	}
	require.NotEmpty(t, all)
	return all
}

// tracesArrive would catch a collector that is sent nothing, or not its key, and a trace that holds one.
func tracesArrive(t *testing.T, o *observed) {
	assert.Eventually(t, func() bool {
		return strings.Contains(o.collector.received("/v1/traces"), "/default/chat/v1/models") && o.collector.received("/v1/metrics") != ""
	}, 30*time.Second, 200*time.Millisecond)
	assert.NotContains(t, harness.PodLogs(t, "modelplane-gw"), "OpenTelemetry")
	secrets := podUIDs(t)
	for _, path := range []string{"/v1/traces", "/v1/metrics"} {
		// A span has the User-Agent, and no other header.
		received := strings.ReplaceAll(o.collector.received(path), "sk-hidden-in-User-Agent", "")
		assert.Contains(t, received, "gw")
		assert.Empty(t, harness.Found(received, aliceKey, bobNew, ownKey, collectorKey, "sk-hidden"), path)
		assert.Empty(t, harness.Found(received, secrets...), "%s: who knows the Pod's UID can make an IngressRoute that gets all requests", path)
	}
	assert.Equal(t, map[string]bool{collectorKey: true}, o.collector.keys())
}

// noKeyOfObservability would catch a header for the collector in the release, in a Pod or in Pulumi's state.
func noKeyOfObservability(t *testing.T, o *observed) {
	assert.Empty(t, harness.Found(o.State(t), collectorKey, aliceKey, ownKey), "Pulumi's state")
	for name, object := range harness.NewCluster(t).Objects(t) {
		if strings.HasPrefix(name, "secrets ") && object.GetLabels()["modelplane/component"] != "" {
			continue
		}
		content, err := object.MarshalJSON()
		require.NoError(t, err)
		assert.Empty(t, harness.Found(string(content), collectorKey), name)
	}
}
