package protocols

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

// A client can have the end of an answer before it is counted.
const (
	soon = 10 * time.Second
	tick = 50 * time.Millisecond
)

// send sends a request as it is, and gives status, type and body of the answer.
func (a *asked) send(t testing.TB, method, url, key, body string, header ...string) (status int, kind, content string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+key)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, response.Header.Get("Content-Type"), string(read)
}

// tokens are all that are counted by now.
func (a *asked) tokens(t testing.TB, labels ...string) float64 {
	t.Helper()
	return harness.Figure(t, a.figures(t), "modelplane_tokens_total", labels...)
}

// unknown would catch a body or an answer of a protocol that the gateway does not know and yet reads, changes or refuses, and tokens that it makes up.
func unknown(t *testing.T, a *asked) {
	everyByte := make([]byte, 256)
	for i := range everyByte {
		everyByte[i] = byte(i)
	}
	before := a.tokens(t)
	const odd = `{"Model":1, "model" : "a","model":"b","documents":["é","\u00e9"],"stream":true} and more`
	for name, c := range map[string]struct{ path, kind, body, wantKind, want string }{
		"JSON of two readings": {"/custom", "application/json", odd, "audio/mpeg", string(sound)},
		"no text":              {"/custom", "application/octet-stream", string(everyByte), "audio/mpeg", string(sound)},
		"compressed":           {"/custom", "application/json", "\x1f\x8b\x08\x00", "audio/mpeg", string(sound)},
		"speech":               {"/audio/speech", "application/json", `{ "model":"gpt-4.1-mini","voice":"alloy", "input":"Hello"}`, "audio/mpeg", string(sound)},
	} {
		status, kind, content := a.send(t, http.MethodPost, a.urls["plain"]+c.path, anaKey, c.body, "Content-Type", c.kind)
		assert.Equal(t, http.StatusOK, status, "%s: %s", name, content)
		assert.Equal(t, []string{c.wantKind, c.want}, []string{kind, content}, name)
		assert.Equal(t, received{http.MethodPost, "/v1" + c.path, c.body}, a.servers["gpt"].last(), name)
	}
	for _, stream := range []string{"", `,"stream":false`} {
		body := `{"model":"llama","messages":[]` + stream + `}`
		status, _, content := a.send(t, http.MethodPost, a.urls["ollama"]+"/chat", anaKey, body, "Content-Type", "application/json")
		assert.Equal(t, http.StatusOK, status, content)
		assert.Contains(t, content, `"eval_count":18`)
		assert.Equal(t, received{http.MethodPost, "/api/chat", body}, a.servers["ollama"].last())
	}
	assert.Equal(t, before, a.tokens(t))

	// A usage is read on whatever path it comes, and a catalog finds the model of any JSON.
	for url, theirs := range map[string]string{"plain": "our-gpt", "catalog": "gpt-4.1-mini"} {
		before := a.tokens(t, `gen_ai_token_type="input"`)
		status, _, content := a.send(t, http.MethodPost, a.urls[url]+"/rerank", anaKey, `{"query":"q", "documents":["a","b"],"top_n":1,"model":"our-gpt"}`, "Content-Type", "application/json")
		assert.Equal(t, http.StatusOK, status, content)
		assert.Equal(t, reranked, content) //nolint:testifylint // byte for byte
		assert.Equal(t, `{"query":"q", "documents":["a","b"],"top_n":1,"model":"`+theirs+`"}`, a.servers["gpt"].last().body)
		require.Eventually(t, func() bool { return a.tokens(t, `gen_ai_token_type="input"`) == before+21 }, soon, tick, url)
	}
}

// refused would catch a call that the documentation says does not work and that does, or that works at a service's own URL and does not.
func refused(t *testing.T, a *asked) {
	made := a.do(t, "openai", "response", a.urls["gpt"], anaKey, "our-gpt", nil)
	more := map[string]any{"previous": idOf(t, made)}
	before := a.requests()
	for call, want := range map[string]string{
		"transcription": "415 unsupported_media_type", "file": "415 unsupported_media_type", "batch": "400 missing_model", "response_again": "404 not_found",
	} {
		assert.Equal(t, want, a.do(t, "openai", call, a.urls["catalog"], anaKey, "our-gpt", more).Refusal, call)
	}
	assert.Equal(t, "403 model_not_allowed", a.do(t, "openai", "response_again", a.urls["gpt"], cyKey, "our-gpt", more).Refusal)
	assert.Equal(t, "404 model_not_found", a.do(t, "anthropic", "message", a.base("anthropic", "catalog"), cyKey, "our-claude", nil).Refusal)
	status, _, _ := a.send(t, http.MethodGet, a.urls["catalog"]+"/realtime?model=our-gpt", cyKey, "", "Connection", "Upgrade", "Upgrade", "websocket")
	assert.Equal(t, http.StatusForbidden, status)
	assert.Equal(t, before, a.requests())

	for call, path := range map[string]string{"transcription": "/audio/transcriptions", "file": "/files", "batch": "/batches", "response_again": "/responses/" + idOf(t, made)} {
		got := a.do(t, "openai", call, a.urls["gpt"], anaKey, "our-gpt", more)
		require.Empty(t, got.Refusal, call)
		last := a.servers["gpt"].last()
		assert.Equal(t, "/v1"+path, last.uri)
		// A form's model stays as the client has written it.
		assert.Equal(t, string(got.Sent[0]), last.body, call)
	}
	// The answer has the usage again, and is counted again.
	counted := a.tokens(t, `gen_ai_token_type="input"`, `caller="cy"`)
	more["more"] = map[string]any{"extra_query": map[string]string{"model": "our-gpt"}}
	assert.Equal(t, idOf(t, made), idOf(t, a.do(t, "openai", "response_again", a.urls["catalog"], cyKey, "our-gpt", more)))
	assert.Equal(t, "/v1/responses/"+idOf(t, made)+"?model=gpt-4.1-mini", a.servers["gpt"].last().uri)
	require.Eventually(t, func() bool { return a.tokens(t, `gen_ai_token_type="input"`, `caller="cy"`) == counted+14 }, soon, tick)
	_, _, _ = a.send(t, http.MethodGet, a.urls["catalog"]+"/realtime?model=our-gpt", anaKey, "", "Connection", "Upgrade", "Upgrade", "websocket")
	assert.Equal(t, "/v1/realtime?model=gpt-4.1-mini", a.servers["gpt"].last().uri)
}

func idOf(t testing.TB, got told) string {
	t.Helper()
	require.Empty(t, got.Refusal)
	var result struct{ ID string }
	require.NoError(t, json.Unmarshal(got.Result, &result))
	require.NotEmpty(t, result.ID)
	return result.ID
}

// followUps would catch a follow-up that reaches another backend than the one that has what it follows, or a response that its caller cannot get again.
func followUps(t *testing.T, a *asked) {
	ask := func(call, url string, i int, previous string) told {
		return a.do(t, "openai", call, a.urls[url], numberedKey(i), "our-state", map[string]any{"previous": previous})
	}
	lost := 0
	for i := range numbered {
		previous := ""
		for range 3 {
			previous = idOf(t, ask("response", "catalog", i, previous))
			assert.Equal(t, previous, idOf(t, ask("response_again", "state", i, previous)))
		}
		if ask("response", "scattered", i, idOf(t, ask("response", "scattered", i, ""))).Refusal == "400 previous_response_not_found" {
			lost++
		}
	}
	assert.NotZero(t, lost, "the servers know each other's responses")
	for _, name := range []string{"east", "west"} {
		assert.NotZero(t, harness.Figure(t, a.figures(t), "modelplane_requests_total", `model_service="default/state"`, fmt.Sprintf("model_endpoint=%q", name)), "all callers are at the other one")
	}
}
