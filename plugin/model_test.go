package plugin_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// named has the server call the model by a name of its own.
var named = plugin.Config{Model: `meta-llama/"Llama" é`}

// inNamed is that name as JSON has it.
const inNamed = `"meta-llama/\"Llama\" é"`

// TestTheBackendIsAskedByItsOwnName would catch a name that is not replaced, one that is replaced elsewhere in a body, and a byte beside it that changes.
func TestTheBackendIsAskedByItsOwnName(t *testing.T) {
	long := strings.Repeat(`{"role":"user","content":"the \"model\": \"x\", \\\" \u0022model\" "},`, 20_000) + `{}`
	cases := map[string]struct{ sent, want string }{
		"first":        {`{"model":"a","messages":[]}`, `{"model":` + inNamed + `,"messages":[]}`},
		"last":         {`{"messages":[],"model":"a"}`, `{"messages":[],"model":` + inNamed + `}`},
		"spaces":       {" {\n\t\"model\" :\r\n \"a\" , \"n\" : 1.0e+0 } \n", " {\n\t\"model\" :\r\n " + inNamed + " , \"n\" : 1.0e+0 } \n"},
		"escaped name": {`{"model":"a\"\\\u0062","x":1}`, `{"model":` + inNamed + `,"x":1}`},
		"deeper":       {`{"tools":[{"model":"b"}],"metadata":{"model":"c"},"model":"a"}`, `{"tools":[{"model":"b"}],"metadata":{"model":"c"},"model":` + inNamed + `}`},
		"in a text":    {`{"content":"\"model\":\"b\"","model":"a"}`, `{"content":"\"model\":\"b\"","model":` + inNamed + `}`},
		"long":         {`{"messages":[` + long + `],"model":"a"}`, `{"messages":[` + long + `],"model":` + inNamed + `}`},
		"none":         {`{"input":"x"}`, `{"input":"x"}`},
		"empty object": {`{}`, `{}`},
		"a list":       {`[{"model":"a"}]`, `[{"model":"a"}]`},
		"a text":       {`model`, `model`},
		"nothing":      {``, ``},
		"other bytes":  {`{"user":"` + "\xff\xfe" + `","model":"a"}`, `{"user":"` + "\xff\xfe" + `","model":` + inNamed + `}`},
	}
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler, _ := build(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			assert.NoError(t, err)
			assert.Equal(t, int64(len(body)), r.ContentLength)
			_, _ = w.Write(body)
		}), named)
		for name, c := range cases {
			r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(c.sent))
			r.Header.Set("Content-Type", "application/json; charset=utf-8")
			answer := answerOf(handler, r)
			require.Equal(t, http.StatusOK, answer.Code, name)
			assert.Equal(t, c.want, answer.Body.String(), name)
		}
	})
}

// TestTheQueryOfARequestWithoutABodyNamesTheServersModel would catch a WebSocket whose server is asked by the client's name, and another parameter that changes.
func TestTheQueryOfARequestWithoutABodyNamesTheServersModel(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler, _ := build(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RequestURI) }), named)
		for sent, want := range map[string]string{
			"/v1/realtime?a=%20&model=gpt&b": "/v1/realtime?a=%20&model=meta-llama%2F%22Llama%22+%C3%A9&b",
			"/v1/realtime?m%6Fdel=gpt":       "/v1/realtime?model=meta-llama%2F%22Llama%22+%C3%A9",
			"/v1/models?x=model":             "/v1/models?x=model",
			"/v1/models":                     "/v1/models",
		} {
			assert.Equal(t, want, answerOf(handler, httptest.NewRequest(http.MethodGet, sent, nil)).Body.String())
		}
	})
}

// TestTheBodyAndNotItsMediaTypeDecides would catch a body that the gateway does not look at, and that some server takes for JSON all the same.
func TestTheBodyAndNotItsMediaTypeDecides(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler, _ := build(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }), named)
		form := "--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\na\r\n--x--" + strings.Repeat(" ", 5000)
		for _, c := range []struct {
			mediaType, sent, want string
			status                int
		}{
			{"", `{"model":"a"}`, `{"model":` + inNamed + `}`, 200},
			{"application/x-www-form-urlencoded", `{"model":"a"}`, `{"model":` + inNamed + `}`, 200},
			{"audio/mpeg", ` {"model":"a"}`, ` {"model":` + inNamed + `}`, 200},
			{"Application/JSON; Charset=\"UTF-8\"", `{"model":"a"}`, `{"model":` + inNamed + `}`, 200},
			{"application/x-www-form-urlencoded", `model=a`, `model=a`, 200},
			{"multipart/form-data; boundary=x", form, form, 200},
			{"multipart/form-data; boundary=x", ` {"model":"a"}`, "", 415},
			{"application/grpc", "\x00\x00\x00\x00\x00", "\x00\x00\x00\x00\x00", 200},
			{"application/json; charset=utf-7", `{"model":"a"}`, "", 415},
			{"application/json; charset", `{"model":"a"}`, "", 415},
			{"application/json", "\xef\xbb\xbf{\"model\":\"a\"}", "", 400},
			{"application/json", "\x00{\x00}", "", 400},
			{"application/json", "\xfe\xff\x00{\x00}", "", 400},
			{"application/json", "{\x00}\x00", "", 400},
		} {
			r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(c.sent))
			r.Header.Set("Content-Type", c.mediaType)
			answer := answerOf(handler, r)
			assert.Equal(t, c.status, answer.Code, "%s: %q", c.mediaType, c.sent)
			if c.status == http.StatusOK {
				assert.Equal(t, c.want, answer.Body.String(), c.mediaType)
			}
		}
	})
}

// TestWhatCouldBeReadInTwoWaysIsRefused would catch a body of which the backend reads another model than the gateway.
func TestWhatCouldBeReadInTwoWaysIsRefused(t *testing.T) {
	cases := map[string]string{
		`{"model":"a","model":"b"}`:          "ambiguous_model",
		`{"model":"a","Model":"b"}`:          "ambiguous_model",
		`{"MODEL":"a"}`:                      "ambiguous_model",
		`{"mod\u0065l":"a"}`:                 "ambiguous_model",
		`{"model":"a","\u006dodel":"b"}`:     "ambiguous_model",
		`{"model":null}`:                     "invalid_model",
		`{"model":1}`:                        "invalid_model",
		`{"model":["a"]}`:                    "invalid_model",
		`{"model":""}`:                       "invalid_model",
		`{"model":"a"`:                       "invalid_json",
		`{"model":"a",}`:                     "invalid_json",
		`{"model":"a"}{"model":"b"}`:         "invalid_json",
		`{"model":"a"} x`:                    "invalid_json",
		`{"x":NaN,"model":"a"}`:              "invalid_json",
		`{'model':'a'}`:                      "invalid_json",
		`{"model":"a","messages":[{"a":}]}`:  "invalid_json",
		`{"messages":[{"content":"` + "\n":   "invalid_json",
		`{"x":"` + "\n" + `","model":"a"}`:   "invalid_json",
		`{"x":` + strings.Repeat("[", 20000): "invalid_json",
	}
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler, _ := build(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the backend was asked") }), named)
		for body, code := range cases {
			answer := answerOf(handler, httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(body)))
			assert.Equal(t, http.StatusBadRequest, answer.Code, body)
			assert.Contains(t, answer.Body.String(), `"code":"`+code+`"`, body)
		}
	})
}

// BenchmarkModel is what another name costs, beside a middleware that does nothing of the kind.
func BenchmarkModel(b *testing.B) {
	next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	bodies := map[string]string{
		"1kB":      `{"messages":[{"role":"user","content":"` + strings.Repeat("Hello, world. ", 60) + `"}],"model":"a","stream":true,"temperature":0.5}`,
		"1MB text": `{"messages":[` + strings.Repeat(`{"role":"user","content":"`+strings.Repeat(`Some words,\n and \"more\". `, 40)+`"},`, 900) + `{}],"model":"a","stream":true}`,
		"1MB file": `{"messages":[{"role":"user","content":"` + strings.Repeat("abcdefgh", 1<<17) + `"}],"model":"a","stream":true}`,
	}
	for engine, build := range engines {
		plain, _ := build(b, next, plugin.Config{RefuseDotSegments: true})
		plain, _ = build(b, plain, reader)
		renamed, _ := build(b, next, named)
		renamed, _ = build(b, renamed, reader)
		for what, handler := range map[string]http.Handler{"plain": plain, "renamed": renamed} {
			for size, body := range bodies {
				b.Run(engine+"/"+what+"/"+size, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(body))
						r.Header.Set("Content-Type", "application/json")
						require.Equal(b, http.StatusOK, answerOf(handler, r).Code)
					}
				})
			}
		}
	}
}
