package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/load"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

var shares = []share{{"near", 0.6}, {"groq", 0.4}, {"idle", 0}}

// TestTheTableShowsEveryWayNextToTheShareAskedFor would catch shares of the wrong total, and a way or a backend that is left
// out: one that nobody asked for, one that got nothing, one that is reached in two ways.
func TestTheTableShowsEveryWayNextToTheShareAskedFor(t *testing.T) {
	report := load.Report{Total: 11, Failed: 1, ByWay: map[load.Way]int{
		{Backend: "near", Path: "/v1/chat/completions", Host: "10.97.0.1"}:               5,
		{Backend: "groq", Path: "/openai/v1/chat/completions", Host: "api.groq.example"}: 2,
		{Backend: "groq", Path: "/v1/chat/completions", Host: "api.groq.example"}:        2,
		{Backend: "stray", Path: "/", Host: "h"}:                                         1,
	}}
	assert.Equal(t, strings.TrimPrefix(`
BACKEND   PATH AT THE BACKEND           HOST               ASKED      GOT
near      /v1/chat/completions          10.97.0.1           60 %   50.0 %   ████████████
groq      /openai/v1/chat/completions   api.groq.example    40 %   20.0 %   █████
groq      /v1/chat/completions          api.groq.example    40 %   20.0 %   █████
idle      –                             –                    0 %    0.0 %
stray     /                             h                    0 %   10.0 %   ██
`, "\n"), table(shares, report))
}

// TestTheTableClaimsNothingAboutServersThatDoNotTell would catch answers of unknown origin that count for a backend.
func TestTheTableClaimsNothingAboutServersThatDoNotTell(t *testing.T) {
	text := table(shares[:1], load.Report{Total: 2, ByWay: map[load.Way]int{{}: 2}})
	assert.Regexp(t, `near +– +– +60 % +0\.0 %\n`, text)
	assert.Regexp(t, `not told +– +– +– +100\.0 %`, text)
	assert.NotContains(t, table(shares, load.Report{}), "NaN", "without an answer there is nothing to divide by")
}

// TestPodsCountForTheirClustersEndpoint would catch answers of a Pod that count for another cluster or for none, and answers of other
// servers that are lost.
func TestPodsCountForTheirClustersEndpoint(t *testing.T) {
	way := func(backend string) load.Way {
		return load.Way{Backend: backend, Path: "/v1/chat/completions", Host: "10.97.0.1"}
	}
	report := load.Report{Total: 10, ByWay: map[load.Way]int{way("m-1"): 3, way("m-2"): 2, way("m-3"): 4, way("groq"): 1}}
	counted := byEndpoint(report, map[string]string{"m-1": "m-east", "m-2": "m-east", "m-3": "m-west"})
	assert.Equal(t, map[load.Way]int{way("m-east"): 5, way("m-west"): 4, way("groq"): 1}, counted.ByWay)
	assert.Len(t, report.ByWay, 4, "the report itself stays as it is")
}

// TestThePlacementNamesEveryCluster would catch a cluster without its replicas or with another one's URL.
func TestThePlacementNamesEveryCluster(t *testing.T) {
	assert.Equal(t, strings.TrimPrefix(`
CLUSTER   REPLICAS   BASE URL ON THE CLUSTER
east      2          http://10.107.0.1/default/m/v1
west      1          http://10.117.0.1/default/m/v1
`, "\n"), placement(outputs{
		Placement: []placed{{"east", 2}, {"west", 1}},
		URLs:      map[string]string{"west": "http://10.117.0.1/default/m/v1", "east": "http://10.107.0.1/default/m/v1"},
	}))
}

// figures are those of one of a gateway's Pods.
const figures = `# TYPE traefik_config_reloads_total counter
traefik_config_reloads_total 7
# TYPE modelplane_requests_total counter
modelplane_requests_total{gateway="g/g",model_service="default/large",model_endpoint="near",caller="search",code="200"} 5
modelplane_requests_total{gateway="g/g",model_service="default/large",model_endpoint="groq",caller="search",code="200"} 1
modelplane_requests_total{gateway="g/g",model_service="default/large",model_endpoint="groq",caller="search",code="503"} 2
modelplane_requests_total{gateway="g/g",model_service="default/large",model_endpoint="",caller="",code="401"} 1
modelplane_requests_total{gateway="g/g",model_service="default/small",model_endpoint="mini",caller="labs",code="200"} 4
# TYPE modelplane_tokens_total counter
modelplane_tokens_total{gateway="g/g",model_service="default/large",model_endpoint="near",caller="search",gen_ai_request_model="large",gen_ai_response_model="a",gen_ai_token_type="input"} 15
modelplane_tokens_total{gateway="g/g",model_service="default/large",model_endpoint="near",caller="search",gen_ai_request_model="large",gen_ai_response_model="a",gen_ai_token_type="input_cached"} 9
modelplane_tokens_total{gateway="g/g",model_service="default/large",model_endpoint="near",caller="search",gen_ai_request_model="large",gen_ai_response_model="a",gen_ai_token_type="output"} 70
modelplane_tokens_total{gateway="g/g",model_service="default/large",model_endpoint="groq",caller="search",gen_ai_request_model="large",gen_ai_response_model="b",gen_ai_token_type="input"} 3
modelplane_tokens_total{gateway="g/g",model_service="default/large",model_endpoint="groq",caller="search",gen_ai_request_model="large",gen_ai_response_model="b",gen_ai_token_type="output"} 13
`

// TestTokensAreThoseOfEachCallerAndModel would catch an endpoint's or a Pod's tokens that are left out, cached ones that count twice, and
// refusals and earlier requests that are told as answers.
func TestTokensAreThoseOfEachCallerAndModel(t *testing.T) {
	l := ledger{}
	for range 2 {
		require.NoError(t, l.add(strings.NewReader(figures)), "one Pod, and the other")
	}
	require.NoError(t, l.add(strings.NewReader("")), "a Pod that has counted nothing")
	assert.Equal(t, ledger{{"search", "large"}: {12, 36, 166}, {"labs", "small"}: {requests: 8}}, l.since(ledger{{"", "large"}: {}}))
	assert.Equal(t, strings.TrimPrefix(`
CALLER   MODEL   REQUESTS   INPUT TOKENS   OUTPUT TOKENS
search   large          2              6              26
`, "\n"), tokens(l.since(ledger{{"search", "large"}: {10, 30, 140}, {"labs", "small"}: {requests: 8}})))
	require.ErrorContains(t, l.add(strings.NewReader("<html>")), "the gateway's figures cannot be read")
}

// TestFiguresOutOfReachAreReadByHand would catch a demo that fails in a cluster whose API server does not lead to Pods, and one that passes
// over that in a plane.
func TestFiguresOutOfReachAreReadByHand(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	server, err := modelserver.Start(modelserver.Options{Models: []string{largeModel, smallModel}})
	require.NoError(t, err)
	defer server.Close()
	var out bytes.Buffer
	e := &environment{model: largeModel, key: "a", otherKey: "b", requests: 20, rate: 1000, byHand: "kubectl …\ncurl …"}
	d := demo{&terminal{out: &out}, e, &example{outputs: outputs{URL: server.URL()}}}
	require.NoError(t, d.meter(t.Context()))
	assert.Regexp(t, `with two keys: 0 of 20 failed .*\n +The gateway's figures cannot be read from here: .+ By hand:\n +kubectl …\n +curl …\n`, out.String())
	asked := map[string]int{}
	for _, request := range server.Requests() {
		asked[request.Header.Get("Authorization")]++
	}
	assert.Equal(t, map[string]int{"Bearer a": 10, "Bearer b": 10}, asked)

	e.byHand = ""
	require.Error(t, d.meter(t.Context()))
	e.otherKey = ""
	sent := len(server.Requests())
	require.NoError(t, d.meter(t.Context()), "one team alone")
	assert.Len(t, server.Requests(), sent)
}

// TestAPlainTerminalGetsNoEscapes would catch control sequences in a log file.
func TestAPlainTerminalGetsNoEscapes(t *testing.T) {
	var out bytes.Buffer
	plain := &terminal{out: &out}
	plain.title("Title")
	plain.announce("Begin")
	plain.announced("Begin", 1500*time.Millisecond)
	failed := errors.New("no such thing")
	err := plain.step("Work", func(status func(string)) (string, error) {
		status("halfway")
		return "half done", failed
	})
	require.ErrorIs(t, err, failed)
	plain.details("detail")
	plain.failure(err)
	assert.NotContains(t, out.String(), "\x1b")
	assert.NotContains(t, out.String(), "\r")
	assert.Regexp(t, `✓ Begin +1\.5 s`, out.String())
	assert.Regexp(t, `✗ Work: half done +0\.0 s`, out.String())
	assert.Contains(t, out.String(), "The demo failed: no such thing")
}

// TestALiveLineNeverWraps would catch a status longer than the terminal is wide, which cannot be written over.
func TestALiveLineNeverWraps(t *testing.T) {
	assert.Equal(t, "abc", cut("abc", 3))
	assert.Equal(t, "ab…", cut("abcd", 3))
	assert.Equal(t, "a b", cut("a\n  b", 10))
	assert.Equal(t, "…", cut("abc", 0), "a terminal may be narrower than what comes before")
}

// TestProgressTellsWhatWasMadeAndWhatWentWrong would catch objects filed under another component, and an error that is lost
// among the engine's progress messages.
func TestProgressTellsWhatWasMadeAndWhatWentWrong(t *testing.T) {
	const stack, component = "urn:pulumi:demo::demo::", "modelplane:index:ModelEndpoint"
	made := func(kind string) apitype.EngineEvent {
		return apitype.EngineEvent{ResOutputsEvent: &apitype.ResOutputsEvent{Metadata: apitype.StepEventMetadata{
			Op: apitype.OpCreate, URN: stack + component + "$kubernetes:core/v1:" + kind + "::groq",
			New: &apitype.StepEventStateMetadata{Custom: true, Parent: stack + component + "::groq"},
		}}}
	}
	var said string
	p := newProgress(func(status string) { said = status })
	p.note(made("Secret"))
	p.note(made("Service"))
	p.note(made("Secret"))
	assert.Equal(t, "3 done · Secret groq ", said)
	assert.Equal(t, []string{"ModelEndpoint groq Service, 2× Secret"}, p.tree())

	urn := stack + component + "::groq"
	p.note(apitype.EngineEvent{DiagnosticEvent: &apitype.DiagnosticEvent{URN: urn, Message: "waiting", Severity: "error", Ephemeral: true}})
	assert.Contains(t, said, "waiting")
	assert.Empty(t, p.problems, "a progress message is not an error")
	p.note(apitype.EngineEvent{DiagnosticEvent: &apitype.DiagnosticEvent{URN: urn, Message: "<{%fg 1%}>bad key<{%reset%}>\n", Severity: "error"}})
	assert.Equal(t, []string{"ModelEndpoint groq: bad key"}, p.problems)

	p.note(apitype.EngineEvent{SummaryEvent: &apitype.SummaryEvent{ResourceChanges: map[apitype.OpType]int{apitype.OpSame: 40, apitype.OpUpdate: 1}}})
	assert.Equal(t, "1 updated, 40 unchanged", p.summary())
}

// TestTokensArePassedOnUnchanged would catch spaces lost between tokens, and a stream that breaks off unnoticed.
func TestTokensArePassedOnUnchanged(t *testing.T) {
	var text strings.Builder
	say := func(token string) { text.WriteString(token) }
	event := func(token string) string { return `data: {"choices":[{"delta":{"content":"` + token + `"}}]}` + "\n\n" }
	require.NoError(t, eachToken(strings.NewReader(event("Hello, ")+event("world")+"data: [DONE]\n\n"), say))
	assert.Equal(t, "Hello, world", text.String())
	assert.Error(t, eachToken(strings.NewReader(event("Hello")), say), "no [DONE]")
	assert.Error(t, eachToken(strings.NewReader("data: {\n\n"), say))
}

// TestOnlyARefusalForWantOfAKeyIsShownAsOne would catch a service that answers a caller without a key, an error that is taken for the
// refusal, and a key that is sent where none should be.
func TestOnlyARefusalForWantOfAKeyIsShownAsOne(t *testing.T) {
	status := http.StatusUnauthorized
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer the-key" {
			status = http.StatusOK
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"error":{"code":"missing_api_key"}}`)
	}))
	defer server.Close()
	stranger := caller{url: server.URL, model: "m"}
	refusal, err := stranger.refusal(t.Context())
	require.NoError(t, err)
	assert.Equal(t, `401 Unauthorized: {"error":{"code":"missing_api_key"}}`, refusal)
	_, err = stranger.ask(t.Context(), true, nil)
	require.ErrorContains(t, err, "401")

	status = http.StatusBadGateway
	_, err = stranger.refusal(t.Context())
	require.ErrorContains(t, err, "a caller without a key got 502 Bad Gateway")

	known := caller{url: server.URL, model: "m", key: "the-key"}
	_, err = known.ask(t.Context(), false, nil)
	require.NoError(t, err)
	assert.Contains(t, known.curl(), `-H 'Authorization: Bearer the-key'`)
	assert.NotContains(t, stranger.curl(), "Authorization")
}

// TestACrashTakesAwayWhatIsBeingAnswered would catch a server that is said to be dead and finishes its answers, or takes more.
func TestACrashTakesAwayWhatIsBeingAnswered(t *testing.T) {
	server, err := modelserver.Start(modelserver.Options{})
	require.NoError(t, err)
	server.SetDelay(time.Minute)
	cut := make(chan error, 1)
	go func() {
		_, err := caller{url: server.URL()}.ask(context.WithoutCancel(t.Context()), false, nil)
		cut <- err
	}()
	require.Eventually(t, func() bool { return len(server.Requests()) == 1 }, 10*time.Second, time.Millisecond)
	require.NoError(t, crash([]*modelserver.Server{server}))
	select {
	case err := <-cut:
		require.Error(t, err)
	case <-time.After(10 * time.Second):
		require.Fail(t, "the request was not cut")
	}
	_, err = caller{url: server.URL()}.ask(t.Context(), false, nil)
	require.ErrorContains(t, err, "connection refused")
}
