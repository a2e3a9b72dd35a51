package models

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// redisPassword has what would break a protocol that is not careful.
const redisPassword = "r3dis $6 pass'word"

// TestReplicasCountTokensTogether would catch replicas that count by themselves, a count that ends with a replica, a request that waits for the server or fails without it, and a password that
// is anywhere but in a Secret.
func TestReplicasCountTokensTogether(t *testing.T) {
	m := &metered{&stacked{Stack: harness.NewStack(t, "shared"), servers: map[string]*modelserver.Server{}}}
	redis := harness.NewRedis(t, redisPassword)
	m.SetSecret(t, "keyRedis", redisPassword)
	m.servers["own"] = harness.Serve(t, modelserver.Options{Name: "own", Address: ":8000", BasePath: "/v1", Reply: "This answer has six tokens exactly."})
	m.Write(t, harness.Program("shared", []string{
		harness.ModelGateway("gw", fmt.Sprintf("sharedLimits: {url: 'redis://%s/2', password: '${keyRedis}'}, observability: {metrics: {}}, ", redis.Address)+
			harness.Chart("readinessProbe: {periodSeconds: 3}, resources: {requests: {cpu: 10m}}")),
		harness.ModelEndpoint("own", fmt.Sprintf("url: 'http://%s/v1'", m.servers["own"].Address())),
		harness.Resource("modelplane:ModelService", "limited", "gateway: '${gw.gateway}', backends: [{endpoint: '${own.backend}'}], "+
			"limits: {tokens: [{by: Header, header: X-Team, tokens: 35, seconds: 86400}]}", ""),
	}, "limited: ${limited.url}"))
	result := m.Up()
	require.NoError(t, result.Err, result.Output)
	assert.NotContains(t, result.Output, "forgets what it has counted")
	assert.Empty(t, harness.Found(m.State(t)+result.Output+m.Log.String()+harness.PodLogs(t, "modelplane-gw"), redisPassword))

	const soon = 700 * time.Millisecond // three times as long as replicas take to tell each other
	ask := func(pod, team string) answer {
		body := `{"model":"any","stream":true,"messages":[{"role":"user","content":"four words of input"}]}`
		return m.send(t, http.MethodPost, "http://"+pod+":8000/default/limited/v1/chat/completions", strings.NewReader(body), "X-Team", team)
	}
	pods := slices.Collect(maps.Values(harness.GatewayPods(t)))
	require.Len(t, pods, 2)
	passed := 0
	isOver := func(pod, team string) bool {
		got := ask(pod, team)
		if got.status == http.StatusOK {
			passed++
		}
		return got.status == http.StatusTooManyRequests
	}
	for i, pod := range []string{pods[0], pods[0], pods[1]} {
		require.False(t, isOver(pod, "ana"), "%d tokens are used", 10*i)
	}
	time.Sleep(soon)
	require.False(t, isOver(pods[1], "ana"), "30 tokens are used")
	for _, pod := range pods {
		assert.Eventually(t, func() bool { return isOver(pod, "ana") }, 5*time.Second, soon, "40 tokens are used")
	}
	assert.LessOrEqual(t, passed, 5, "a replica may let one request pass before it asks")
	assert.Equal(t, http.StatusOK, ask(pods[0], "ben").status)

	// A replica that starts knows what others have counted.
	for name, pod := range harness.GatewayPods(t) {
		if pod == pods[0] {
			require.NoError(t, harness.NewCluster(t).Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace("modelplane-gw").
				Delete(t.Context(), name, metav1.DeleteOptions{}))
		}
	}
	fresh := ""
	require.Eventually(t, func() bool {
		for _, pod := range harness.GatewayPods(t) {
			if !slices.Contains(pods, pod) {
				fresh = pod
			}
		}
		return fresh != "" && m.isServing(fresh)
	}, time.Minute, time.Second)
	assert.Eventually(t, func() bool { return isOver(fresh, "ana") }, 5*time.Second, soon)
	pods[0] = fresh

	redis.Stop()
	begun := time.Now()
	for range 4 {
		require.False(t, isOver(pods[0], "cy"))
		require.False(t, isOver(pods[1], "cy"))
	}
	assert.Less(t, time.Since(begun), 2*time.Second)
	assert.True(t, isOver(pods[0], "cy"), "each replica still counts for itself")
	time.Sleep(3 * time.Second)
	assert.Contains(t, harness.PodLogs(t, "modelplane-gw"), "Redis does not answer")
	assert.Contains(t, m.figures(t), `modelplane_shared_limits_up{gateway="modelplane-gw/gw"} 0`)
	redis.Start(t)
	assert.Eventually(t, func() bool {
		isOver(pods[0], "dee")
		isOver(pods[1], "dee")
		return strings.Count(m.figures(t), `modelplane_shared_limits_up{gateway="modelplane-gw/gw"} 1`) == 2
	}, 15*time.Second, soon)
	assert.Empty(t, harness.Found(harness.PodLogs(t, "modelplane-gw"), redisPassword))
	require.NoError(t, m.Destroy().Err)
}

// isServing says whether a Pod answers by now.
func (m *metered) isServing(pod string) bool {
	response, err := http.Get("http://" + pod + ":8000/default/limited/v1/models") //nolint:noctx // it ends with the test
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}
