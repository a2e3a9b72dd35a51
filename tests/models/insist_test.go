package models

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/localplane"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// provider is a row of docs/how-to/providers.md, and what a server that stands for it insists on.
type provider struct {
	// id is the name of its endpoint.
	id string
	// name, base, header, scheme and model are cells of the table. A provider without a header has no key.
	name, base, header, scheme, model string
	// needs is another property of its endpoint, without which not all of it works.
	needs string
	// calls are the paths below the base URL that are asked. Default: chat completions.
	calls []string
	// set are headers that the endpoint sets, and sent those that clients send. All of them must arrive.
	set, sent map[string]string
	// optionsRefused is the status that it answers stream_options with. Default: it takes them.
	optionsRefused int
	// comment comes before the events of its streams.
	comment string
}

// providersReply is what all providers answer.
const providersReply = "This answer has six tokens exactly."

func (p provider) paths() []string {
	if p.calls == nil {
		return []string{"/chat/completions"}
	}
	return p.calls
}

// url is the base URL, with names in it where readers write their own.
func (p provider) url() *url.URL {
	full := strings.NewReplacer("<resource>", "example", "<region>", "eu-central-1", "<host>", p.id+".models.example").Replace(p.base)
	parsed, err := url.Parse(full)
	if err != nil {
		panic(err)
	}
	return parsed
}

func (p provider) key() string { return "sk-" + p.id + "-5f0c2b7719" }

// asked is what the catalog calls the model.
func (p provider) asked() string { return "our-" + p.id }

// properties are those of its endpoint, no more of them than the table makes necessary.
func (p provider) properties() string {
	properties := []string{fmt.Sprintf("url: %q", p.url()), fmt.Sprintf("model: %q", p.model)}
	if p.header != "" {
		properties = append(properties, "apiKey: '${key"+p.id+"}'")
	}
	if p.header != "" && p.header != "Authorization" {
		properties = append(properties, "apiKeyHeader: "+p.header)
	}
	if p.needs != "" {
		properties = append(properties, p.needs)
	}
	if p.set != nil {
		var set []string
		for name, value := range p.set {
			set = append(set, fmt.Sprintf("%s: %q", name, value))
		}
		slices.Sort(set)
		properties = append(properties, "headers: {set: {"+strings.Join(set, ", ")+"}}")
	}
	return strings.Join(properties, ", ")
}

// serveProvider runs the server that stands for rows with the same host.
func serveProvider(t testing.TB, rows []provider) {
	t.Helper()
	at := rows[0].url()
	options := modelserver.Options{
		Name: rows[0].id, BasePath: at.Path, Reply: providersReply, UsageUnasked: rows[0].optionsRefused == http.StatusUnprocessableEntity,
		Wrap: func(chat http.Handler) http.Handler { return insist(rows, chat) },
	}
	if at.Scheme == "https" {
		options.Address = ":443"
		harness.ServeTLS(t, options, at.Hostname())
		return
	}
	address := harness.FreeAddress(t, localplane.Free4)
	require.NoError(t, harness.Plane.AddHost(at.Hostname(), address))
	options.Address = address.String() + ":" + at.Port()
	harness.Serve(t, options)
}

// insist passes on what one of the rows asks for, and nothing else.
func insist(rows []provider, chat http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, p := range rows {
			for _, call := range p.paths() {
				if r.RequestURI == p.url().Path+call {
					p.serve(w, r, call, chat)
					return
				}
			}
		}
		refuse(w, http.StatusNotFound, "no such call: "+r.RequestURI)
	})
}

func refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"type":"error","error":{"type":"invalid_request_error","message":%q}}`, why)
}

// asking is what matters in a request's body.
type asking struct {
	Model         string
	Stream        bool
	StreamOptions any `json:"stream_options"`
}

func (p provider) serve(w http.ResponseWriter, r *http.Request, call string, chat http.Handler) {
	content, err := io.ReadAll(r.Body)
	var body asking
	if err != nil || json.Unmarshal(content, &body) != nil {
		refuse(w, http.StatusBadRequest, "no body")
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(content))
	if status, why := p.fault(r, body); status != 0 {
		refuse(w, status, why)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if body.Stream && call != "/messages/count_tokens" {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, p.comment)
	}
	switch {
	case call == "/messages/count_tokens":
		_, _ = io.WriteString(w, `{"input_tokens":4}`)
	case call == "/messages" && body.Stream:
		streamMessage(w, p.model)
	case call == "/messages":
		fmt.Fprintf(w, `{"type":"message","role":"assistant","model":%q,"content":[{"type":"text","text":%q}],"stop_reason":"end_turn","usage":{"input_tokens":4,"output_tokens":6}}`,
			p.model, providersReply)
	default:
		chat.ServeHTTP(w, r)
	}
}

// fault is why the provider would refuse a request.
func (p provider) fault(r *http.Request, body asking) (int, string) {
	if r.Method != http.MethodPost || r.Host != p.url().Hostname() {
		return http.StatusNotFound, "nothing here for " + r.Method + " at " + r.Host
	}
	for _, header := range []string{"Authorization", "Api-Key", "X-Api-Key", "X-Goog-Api-Key"} {
		var want []string
		if strings.EqualFold(header, p.header) {
			want = []string{strings.TrimSpace(p.scheme + " " + p.key())}
		}
		if !slices.Equal(want, r.Header.Values(header)) {
			return http.StatusUnauthorized, "not the right " + header
		}
	}
	for name, values := range r.Header {
		if strings.Contains(strings.Join(values, " "), anaKey) {
			return http.StatusUnauthorized, "the caller's key, in " + name
		}
	}
	for _, must := range []map[string]string{p.set, p.sent} {
		for name, value := range must {
			if !slices.Equal([]string{value}, r.Header.Values(name)) {
				return http.StatusBadRequest, "not the right " + name
			}
		}
	}
	if body.Model != p.model {
		return http.StatusNotFound, "no model " + body.Model
	}
	if body.StreamOptions != nil && p.optionsRefused != 0 {
		return p.optionsRefused, "extra inputs are not permitted: stream_options"
	}
	return 0, ""
}

// streamMessage is a stream of Anthropic's API (https://docs.anthropic.com/en/api/messages-streaming).
func streamMessage(w http.ResponseWriter, model string) {
	send := func(kind, rest string) { fmt.Fprintf(w, "event: %s\ndata: {\"type\":%q%s}\n\n", kind, kind, rest) }
	send("message_start", fmt.Sprintf(`,"message":{"type":"message","role":"assistant","model":%q,"content":[],"usage":{"input_tokens":4,"output_tokens":1}}`, model))
	send("content_block_start", `,"index":0,"content_block":{"type":"text","text":""}`)
	send("ping", "")
	for word := range strings.FieldsSeq(providersReply) {
		send("content_block_delta", fmt.Sprintf(`,"index":0,"delta":{"type":"text_delta","text":%q}`, word+" "))
	}
	send("content_block_stop", `,"index":0`)
	send("message_delta", `,"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":6}`)
	send("message_stop", "")
}

// try asks the server that stands for the provider as that wants to be asked, but for one change, and gives its status.
func (p provider) try(call string, change func(*http.Request, *asking)) int {
	body := asking{Model: p.model}
	r := httptest.NewRequest(http.MethodPost, p.url().Path+call, nil)
	r.Host = p.url().Hostname()
	if p.header != "" {
		r.Header.Set(p.header, strings.TrimSpace(p.scheme+" "+p.key()))
	}
	headers := maps.Clone(p.sent)
	if headers == nil {
		headers = map[string]string{}
	}
	maps.Copy(headers, p.set)
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	if change != nil {
		change(r, &body)
	}
	content, err := json.Marshal(map[string]any{"model": body.Model})
	if err != nil {
		panic(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(content))
	answer := httptest.NewRecorder()
	insist([]provider{p}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(answer, r)
	return answer.Code
}

// broken are changes that the provider refuses, by what is wrong with them.
func (p provider) broken() map[string]func(*http.Request, *asking) {
	set := func(name, value string) func(*http.Request, *asking) {
		return func(r *http.Request, _ *asking) { r.Header.Set(name, value) }
	}
	changes := map[string]func(*http.Request, *asking){
		"method":     func(r *http.Request, _ *asking) { r.Method = http.MethodGet },
		"path":       func(r *http.Request, _ *asking) { r.RequestURI = "/v2" + p.paths()[0] },
		"query":      func(r *http.Request, _ *asking) { r.RequestURI += "?key=x" },
		"host":       func(r *http.Request, _ *asking) { r.Host = "gateway.example.com" },
		"model":      func(_ *http.Request, body *asking) { body.Model = p.asked() },
		"caller's":   set("X-Other", "Bearer "+anaKey),
		"Google's":   set("X-Goog-Api-Key", "x"),
		"scheme":     set("Authorization", "Basic "+p.key()),
		"a bare key": set("Authorization", p.key()),
	}
	if p.header != "" {
		changes["no key"] = func(r *http.Request, _ *asking) { r.Header.Del(p.header) }
		changes["another key"] = set(p.header, strings.TrimSpace(p.scheme+" "+anaKey))
	}
	for _, must := range []map[string]string{p.set, p.sent} {
		for name := range must {
			changes["no "+name] = func(r *http.Request, _ *asking) { r.Header.Del(name) }
		}
	}
	return changes
}
