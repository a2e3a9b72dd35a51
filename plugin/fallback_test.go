package plugin_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// says answers a status with a body.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Of-The-Failed", "true")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

const tooLong = `{"error":{"message":"This model's maximum context length is 4096 tokens.","code":"context_length_exceeded"}}`

// TestAnotherModelAnswers would catch a failure that a client sees although another model could answer, one that it does not see although none could, another model that is sent another body or name than
// its own, and a header of an answer that nobody got.
func TestAnotherModelAnswers(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		for name, c := range map[string]struct {
			first  http.HandlerFunc
			asked  string
			want   string // the backend that answers, or a status
			others bool   // whether the others are down, too
		}{
			"down":                              {says(503, "{}"), "main", "spare", false},
			"over its provider's limit":         {says(429, "{}"), "alias", "spare", false},
			"too long":                          {says(400, tooLong), "main", "long", false},
			"too long, in Anthropic's words":    {says(400, `{"type":"error","error":{"message":"Prompt is too long: 210000 tokens > 200000 maximum"}}`), "main", "long", false},
			"another mistake of the client":     {says(400, `{"error":{"message":"Unknown parameter"}}`), "main", "400", false},
			"a mistake that takes many words":   {says(400, `{"error":"`+strings.Repeat("x", 200_000)+`"}`), "main", "400", false},
			"not allowed":                       {says(401, "{}"), "main", "401", false},
			"well":                              {tell("main"), "main", "main", false},
			"down, and the others":              {says(503, "{}"), "main", "502", true},
			"too long for all":                  {says(400, tooLong), "main", "400", true},
			"a model that has no others":        {says(503, "{}"), "alone", "503", false},
			"a failure that takes many words":   {says(500, strings.Repeat("x", 300_000)), "main", "spare", false},
			"down, and a failure without words": {says(500, ""), "main", "spare", false},
		} {
			t.Run(name, func(t *testing.T) {
				for _, backend := range []string{"main", "alone"} {
					inner.set(backend, c.first)
				}
				inner.set("spare", tell("spare"))
				inner.set("spare2", tell("spare2"))
				inner.set("long", tell("long"))
				if c.others {
					inner.set("spare", says(500, "{}"))
					inner.set("spare2", says(502, "{}"))
					inner.set("long", says(400, tooLong))
				}
				handler, _ := build(t, http.NotFoundHandler(), cataloged(t,
					plugin.Model{Names: []string{"main", "alias"}, Service: "main", Fallbacks: []string{"spare", "spare2"}, ContextFallbacks: []string{"long"}},
					plugin.Model{Names: []string{"spare"}, Service: "spare"}, plugin.Model{Names: []string{"spare2"}, Service: "spare2"},
					plugin.Model{Names: []string{"long"}, Service: "long"}, plugin.Model{Names: []string{"alone"}, Service: "alone"},
				))
				gateway := httptest.NewServer(handler)
				defer gateway.Close()
				for _, padding := range []string{"", strings.Repeat("x", 300_000)} {
					status, body, header := post(t, gateway.URL+"/v1/chat/completions", fmt.Sprintf(`{"x":%q,"model":%q,"n":1}`, padding, c.asked))
					if len(c.want) == 3 {
						assert.Equal(t, c.want, fmt.Sprint(status))
						continue
					}
					require.Equal(t, http.StatusOK, status, body)
					assert.Contains(t, body, `"Backend":"`+c.want+`"`)
					assert.Contains(t, body, fmt.Sprintf(`\"model\":\"%s\",\"n\":1}"`, c.want))
					assert.Contains(t, body, padding)
					assert.Equal(t, []string{c.want}, header.Values(plugin.ModelHeader))
					assert.Empty(t, header.Values("X-Of-The-Failed"))
				}
			})
		}
	})
}

// TestAFallbackIsHeldToItsOwnRules would catch a key that reaches a model by another one, a limit of the gateway's that another model gets round, and tokens that are counted for the wrong model,
// twice or for nobody.
func TestAFallbackIsHeldToItsOwnRules(t *testing.T) {
	inner := serveInner(t)
	inner.set("main", says(503, "{}"))
	inner.set("spare", inParts(events, openAIs+openAIs2, 50))
	inEveryEngine(t, func(t *testing.T, build engine) {
		main := plugin.Model{Names: []string{"main"}, Service: "main", Fallbacks: []string{"spare"}, Limits: []plugin.Limit{{By: "caller", Requests: 2, Seconds: 3600}}}
		spare := plugin.Model{Names: []string{"spare"}, Service: "spare", Count: true, Tokens: true}
		catalog := cataloged(t, main, spare)
		service := catalog.Catalog.Models[1].Service
		inside, _ := build(t, http.NotFoundHandler(), catalog)
		limited, _ := build(t, inside, limited(t, aDay("caller", 48)))
		handler, _ := build(t, limited, asking(line("ana", "sk-ana"), strings.TrimSpace(line("ben", "sk-ben", 0))+" main\n"))
		byModel, _ := build(t, handler, plugin.Config{ByModel: true})
		ask := func(key string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(`{"model":"main","stream":true,"stream_options":{"include_usage":true}}`))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+key)
			return answerOf(byModel, r)
		}
		assert.Equal(t, http.StatusServiceUnavailable, ask("sk-ben").Code, "the key is not for the other model")
		for _, left := range []string{"48", "36"} {
			got := ask("sk-ana")
			require.Equal(t, http.StatusOK, got.Code)
			assert.Equal(t, left, got.Header().Get("X-Ratelimit-Remaining-Tokens"))
			assert.Equal(t, openAIs+openAIs2, got.Body.String())
		}
		assert.Equal(t, http.StatusTooManyRequests, ask("sk-ana").Code, "the limit of the model itself is no reason to ask another")
		figures := reported(t, build, service)
		assert.Equal(t, "14", figures["modelplane_tokens_total,model_endpoint='own',caller='ana',gen_ai_request_model='spare',gen_ai_response_model='spare',gen_ai_token_type='input'"], "%v", figures)
		assert.Equal(t, http.StatusServiceUnavailable, ask("sk-ben").Code)
		refused := ask("sk-ben")
		assert.Equal(t, http.StatusTooManyRequests, refused.Code, "the limit of the model itself")
		assert.Equal(t, "rate_limit_exceeded", errorCode(t, refused))
	})
}

// TestAFallbackIsReadOnce would catch events that a catalog's limit counts twice.
func TestAFallbackIsReadOnce(t *testing.T) {
	inner := serveInner(t)
	inner.set("main", says(503, "{}"))
	inner.set("spare", inParts(events, strings.Repeat(openAIs, 10), 50))
	inEveryEngine(t, func(t *testing.T, build engine) {
		inside, _ := build(t, http.NotFoundHandler(), cataloged(t,
			plugin.Model{Names: []string{"main"}, Service: "main", Fallbacks: []string{"spare"}}, plugin.Model{Names: []string{"spare"}, Service: "spare", Count: true, Tokens: true}))
		handler, _ := build(t, inside, limited(t, aDay("caller", 1000)))
		for _, left := range []string{"1000", "986"} {
			assert.Equal(t, left, answerOf(handler, chatOf("ana", `{"model":"main" }`)).Header().Get("X-Ratelimit-Remaining-Tokens"))
		}
	})
}

// TestAFallbackTellsTheTightestLimit would catch a client that is told of the catalog's limits alone.
func TestAFallbackTellsTheTightestLimit(t *testing.T) {
	inner := serveInner(t)
	inner.set("main", tell("main"))
	inEveryEngine(t, func(t *testing.T, build engine) {
		limits := []plugin.Limit{{By: "caller", Requests: 5, Seconds: 3600}}
		inside, _ := build(t, http.NotFoundHandler(), cataloged(t,
			plugin.Model{Names: []string{"main"}, Service: "main", Fallbacks: []string{"spare"}, Limits: limits}, plugin.Model{Names: []string{"spare"}, Service: "spare"}))
		handler, _ := build(t, inside, limited(t, plugin.Limit{By: "caller", Requests: 1000, Seconds: 3600}))
		assert.Equal(t, "4", answerOf(handler, chatOf("ana", `{"model":"main"}`)).Header().Get("X-Ratelimit-Remaining-Requests"))
	})
}

// TestACompressedAnswerIsReadForItsReason would catch a server that compresses, as clients allow, why it cannot answer.
func TestACompressedAnswerIsReadForItsReason(t *testing.T) {
	inner := serveInner(t)
	inner.set("main", func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		says(http.StatusBadRequest, tooLong)(w, r)
	})
	inner.set("long", tell("long"))
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler, _ := build(t, http.NotFoundHandler(), cataloged(t,
			plugin.Model{Names: []string{"main"}, Service: "main", ContextFallbacks: []string{"long"}}, plugin.Model{Names: []string{"long"}, Service: "long"}))
		r := chatOf("ana", `{"model":"main"}`)
		r.Header.Set("Accept-Encoding", "gzip, deflate")
		assert.Equal(t, http.StatusOK, answerOf(handler, r).Code)
	})
}

// TestAFallbackStreams would catch an answer of another model that waits for its end.
func TestAFallbackStreams(t *testing.T) {
	inner := serveInner(t)
	next := make(chan bool)
	inner.set("main", says(503, "{}"))
	inner.set("spare", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range 3 {
			_, _ = io.WriteString(w, openAIs)
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	})
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler, _ := build(t, http.NotFoundHandler(), cataloged(t,
			plugin.Model{Names: []string{"main"}, Service: "main", Fallbacks: []string{"spare"}}, plugin.Model{Names: []string{"spare"}, Service: "spare"}))
		gateway := httptest.NewServer(handler)
		defer gateway.Close()
		response, err := http.Post(gateway.URL+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"main","stream":true}`))
		require.NoError(t, err)
		defer response.Body.Close()
		reader := bufio.NewReader(response.Body)
		for range 3 {
			line, err := reader.ReadString('\n')
			require.NoError(t, err)
			assert.Equal(t, openAIs, line+"\n")
			_, _ = reader.ReadString('\n')
			next <- true
		}
	})
}
