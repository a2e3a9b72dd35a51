package plugin_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// tokened is an answer with tokens, in the form of one of the APIs.
type tokened struct {
	kind, body string
	// input, output, cached and reasoning are what it says; "" for nothing.
	input, output, cached, reasoning string
}

const (
	events   = "text/event-stream; charset=utf-8"
	openAIs  = `data: {"choices":[{"delta":{"content":"a"}}],"model":"m","usage":null}` + "\n\n"
	openAIs2 = `data: {"choices":[],"model":"m","usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}` + "\n\ndata: [DONE]\n\n"
	claude   = `event: message_start` + "\n" +
		`data: {"type":"message_start","message":{"model":"m","usage":{"input_tokens":3,"cache_read_input_tokens":20,"cache_creation_input_tokens":4,"output_tokens":1}}}` + "\n\n" +
		"event: ping\ndata: {\"type\":\"ping\"}\n\n" +
		`event: content_block_delta` + "\n" + `data: {"type":"content_block_delta","delta":{"partial_json":"\"usage\":{\"output_tokens\":0}"}}` + "\n\n"
	claude2 = `event: message_delta` + "\n" + `data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":15}}` + "\n\n" +
		"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
)

var forms = map[string]tokened{
	"OpenAI": {"application/json", `{"model":"m","choices":[{"message":{"content":"\"usage\":{\"prompt_tokens\":1}"}}],"usage":{"prompt_tokens":7,"completion_tokens":5,` +
		`"prompt_tokens_details":{"cached_tokens":2,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":3}},"system_fingerprint":null}`, "7", "5", "2", "3"},
	"Mistral, which begins with it": {"application/json; charset=utf-8", `{"usage":{"prompt_tokens":7,"completion_tokens":5},"model":"m","choices":[]}`, "7", "5", "", ""},
	"Anthropic, with a tool of the same name": {"application/json", `{"model":"m","content":[{"type":"tool_use","input":{"usage":{"input_tokens":900}}}],` +
		`"usage":{"input_tokens":3,"cache_read_input_tokens":20,"cache_creation_input_tokens":null,"output_tokens":5}}`, "23", "5", "20", ""},
	"Anthropic, with thoughts": {"application/json", `{"model":"m","content":[],"usage":{"input_tokens":3,"output_tokens":9,"output_tokens_details":{"thinking_tokens":4}}}`, "3", "9", "", "4"},
	"responses": {"application/json", `{"model":"m","output":[],"usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":8},"output_tokens":6,` +
		`"output_tokens_details":{"reasoning_tokens":4},"total_tokens":15}}`, "9", "6", "8", "4"},
	"vectors, which are long": {"application/json", `{"data":[` + strings.Repeat("0.12345,", 100_000) + `0],"model":"m","usage":{"prompt_tokens":7,"total_tokens":7}}`, "7", "0", "", ""},
	"OpenAI's stream":         {events, openAIs + openAIs + openAIs2, "7", "5", "", ""},
	"with other line ends":    {events, strings.ReplaceAll(openAIs+openAIs2, "\n", "\r\n"), "7", "5", "", ""},
	"Anthropic's stream":      {events, claude + claude2, "27", "15", "20", ""},
	"responses' stream": {events, "event: response.created\n" + `data: {"response":{"model":"m","usage":null}}` + "\n\nevent: response.completed\n" +
		`data: {"response":{"model":"m","output":[{"x":"` + strings.Repeat("x", 100_000) + `"}],"usage":{"input_tokens":9,"output_tokens":6}}}` + "\n\n", "9", "6", "", ""},
	"the count so far with each event": {events, strings.Replace(openAIs, "null", `{"prompt_tokens":7,"completion_tokens":1}`, 1) +
		strings.Replace(openAIs, "null", `{"prompt_tokens":7,"completion_tokens":5}`, 1) + "data: [DONE]\n\n", "7", "5", "", ""},
	"an event without its end":   {events, openAIs + `data: {"model":"m","usage":{"prompt_tokens":7,"completion_tokens":5}}`, "7", "5", "", ""},
	"more cached than there are": {"application/json", `{"model":"m","usage":{"prompt_tokens":7,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":900},"completion_tokens_details":{"reasoning_tokens":6}}}`, "7", "5", "7", "5"},
	"in no number":               {"application/json", `{"model":"m","usage":{"prompt_tokens":"7","completion_tokens":-5,"output_tokens":1e300,"input_tokens":8}}`, "8", "0", "", ""},
	"nothing":                    {"application/json", `{"model":"m","choices":[]}`, "", "", "", ""},
	"not for models":             {"text/plain", `{"model":"m","usage":{"prompt_tokens":7}}`, "", "", "", ""},
	"no JSON":                    {"application/json", `"usage":{"prompt_tokens":7}`, "", "", "", ""},
}

// metered is a gateway that counts the tokens of what backend answers.
func metered(t testing.TB, build engine, config plugin.Config, backend http.Handler) http.Handler {
	t.Helper()
	inner, _ := build(t, backend, plugin.Config{Anonymous: true, LeaveUsage: config.LeaveUsage})
	config.LeaveUsage = false
	outer, _ := build(t, inner, config)
	return outer
}

func metering(t testing.TB) plugin.Config {
	config := counted(t)
	config.Tokens = true
	return config
}

// inParts answers with a body in parts of this length.
func inParts(kind, body string, length int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set(plugin.EndpointHeader, "own")
		for rest := body; len(rest) > 0; rest = rest[min(length, len(rest)):] {
			_, _ = io.WriteString(w, rest[:min(length, len(rest))])
		}
	}
}

// TestTokensAreReadHoweverTheyAreTold would catch an API whose tokens are not counted, or counted twice, a word of a model or a caller that is taken for the server's, and
// an answer that arrives otherwise than it was sent.
func TestTokensAreReadHoweverTheyAreTold(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		for name, form := range forms {
			t.Run(name, func(t *testing.T) {
				times := 0
				for _, length := range []int{1 << 20, 4096, len(form.body)/2 + 1, 7} {
					if length < 4096 && len(form.body) > 10_000 {
						continue
					}
					times++
					config := metering(t)
					body := form.body
					handler := metered(t, build, config, inParts(form.kind, body, length))
					r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(`{"stream":false}`))
					r.Header.Set(plugin.CallerHeader, "ana")
					got := answerOf(handler, r)
					require.Equal(t, body, got.Body.String())
					figures := reported(t, build, config.Service)
					of := func(kind string) string {
						return figures["modelplane_tokens_total,model_endpoint='own',caller='ana',gen_ai_request_model='m',gen_ai_response_model='m',gen_ai_token_type='"+kind+"'"]
					}
					// One service for all lengths: of a namespace, 200 are told apart.
					var want []string
					for _, text := range []string{form.input, form.output, form.cached, form.reasoning} {
						if n, err := strconv.Atoi(text); err == nil {
							text = strconv.Itoa(n * times)
						}
						want = append(want, text)
					}
					assert.Equal(t, want,
						[]string{of("input"), of("output"), of("input_cached"), of("output_reasoning")}, "in parts of %d", length)
				}
			})
		}
	})
}

// TestTokensHaveAPriceAndASize would catch a cost or a bucket that is wrong.
func TestTokensHaveAPriceAndASize(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		config := metering(t)
		half := 0.5
		config.Prices = map[string]plugin.Price{"own": {Input: 2, Output: 10, CachedInput: &half}}
		handler := metered(t, build, config, inParts("application/json", forms["OpenAI"].body, 1<<20))
		for range 2 {
			answerOf(handler, httptest.NewRequest(http.MethodPost, "/v1/chat/completions", nil))
		}
		figures := reported(t, build, config.Service)
		labels := ",model_endpoint='own',gen_ai_request_model='m',gen_ai_response_model='m',gen_ai_token_type="
		for series, want := range map[string]string{
			// 5 × 2 + 2 × 0.5 + 5 × 10, twice.
			"modelplane_cost_total,model_endpoint='own',caller='',gen_ai_request_model='m',gen_ai_response_model='m'": "0.000122",
			"gen_ai_client_token_usage_bucket" + labels + "'input',le='4'":                                            "0",
			"gen_ai_client_token_usage_bucket" + labels + "'input',le='16'":                                           "2",
			"gen_ai_client_token_usage_sum" + labels + "'input'":                                                      "14",
			"gen_ai_client_token_usage_count" + labels + "'output'":                                                   "2",
		} {
			assert.Equal(t, want, figures[series], series)
		}
	})
}

// TestAStreamWithoutUsageIsSaidToBeOne would catch a server whose tokens are missing from the figures, and nobody knows.
func TestAStreamWithoutUsageIsSaidToBeOne(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		config := metering(t)
		config.LeaveUsage = true
		handler := metered(t, build, config, inParts(events, openAIs+"data: [DONE]\n\n", 1<<20))
		answerOf(handler, httptest.NewRequest(http.MethodPost, "/v1/chat/completions", nil))
		assert.Equal(t, "1", reported(t, build, config.Service)["modelplane_unmetered_streams_total,model_endpoint='own'"])
	})
}

// TestUsageIsAskedForAndHidden would catch a server that is not asked, or asked although it must not be, a body that changes otherwise, and a client that gets an event that it has
// not asked for, or not the one that it has.
func TestUsageIsAskedForAndHidden(t *testing.T) {
	const ask = `"stream_options":{"include_usage":true},`
	inEveryEngine(t, func(t *testing.T, build engine) {
		for name, c := range map[string]struct {
			body, sent string // sent is what the server gets; "" for the body as it is
			path       string
			config     plugin.Config // of the backend
			shown      bool
		}{
			"a stream":                       {`{"stream": true, "x":1}`, `{` + ask + `"stream": true, "x":1}`, "", plugin.Config{}, false},
			"and nothing else":               {" {\n\"stream\":true}", " {" + ask + "\n\"stream\":true}", "", plugin.Config{}, false},
			"with the model's name":          {`{"model":"m","stream":true}`, `{` + ask + `"model":"theirs","stream":true}`, "", plugin.Config{Model: "theirs"}, false},
			"text":                           {`{"stream":true}`, `{` + ask + `"stream":true}`, "/v1/completions", plugin.Config{}, false},
			"with options":                   {`{"stream":true,"stream_options": {"include_obfuscation":false} }`, `{"stream":true,"stream_options": {"include_obfuscation":false,"include_usage":true} }`, "", plugin.Config{}, false},
			"with null":                      {`{"stream_options":null,"stream":true}`, `{"stream_options":{"include_usage":true},"stream":true}`, "", plugin.Config{}, false},
			"with false":                     {`{"stream_options":{"include_usage":false},"stream":true}`, `{"stream_options":{"include_usage":true},"stream":true}`, "", plugin.Config{}, false},
			"the client asks":                {`{"stream":true,"stream_options":{"include_usage":true}}`, "", "", plugin.Config{}, true},
			"options that are none":          {`{"stream":true,"stream_options":7}`, "", "", plugin.Config{}, true},
			"no stream":                      {`{"stream":false}`, "", "", plugin.Config{}, true},
			"another object's":               {`{"tools":[{"stream":true}],"stream":false}`, "", "", plugin.Config{}, true},
			"a text":                         {`{"prompt":"\"stream\":true"}`, "", "", plugin.Config{}, true},
			"a provider that takes no such":  {`{"stream":true}`, "", "", plugin.Config{LeaveUsage: true}, true},
			"and its own name for the model": {`{"stream":true,"model":"m"}`, `{"stream":true,"model":"theirs"}`, "", plugin.Config{LeaveUsage: true, Model: "theirs"}, true},
			"another API":                    {`{"stream":true}`, "", "/v1/messages", plugin.Config{}, true},
			"no JSON":                        {`{"stream":true`, "", "", plugin.Config{}, true},
			"nested options":                 {`{"stream":true,"x":{"stream_options":{}}}`, "", "", plugin.Config{}, true},
			"a form":                         {`--x`, "", "", plugin.Config{}, true},
		} {
			var sent string
			var encoding []string
			backend := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				sent = string(body)
				encoding = r.Header["Accept-Encoding"]
				assert.EqualValues(t, len(body), r.ContentLength, name)
				inParts(events, openAIs+openAIs2, 1<<20)(w, r)
			})
			c.config.Anonymous = true
			inner, _ := build(t, backend, c.config)
			handler, _ := build(t, inner, metering(t))
			path := "/v1/chat/completions"
			if c.path != "" {
				path = c.path
			}
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(c.body))
			if name == "a form" {
				r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
			}
			got := answerOf(handler, r).Body.String()
			if c.sent == "" {
				c.sent = c.body
			}
			assert.Equal(t, c.sent, sent, name)
			assert.Equal(t, []string{"identity"}, encoding, name)
			want := openAIs + "data: [DONE]\n\n"
			if c.shown {
				want = openAIs + openAIs2
			}
			assert.Equal(t, want, got, name)
		}
	})
}

// TestAHiddenEventHidesNoOther would catch a byte of a stream that is lost or doubled where its parts end anywhere.
func TestAHiddenEventHidesNoOther(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		whole := ": hello\n\n" + openAIs + openAIs + `data: {"choices":[{"delta":{"content":"\"usage\":{}"}}],"usage":{"prompt_tokens":1}}` + "\n\n"
		for length := 1; length < 90; length++ {
			handler := metered(t, build, metering(t), inParts(events, whole+openAIs2+"data: without an end", length))
			r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(`{"stream":true}`))
			require.Equal(t, whole+"data: [DONE]\n\ndata: without an end", answerOf(handler, r).Body.String(), "in parts of %d", length)
		}
		long := "data: " + strings.Repeat("x", 1<<20)
		handler := metered(t, build, metering(t), inParts(events, long+"\n\n"+openAIs2, 1<<15))
		r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(`{"stream":true}`))
		assert.Equal(t, long+"\n\ndata: [DONE]\n\n", answerOf(handler, r).Body.String())
	})
}
