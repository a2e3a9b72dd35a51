package traffic

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/load"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// failover is a stack with a service over two servers of one's own and a provider with a path, a key and TLS of its own.
type failover struct {
	*stack.Stack

	servers map[string]*modelserver.Server
	urls    map[string]string
}

// TestAnotherBackendAnswers goes through all that happens when a backend fails, on one gateway.
func TestAnotherBackendAnswers(t *testing.T) {
	f := &failover{Stack: harness.NewStack(t, "failover"), servers: map[string]*modelserver.Server{}, urls: map[string]string{}}
	f.SetSecret(t, "key", ownKey)
	f.servers["own"] = harness.Serve(t, modelserver.Options{Name: "own", Address: ":8000", BasePath: "/v1"})
	f.servers["other"] = harness.Serve(t, modelserver.Options{Name: "other", Address: ":8000", BasePath: "/v3"})
	f.servers["saas"] = harness.Serve(t, modelserver.Options{Name: "saas", Address: ":8000", BasePath: "/openai/v1", Keys: []string{ownKey}})
	entry := func(endpoint string, weight, priority int) string {
		return fmt.Sprintf("{endpoint: '${%s.backend}', weight: %d, priority: %d}", endpoint, weight, priority)
	}
	service := func(name, properties string, backends ...string) string {
		return harness.Resource("modelplane:ModelService", name,
			fmt.Sprintf("gateway: '${gw.gateway}', %s, backends: [%s]", properties, strings.Join(backends, ", ")), "")
	}
	endpoint := func(name, path, properties string) string {
		return harness.ModelEndpoint(name, fmt.Sprintf("url: 'http://%s%s'%s", f.servers[name].Address(), path, properties))
	}
	f.Write(t, harness.Program("failover", []string{
		harness.ModelGateway("gw", harness.Chart("readinessProbe: {periodSeconds: 3}, resources: {requests: {cpu: 10m}}")),
		endpoint("own", "/v1", ""), endpoint("other", "/v3", ""), endpoint("saas", "/openai/v1", ", apiKey: '${key}'"),
		service("chat", "failover: {headerTimeout: 2s, firstTokenTimeout: 2s}, outlierEjection: {failures: 2, duration: 2s}",
			entry("own", 75, 0), entry("other", 25, 0), entry("saas", 1, 1)),
	}, "chat: ${chat.url}", "shares: ${chat.shares}"))
	result := f.Up()
	require.NoError(t, result.Err, result.Output)
	f.urls["chat"] = f.Outputs(t)["chat"].(string)
	for _, part := range []struct {
		name string
		run  func(*testing.T, *failover)
	}{
		{"SharesAreExact", frontedShares},
		{"NothingChangesByItself", frontedSame},
		{"ADeadBackendCostsNothing", deadBackend},
		{"AHangingBackendCostsOneTimeout", hangingBackend},
		{"TheProviderAnswersUnderItsOwnPathAndKey", providerAnswers},
		{"StreamsComeTokenByToken", frontedStreams},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, f) })
	}
	require.NoError(t, f.Destroy().Err)
}

func frontedShares(t *testing.T, f *failover) {
	report := load.Do(t.Context(), load.Config{URL: f.urls["chat"], MaxRequests: 800, RatePerSecond: 400})
	require.NoError(t, report.Err())
	assert.InDelta(t, 0.75, report.Share("own"), 0.005, "%v", report.ByBackend)
	assert.Len(t, report.ByBackend, 2, "%v", report.ByBackend)
}

func frontedSame(t *testing.T, f *failover) {
	for _, result := range []stack.Result{f.Up(), f.Refresh(), f.Up()} {
		require.NoError(t, result.Err, result.Output)
		assert.Len(t, result.Changes, 1, "%v", result.Changes)
	}
}

// deadBackend would catch a request that fails because a server does.
func deadBackend(t *testing.T, f *failover) {
	run := load.Start(t.Context(), load.Config{URL: f.urls["chat"], RatePerSecond: 100, Workers: 8})
	require.NoError(t, run.WaitFor(t.Context(), 100))
	f.servers["own"].SetFailure(http.StatusServiceUnavailable)
	require.NoError(t, run.WaitFor(t.Context(), 200))
	f.servers["other"].SetFailure(http.StatusTooManyRequests)
	require.NoError(t, run.WaitFor(t.Context(), 200))
	f.servers["own"].SetFailure(0)
	f.servers["other"].SetFailure(0)
	time.Sleep(3 * time.Second)
	require.NoError(t, run.WaitFor(t.Context(), 100))
	report := run.Stop()
	require.NoError(t, report.Err())
	t.Logf("%d requests, none failed, p99 %v: %v", report.Total, report.P99, report.ByBackend)
	assert.Greater(t, report.ByBackend["saas"], 50)
	after := load.Do(t.Context(), load.Config{URL: f.urls["chat"], MaxRequests: 200, RatePerSecond: 200})
	assert.InDelta(t, 0.75, after.Share("own"), 0.03, "%v", after.ByBackend)
	assert.Zero(t, after.ByBackend["saas"], "%v", after.ByBackend)
}

// hangingBackend would catch a server that does not answer and is asked again and again.
func hangingBackend(t *testing.T, f *failover) {
	f.servers["own"].SetDelay(20 * time.Second)
	defer f.servers["own"].SetDelay(0)
	slow := 0
	for range 40 {
		began := time.Now()
		require.Equal(t, http.StatusOK, do(t, http.MethodPost, f.urls["chat"]+"/chat/completions", nil, strings.NewReader(hello)).status)
		if time.Since(began) > time.Second {
			slow++
		}
	}
	// Two for each of two replicas, and one whenever it is tried again.
	assert.LessOrEqual(t, slow, 12)
}

// providerAnswers would catch a request that goes on with the path, Host or key of the backend before.
func providerAnswers(t *testing.T, f *failover) {
	for _, name := range []string{"own", "other"} {
		f.servers[name].SetFailure(http.StatusInternalServerError)
		defer f.servers[name].SetFailure(0)
	}
	header := bearer("of-the-caller")
	header.Set("X-Modelplane-Token", "forged")
	got := do(t, http.MethodPost, f.urls["chat"]+"/chat/completions?x=%2F", header, strings.NewReader(hello))
	require.Equal(t, http.StatusOK, got.status, got.body)
	requests := f.servers["saas"].Requests()
	last := requests[len(requests)-1]
	assert.Equal(t, "/openai/v1/chat/completions?x=%2F", last.URI)
	assert.Equal(t, []string{"Bearer " + ownKey}, last.Header["Authorization"])
	for name := range last.Header {
		assert.False(t, strings.HasPrefix(name, "X-Modelplane-") || strings.HasPrefix(name, "X-Forwarded-"), name)
	}
	f.servers["saas"].SetFailure(http.StatusServiceUnavailable)
	defer f.servers["saas"].SetFailure(0)
	refused := do(t, http.MethodPost, f.urls["chat"]+"/chat/completions", nil, strings.NewReader(hello))
	assert.Equal(t, http.StatusServiceUnavailable, refused.status)
	assert.Equal(t, "application/json", refused.header.Get("Content-Type"))
}

// frontedStreams would catch tokens that are held back.
func frontedStreams(t *testing.T, f *failover) {
	time.Sleep(3 * time.Second)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.urls["chat"]+"/chat/completions",
		strings.NewReader(`{"model":"m","stream":true,"messages":[{"role":"user","content":"Hello"}]}`))
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	lines, events := bufio.NewScanner(response.Body), 0
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "data: ") {
			events++
		}
	}
	require.NoError(t, lines.Err())
	assert.Greater(t, events, 5)
}

// hello is a request's body.
const hello = `{"model":"m","messages":[{"role":"user","content":"Hello"}]}`
