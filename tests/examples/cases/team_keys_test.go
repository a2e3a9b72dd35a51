package cases

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/examples/exampletest"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// TestTeamsHaveTheirOwnTokens would catch a team that goes on after its tokens, by another model or by a service's own URL, one that pays for another, a
// setting or a price that a language leaves out, and a key in Pulumi's log or state.
func TestTeamsHaveTheirOwnTokens(t *testing.T) {
	const groqKey, searchKey, labsKey = "gsk-Teams-5e90b3d7", "search-Teams-a4c81f06", "labs-Teams-39d7e2b5"
	sharedGateway(t) // installs the CRDs
	own := harness.Serve(t, modelserver.Options{Name: "own", Address: ":8000", BasePath: "/v1", Reply: "own", Models: []string{"qwen3-8b"}})
	harness.ServeTLS(t, modelserver.Options{
		Name: "groq", Address: ":443", BasePath: "/openai/v1", Keys: []string{groqKey}, Reply: "groq", Models: []string{"llama-3.3-70b-versatile"},
	}, "api.groq-teams.example")
	secrets := map[string]string{"secret:groqKey": groqKey, "secret:searchKey": searchKey, "secret:labsKey": labsKey}
	inEachLanguage(t, func(t *testing.T, language string) {
		s := exampletest.Open(t, exampletest.Configured(t, "team-keys", language, map[string]any{
			"gateway": countingGateway(t),
			"ownUrl":  "http://" + own.Address() + "/v1",
			"groqUrl": "https://api.groq-teams.example/openai/v1",
			// A request takes three tokens, so that the tenth one uses up both, whether a minute has ended before or not.
			"tokensPerMinute": 28,
			"tokensPerDay":    30,
		}), secrets)
		url := up(t, s)["url"].(string)
		exampletest.Record(t, s, "team-keys")
		client := func(key, model string) exampletest.Client {
			return exampletest.Client{Language: language, URL: url, Key: key, Model: model}
		}
		told := func(key string) http.Header {
			return ask(t, http.MethodGet, url+"/models", http.Header{"Authorization": {"Bearer " + key}}).Header
		}
		assert.Equal(t, "401 invalid_api_key", client("search-Teams-guessed1", "qwen3-8b").Refusal(t))
		assert.Equal(t, "28", told(searchKey).Get("X-Ratelimit-Limit-Tokens"))
		assert.Empty(t, told(searchKey).Get("X-Ratelimit-Limit-Requests"))
		assert.Equal(t, "30", told(labsKey).Get("X-Ratelimit-Limit-Requests"))

		assert.Equal(t, map[string]int{"own": 2}, client(labsKey, "qwen3-8b").Chats(t, 1))
		assert.Equal(t, map[string]int{"own": 6}, client(searchKey, "qwen3-8b").Chats(t, 3))
		assert.Equal(t, map[string]int{"groq": 4}, client(searchKey, "llama-3.3-70b").Chats(t, 2))
		// A client can have the end of a stream before it is counted.
		require.Eventually(t, func() bool { return told(searchKey).Get("X-Ratelimit-Remaining-Tokens") == "0" }, 10*time.Second, 100*time.Millisecond)
		assert.Equal(t, "30", told(searchKey).Get("X-Ratelimit-Limit-Tokens"))
		for _, model := range []string{"qwen3-8b", "llama-3.3-70b"} {
			assert.Equal(t, "429 rate_limit_exceeded", client(searchKey, model).Refusal(t))
		}
		direct := client(searchKey, "qwen3-8b")
		direct.URL = strings.TrimSuffix(url, "/v1") + "/default/qwen/v1"
		assert.Equal(t, "403 model_not_allowed", direct.Refusal(t))
		assert.Equal(t, map[string]int{"groq": 2}, client(labsKey, "llama-3.3-70b").Chats(t, 1))

		text := figures(t)
		for team, of := range map[string]struct{ own, groq float64 }{"search": {6, 4}, "labs": {2, 2}} {
			caller := fmt.Sprintf("caller=%q", team)
			assert.Equal(t, 2*(of.own+of.groq), harness.Figure(t, text, "modelplane_tokens_total", caller, `gen_ai_token_type="input"`), team)
			assert.Equal(t, of.own+of.groq, harness.Figure(t, text, "modelplane_tokens_total", caller, `gen_ai_token_type="output"`), team)
			assert.InDelta(t, (of.own*(2*0.05+0.2)+of.groq*(2*0.59+0.79))/1e6, harness.Figure(t, text, "modelplane_cost_total", caller), 1e-12, team)
		}
		for _, key := range []string{groqKey, searchKey, labsKey} {
			assert.NotContains(t, s.Log.String()+s.State(t), key)
		}
	})
}

// countingGateway makes a gateway as the example's README has it, and gives what a ModelService takes for it. It goes with the test of a language: what a team has
// used counts for the next catalog of the same name, too. With one replica, limits are exact.
func countingGateway(t *testing.T) map[string]any {
	t.Helper()
	chart, err := json.Marshal(exampletest.BriefChart())
	require.NoError(t, err)
	s := stack.New(t, "counting", map[string]string{"KUBECONFIG": os.Getenv("KUBECONFIG")})
	outputs := s.MustUp(t, fmt.Sprintf(`
name: counting
runtime: yaml
resources:
  gw:
    type: modelplane:ModelGateway
    properties: {observability: {metrics: {}, tokens: true}, replicas: 1, installCrds: false, chart: %s}
outputs: {gateway: '${gw.gateway}'}
`, chart))
	return outputs["gateway"].(map[string]any)
}

// figures are what the counting gateway's Pods tell.
func figures(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, address := range harness.GatewayPods(t) {
		response, err := exampletest.HTTPClient().Get("http://" + address + ":9100/metrics")
		require.NoError(t, err)
		_, err = io.Copy(&all, response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
	}
	return all.String()
}
