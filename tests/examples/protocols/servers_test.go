package protocols

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// reply is what every server writes.
const reply = "Hello to you, too."

// sound is what one says. It is no text in any encoding.
var sound = []byte("ID3\x04\x00\xff\xfe\x00\r\n\r\ndata: \"usage\"\x00")

// received is a request as a server got it.
type received struct{ method, uri, body string }

// api is a server of one API.
type api struct {
	address string
	// header and key are what it wants; no header is no key.
	header, key string
	// model is the only one that it has.
	model string
	calls map[string]call

	lock sync.Mutex
	got  []received
	// made are the responses that it has.
	made map[string]bool
}

// call is a call of an API.
type call struct {
	// must are the fields that a body has to have, and may those that it can have beside them. A call without must takes any body.
	must, may []string
	answer    func(w http.ResponseWriter, r *http.Request, body map[string]any)
}

// serve runs an API below name.
func serve(t testing.TB, name string, a *api) {
	t.Helper()
	a.made = map[string]bool{}
	a.address = harness.Serve(t, modelserver.Options{
		Name: name, Address: ":8000", Wrap: func(http.Handler) http.Handler { return http.HandlerFunc(a.handle) },
	}).Address()
}

// last is the request that came last.
func (a *api) last() received {
	a.lock.Lock()
	defer a.lock.Unlock()
	if len(a.got) == 0 {
		return received{}
	}
	return a.got[len(a.got)-1]
}

// count is how many requests came.
func (a *api) count() int {
	a.lock.Lock()
	defer a.lock.Unlock()
	return len(a.got)
}

func (a *api) handle(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(r.Body)
	a.lock.Lock()
	a.got = append(a.got, received{r.Method, r.RequestURI, string(content)})
	a.lock.Unlock()
	if key := strings.TrimPrefix(r.Header.Get(a.header), "Bearer "); err != nil || a.header != "" && key != a.key {
		fail(w, http.StatusUnauthorized, "invalid_api_key")
		return
	}
	called, has := a.calls[r.Method+" "+r.URL.Path]
	if !has {
		called, has = a.calls[r.Method+" "+r.URL.Path[:strings.LastIndex(r.URL.Path, "/")+1]]
	}
	if !has {
		fail(w, http.StatusNotFound, "unknown_url")
		return
	}
	body := map[string]any{}
	if called.must != nil {
		if status, code := a.fault(r, called, content, &body); status != 0 {
			fail(w, status, code)
			return
		}
	}
	called.answer(w, r, body)
}

// fault is why an API would refuse a body.
func (a *api) fault(r *http.Request, called call, content []byte, body *map[string]any) (int, string) {
	if r.Header.Get("Content-Type") != "application/json" || json.Unmarshal(content, body) != nil {
		return http.StatusBadRequest, "invalid_json"
	}
	for _, name := range called.must {
		if (*body)[name] == nil {
			return http.StatusBadRequest, "missing_" + name
		}
	}
	for name := range *body {
		if !slices.Contains(called.must, name) && !slices.Contains(called.may, name) {
			return http.StatusBadRequest, "unknown_" + name
		}
	}
	if named, has := (*body)["model"]; has && named != a.model {
		return http.StatusNotFound, "model_not_found"
	}
	return 0, ""
}

func fail(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":{"message":"no","type":"invalid_request_error","param":null,"code":%q}}`, code)
}

func give(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, body)
}

// sse sends events, each as soon as it is there. Those of OpenAI's older APIs have no name.
func sse(w http.ResponseWriter) func(name, data string) {
	w.Header().Set("Content-Type", "text/event-stream")
	return func(name, data string) {
		if name != "" {
			name = "event: " + name + "\n"
		}
		fmt.Fprintf(w, "%sdata: %s\n\n", name, data)
		_ = http.NewResponseController(w).Flush()
	}
}

// isTrue says whether a body has this at this path.
func isTrue(body map[string]any, path ...string) bool {
	for _, name := range path[:len(path)-1] {
		body, _ = body[name].(map[string]any)
	}
	return body[path[len(path)-1]] == true
}

// openAI is OpenAI's API (https://platform.openai.com/docs/api-reference).
func openAI(model, key string) *api {
	a := &api{header: "Authorization", key: key, model: model}
	if key == "" {
		a.header = ""
	}
	a.calls = map[string]call{
		"POST /v1/chat/completions":     {must: []string{"model", "messages"}, may: []string{"stream", "stream_options"}, answer: a.chat},
		"POST /v1/completions":          {must: []string{"model", "prompt"}, may: []string{"stream", "stream_options"}, answer: a.completion},
		"POST /v1/embeddings":           {must: []string{"model", "input"}, may: []string{"encoding_format"}, answer: a.embed},
		"POST /v1/responses":            {must: []string{"model", "input"}, may: []string{"stream", "previous_response_id"}, answer: a.respond},
		"GET /v1/responses/":            {answer: a.respondAgain},
		"POST /v1/audio/speech":         {must: []string{"model", "voice", "input"}, answer: a.speak},
		"POST /v1/audio/transcriptions": {answer: func(w http.ResponseWriter, _ *http.Request, _ map[string]any) { give(w, `{"text":"hello"}`) }},
		"POST /v1/files": {answer: func(w http.ResponseWriter, _ *http.Request, _ map[string]any) {
			give(w, `{"id":"file-1","object":"file","bytes":18,"created_at":1700000000,"filename":"in.jsonl","purpose":"batch","status":"processed"}`)
		}},
		"POST /v1/batches": {must: []string{"input_file_id", "endpoint", "completion_window"}, answer: func(w http.ResponseWriter, _ *http.Request, _ map[string]any) {
			give(w, `{"id":"batch-1","object":"batch","endpoint":"/v1/chat/completions","input_file_id":"file-1","completion_window":"24h","status":"validating","created_at":1700000000}`)
		}},
		"POST /v1/rerank": {answer: func(w http.ResponseWriter, _ *http.Request, _ map[string]any) { give(w, reranked) }},
		"POST /v1/custom": {answer: a.speak},
	}
	return a
}

// reranked is what vLLM answers (https://docs.vllm.ai/en/stable/serving/openai_compatible_server.html#re-rank-api).
const reranked = `{"id":"rerank-1","model":"x","usage":{"total_tokens":21},"results":[{"index":1,"document":{"text":"b"},"relevance_score":0.9}]}`

// chatUsage is that of a chat completion.
const chatUsage = `{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18,"prompt_tokens_details":{"cached_tokens":3,"audio_tokens":0},` +
	`"completion_tokens_details":{"reasoning_tokens":2,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}`

func (a *api) chat(w http.ResponseWriter, _ *http.Request, body map[string]any) {
	head := fmt.Sprintf(`"id":"chatcmpl-1","created":1700000000,"model":%q,"service_tier":"default","system_fingerprint":"fp_1"`, a.model)
	if !isTrue(body, "stream") {
		give(w, fmt.Sprintf(`{"object":"chat.completion",%s,"choices":[{"index":0,"message":{"role":"assistant","content":%q,"refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":%s}`,
			head, reply, chatUsage))
		return
	}
	choices := []string{`"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null`}
	for _, token := range strings.SplitAfter(reply, " ") {
		choices = append(choices, fmt.Sprintf(`"delta":{"content":%q},"finish_reason":null`, token))
	}
	stream(w, body, `"object":"chat.completion.chunk",`+head, chatUsage, append(choices, `"delta":{},"finish_reason":"stop"`))
}

func (a *api) completion(w http.ResponseWriter, _ *http.Request, body map[string]any) {
	head := fmt.Sprintf(`"id":"cmpl-1","object":"text_completion","created":1700000000,"model":%q`, a.model)
	const usage = `{"prompt_tokens":12,"completion_tokens":8,"total_tokens":20}`
	if !isTrue(body, "stream") {
		give(w, fmt.Sprintf(`{%s,"choices":[{"text":%q,"index":0,"logprobs":null,"finish_reason":"length"}],"usage":%s}`, head, reply, usage))
		return
	}
	choices := []string{}
	for _, token := range strings.SplitAfter(reply, " ") {
		choices = append(choices, fmt.Sprintf(`"text":%q,"finish_reason":null`, token))
	}
	stream(w, body, head, usage, append(choices, `"text":"","finish_reason":"length"`))
}

// stream sends a stream of OpenAI's older APIs. Where the usage is asked for, an event at the end has it, and all others have a null
// (https://platform.openai.com/docs/api-reference/chat/create#chat_create-stream_options).
func stream(w http.ResponseWriter, body map[string]any, head, usage string, choices []string) {
	send := sse(w)
	asked, null := isTrue(body, "stream_options", "include_usage"), ""
	if asked {
		null = `,"usage":null`
	}
	for _, choice := range choices {
		send("", fmt.Sprintf(`{%s,"choices":[{"index":0,"logprobs":null,%s}]%s}`, head, choice, null))
	}
	if asked {
		send("", fmt.Sprintf(`{%s,"choices":[],"usage":%s}`, head, usage))
	}
	send("", "[DONE]")
}

func (a *api) embed(w http.ResponseWriter, _ *http.Request, body map[string]any) {
	vectors := []string{"[0.5,-2]", "[1,0.25]"}
	if body["encoding_format"] == "base64" {
		// Each number has four bytes, the lowest first.
		for i, vector := range []string{"\x00\x00\x00\x3f\x00\x00\x00\xc0", "\x00\x00\x80\x3f\x00\x00\x80\x3e"} {
			vectors[i] = `"` + base64.StdEncoding.EncodeToString([]byte(vector)) + `"`
		}
	}
	give(w, fmt.Sprintf(`{"object":"list","data":[{"object":"embedding","index":0,"embedding":%s},{"object":"embedding","index":1,"embedding":%s}],"model":%q,"usage":{"prompt_tokens":13,"total_tokens":13}}`,
		vectors[0], vectors[1], a.model))
}

func (a *api) speak(w http.ResponseWriter, _ *http.Request, _ map[string]any) {
	w.Header().Set("Content-Type", "audio/mpeg")
	_, _ = w.Write(sound)
}
