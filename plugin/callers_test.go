package plugin_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// line is a caller as the Secret has it.
func line(name, key string, expires ...int64) string {
	text := plugin.HashOf(sha256.Sum256([]byte(key))) + " " + name
	for _, at := range expires {
		text += fmt.Sprint(" ", at)
	}
	return text + "\n"
}

// asking is a middleware that asks for keys.
func asking(callers ...string) plugin.Config {
	text := strings.Join(callers, "")
	return plugin.Config{Callers: &text}
}

// TestOnlyCallersAreLetIn would catch a key that any client's way of sending it misses, one that is let in after its time or by a part of it,
// and a key of the gateway's that goes on to a server.
func TestOnlyCallersAreLetIn(t *testing.T) {
	now := time.Now().Unix()
	config := asking(line("alice", "sk-alice"), line("bob", "sk-bob-old", now-1), line("bob", "sk-bob", now+3600))
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler, _ := build(t, echo, config)
		for name, c := range map[string]struct {
			sent http.Header
			// want is the code of the refusal, or the caller's name.
			want string
			// left are headers that go on to the server.
			left []string
		}{
			"OpenAI's":          {http.Header{"Authorization": {"Bearer sk-alice"}}, "alice", nil},
			"bearer":            {http.Header{"Authorization": {"bearer   sk-alice "}}, "alice", nil},
			"Anthropic's":       {http.Header{"X-Api-Key": {"sk-alice"}, "Anthropic-Version": {"2023-06-01"}}, "alice", []string{"Anthropic-Version"}},
			"Azure's":           {http.Header{"Api-Key": {"sk-alice"}}, "alice", nil},
			"Google's":          {http.Header{"X-Goog-Api-Key": {"sk-alice"}}, "alice", nil},
			"with another's":    {http.Header{"Authorization": {"Bearer sk-alice"}, "X-Api-Key": {"for-the-server"}}, "alice", []string{"X-Api-Key"}},
			"two of the same":   {http.Header{"Authorization": {"Bearer sk-alice"}, "X-Api-Key": {"sk-alice"}}, "alice", nil},
			"two callers":       {http.Header{"Authorization": {"Bearer sk-bob"}, "X-Api-Key": {"sk-alice"}}, "bob", nil},
			"not yet expired":   {http.Header{"Authorization": {"Bearer sk-bob"}}, "bob", nil},
			"expired":           {http.Header{"Authorization": {"Bearer sk-bob-old"}}, "expired_api_key", nil},
			"none":              {nil, "missing_api_key", nil},
			"an empty one":      {http.Header{"Authorization": {"Bearer "}, "X-Api-Key": {""}}, "missing_api_key", nil},
			"another scheme":    {http.Header{"Authorization": {"Basic sk-alice"}}, "missing_api_key", nil},
			"no scheme":         {http.Header{"Authorization": {"sk-alice"}}, "missing_api_key", nil},
			"a part":            {http.Header{"Authorization": {"Bearer sk-alic"}}, "invalid_api_key", nil},
			"more":              {http.Header{"Authorization": {"Bearer sk-alice2"}}, "invalid_api_key", nil},
			"another case":      {http.Header{"Authorization": {"Bearer SK-ALICE"}}, "invalid_api_key", nil},
			"the hash":          {http.Header{"Authorization": {"Bearer " + strings.Fields(line("", "sk-alice"))[0]}}, "invalid_api_key", nil},
			"the name":          {http.Header{"Authorization": {"Bearer alice"}}, "invalid_api_key", nil},
			"odd bytes":         {http.Header{"Authorization": {"Bearer sk-alice\x00"}}, "invalid_api_key", nil},
			"the second of two": {http.Header{"Authorization": {"Bearer other", "Bearer sk-alice"}}, "invalid_api_key", nil},
			"a name of its own": {http.Header{"X-Modelplane-Caller": {"alice"}}, "missing_api_key", nil},
		} {
			t.Run(name, func(t *testing.T) {
				r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", nil)
				r.Header = c.sent.Clone()
				if r.Header == nil {
					r.Header = http.Header{}
				}
				answer := answerOf(handler, r)
				if strings.HasSuffix(c.want, "_api_key") {
					assert.Equal(t, http.StatusUnauthorized, answer.Code)
					assert.Equal(t, "Bearer", answer.Header().Get("WWW-Authenticate"))
					assert.Contains(t, answer.Body.String(), `"code":"`+c.want+`"`)
					return
				}
				require.Equal(t, http.StatusOK, answer.Code, answer.Body)
				want := http.Header{"X-Modelplane-Caller": {c.want}}
				for _, header := range c.left {
					want[header] = c.sent[header]
				}
				assert.Equal(t, want, headersOf(t, answer))
			})
		}
	})
}

// TestErrorsAreInTheClientsOwnForm would catch a refusal that a client cannot read.
func TestErrorsAreInTheClientsOwnForm(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler, _ := build(t, echo, asking())
		for path, want := range map[string]string{
			"/v1/chat/completions": `{"error":{"message":"The request has no API key. Send the key that you were given for this gateway.",` +
				`"type":"invalid_request_error","param":null,"code":"missing_api_key"}}`,
			"/v1/messages": `{"type":"error","error":{"type":"authentication_error",` +
				`"message":"The request has no API key. Send the key that you were given for this gateway.","code":"missing_api_key"}}`,
			"/v1beta/models/gemini-2.5-pro:generateContent": `{"error":{"code":401,` +
				`"message":"The request has no API key. Send the key that you were given for this gateway.","status":"UNAUTHENTICATED",` +
				`"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"MISSING_API_KEY","domain":"modelplane"}]}}`,
		} {
			answer := answerOf(handler, httptest.NewRequest(http.MethodPost, path, nil))
			assert.JSONEq(t, want, answer.Body.String(), path)
			assert.Equal(t, "application/json", answer.Header().Get("Content-Type"))
		}
	})
}

// TestCallersThatCannotBeReadLetNobodyIn would catch a Secret by hand that opens the gateway.
func TestCallersThatCannotBeReadLetNobodyIn(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		for _, text := range []string{"sk-alice alice", line("alice", "sk-alice")[:32], strings.TrimSpace(line("alice", "sk-alice")) + " soon", line("a b", "sk-alice", 1)} {
			handler, logged := build(t, echo, plugin.Config{Callers: &text})
			r := httptest.NewRequest(http.MethodGet, "/v1/models", nil)
			r.Header.Set("Authorization", "Bearer sk-alice")
			answer := answerOf(handler, r)
			assert.Equal(t, http.StatusInternalServerError, answer.Code, text)
			assert.Contains(t, answer.Body.String(), "gateway_misconfigured")
			assert.Contains(t, logged.String(), "callers has a")
			assert.NotContains(t, logged.String(), "sk-alice")
		}
	})
}

// TestOnlyTheGatewayWritesItsHeaders would catch a client that says who it is.
func TestOnlyTheGatewayWritesItsHeaders(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler, _ := build(t, echo, plugin.Config{RemoveOwnHeaders: true})
		r := httptest.NewRequest(http.MethodGet, "/v1/models", nil)
		r.Header = http.Header{
			"X-Modelplane-Caller": {"alice"}, "x-modelplane-caller": {"alice"}, "X_modelplane_caller": {"alice"}, "X-Modelplane": {"kept"}, "X-Request-Id": {"1"},
		}
		answer := answerOf(handler, r)
		assert.Equal(t, http.Header{"X-Modelplane": {"kept"}, "X-Request-Id": {"1"}}, headersOf(t, answer))
	})
}

// BenchmarkCallers measures what a key costs each request, and 20,000 of them when they are read.
func BenchmarkCallers(b *testing.B) {
	var all strings.Builder
	for i := range 20_000 {
		all.WriteString(line(fmt.Sprintf("team-%05d", i), fmt.Sprintf("sk-%d", i)))
	}
	config := asking(all.String())
	for name, build := range engines {
		b.Run(name, func(b *testing.B) {
			began := time.Now()
			handler, _ := build(b, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), config)
			first := time.Since(began)
			began = time.Now()
			for range 50 {
				build(b, echo, config)
			}
			again := time.Since(began) / 50
			r := httptest.NewRequest(http.MethodGet, "/v1/models", nil)
			for b.Loop() {
				r.Header["Authorization"] = []string{"Bearer sk-19999"}
				handler.ServeHTTP(httptest.NewRecorder(), r)
			}
			b.ReportMetric(float64(all.Len()), "bytes")
			b.ReportMetric(float64(first.Milliseconds()), "ms-first")
			b.ReportMetric(float64(again.Microseconds())/1000, "ms-again")
		})
	}
}

// TestAKeyHasItsOwnNumberOfRequests would catch a key with more than its number, a caller that gets more by a second key, and one without a number that is limited.
func TestAKeyHasItsOwnNumberOfRequests(t *testing.T) {
	few := func(name, key, end string) string { return strings.TrimSpace(line(name, key, 0)) + end + "\n" }
	inEveryEngine(t, func(t *testing.T, build engine) {
		middlewareName = "team_" + t.Name() + "@kubernetescrd"
		defer func() { middlewareName = "team_groq@kubernetescrd" }()
		handler, _ := build(t, echo, asking(few("ana", "sk-ana", " * 2"), few("ana", "sk-ana-new", " * 2"), few("ben", "sk-ben", " * 5"), line("cy", "sk-cy")))
		status := func(key string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", nil)
			r.Header.Set("Authorization", "Bearer "+key)
			return answerOf(handler, r)
		}
		first := status("sk-ana")
		assert.Equal(t, []string{"2", "1"}, []string{first.Header().Get("X-Ratelimit-Limit-Requests"), first.Header().Get("X-Ratelimit-Remaining-Requests")})
		assert.Equal(t, http.StatusOK, status("sk-ana-new").Code)
		refused := status("sk-ana")
		require.Equal(t, http.StatusTooManyRequests, refused.Code)
		assert.NotEmpty(t, refused.Header().Get("Retry-After"))
		for range 5 {
			assert.Equal(t, http.StatusOK, status("sk-ben").Code)
		}
		assert.Equal(t, http.StatusTooManyRequests, status("sk-ben").Code)
		for range 20 {
			assert.Equal(t, http.StatusOK, status("sk-cy").Code)
		}
		wrong, _ := build(t, unreachable(t), asking(few("ana", "sk-ana", " * x")))
		assert.Equal(t, http.StatusInternalServerError, answerOf(wrong, httptest.NewRequest(http.MethodGet, "/", nil)).Code)
	})
}
