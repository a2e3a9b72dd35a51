package plugin_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// caller are headers by which a backend could tell who sends a request, or use the caller's key.
var caller = http.Header{
	"Authorization": {"Bearer of-the-caller"}, "Proxy-Authorization": {"Basic abc"}, "Cookie": {"session=1", "b=2"},
	"Api-Key": {"1"}, "X-Api-Key": {"1"}, "X-Goog-Api-Key": {"1"}, "Ocp-Apim-Subscription-Key": {"1"},
	"Cf-Aig-Authorization": {"Bearer 1"}, "Openai-Organization": {"org-1"}, "Openai-Project": {"proj_1"},
	"X-Forwarded-For": {"203.0.113.9"}, "X-Forwarded-Host": {"h"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Port": {"80"},
	"X-Forwarded-Server": {"s"}, "X-Forwarded-User": {"ann"}, "X-Real-Ip": {"203.0.113.9"}, "Forwarded": {"for=203.0.113.9"},
	"True-Client-Ip": {"203.0.113.9"}, "Cf-Connecting-Ip": {"203.0.113.9"}, "Remote-User": {"ann"},
	"X_api_key": {"1"}, "X.api.key": {"1"}, "X_forwarded.for": {"203.0.113.9"},
}

// harmless are headers that a model server may need.
var harmless = http.Header{
	"Accept": {"text/event-stream"}, "Content-Type": {"application/json"}, "User-Agent": {"openai/1"}, "Openai-Beta": {"realtime=v1"},
	"Anthropic-Version": {"2023-06-01"}, "X-Request-Id": {"1"}, "Traceparent": {"00-1-1-01"}, "X-Stainless-Lang": {"python"},
	"Idempotency-Key": {"1"},
}

// TestNothingOfTheCallerReachesTheBackend would catch a caller's key, cookie, account or address that goes on, a header
// removed that a server needs, and the backend's own key removed with the caller's.
func TestNothingOfTheCallerReachesTheBackend(t *testing.T) {
	keyed := bearer(key)
	keyed.Anonymous = true
	named := plugin.Config{Anonymous: true, Header: "x-api-key", Value: key}
	inEveryEngine(t, func(t *testing.T, build engine) {
		for name, c := range map[string]struct {
			config plugin.Config
			own    http.Header
		}{
			"no key":             {plugin.Config{Anonymous: true}, nil},
			"a bearer key":       {keyed, http.Header{"Authorization": {"Bearer " + key}}},
			"a key in a header":  {named, http.Header{"X-Api-Key": {key}}},
			"a header's own key": {plugin.Config{Anonymous: true, Header: "Cookie", Value: "session=ours"}, http.Header{"Cookie": {"session=ours"}}},
		} {
			t.Run(name, func(t *testing.T) {
				handler, _ := build(t, echo, c.config)
				sent := caller.Clone()
				want := http.Header{"X-Forwarded-For": nil}
				for header, values := range harmless {
					sent[header], want[header] = values, values
				}
				for header, values := range c.own {
					want[header] = values
				}
				assert.Equal(t, want, echoed(t, handler, sent))
			})
		}
	})
}

// TestTheProxyAddsNoAddress would catch an X-Forwarded-For that the proxy writes after all filters.
func TestTheProxyAddsNoAddress(t *testing.T) {
	backend := httptest.NewServer(echo)
	defer backend.Close()
	target, err := url.Parse(backend.URL)
	require.NoError(t, err)
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler, _ := build(t, httputil.NewSingleHostReverseProxy(target), plugin.Config{Anonymous: true})
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.Header.Set("X-Forwarded-For", "203.0.113.9")
		answer := answerOf(handler, request)
		var got http.Header
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &got))
		assert.NotContains(t, got, "X-Forwarded-For")
	})
}

// TestKeysAreTakenOutOfSubprotocols would catch a browser's key that reaches the backend, and a handshake that fails since
// the protocol that the server answers with is gone, too.
func TestKeysAreTakenOutOfSubprotocols(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler, _ := build(t, echo, plugin.Config{Anonymous: true})
		for name, c := range map[string]struct{ offered, want []string }{
			"OpenAI's browser client": {
				[]string{"realtime, openai-insecure-api-key.sk-1, openai-organization.org-1, openai-project.proj_1, openai-beta.realtime-v1"},
				[]string{"realtime, openai-beta.realtime-v1"},
			},
			"several lines":   {[]string{"openai-insecure-api-key.sk-1", "realtime", " ,chat"}, []string{"realtime, chat"}},
			"in any case":     {[]string{"OpenAI-Insecure-API-Key.sk-1,realtime"}, []string{"realtime"}},
			"without a key":   {[]string{"graphql-ws"}, []string{"graphql-ws"}},
			"nothing but one": {[]string{"openai-insecure-api-key.sk-1"}, nil},
			"none":            {nil, nil},
		} {
			t.Run(name, func(t *testing.T) {
				got := echoed(t, handler, http.Header{"Sec-Websocket-Protocol": c.offered})
				assert.Equal(t, c.want, got["Sec-Websocket-Protocol"])
			})
		}
	})
}

// TestKeysAreTakenOutOfTheQuery would catch a key in the query that reaches the backend, and a query without one that arrives
// otherwise than it was sent.
func TestKeysAreTakenOutOfTheQuery(t *testing.T) {
	target := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.URL.RawQuery + " " + r.RequestURI))
	})
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler, _ := build(t, target, plugin.Config{Anonymous: true})
		for sent, want := range map[string]string{
			"key=1":                                "",
			"api-version=1&key=AIza&alt=sse":       "api-version=1&alt=sse",
			"a=1;key=2&API_KEY=3;b=4":              "a=1&b=4",
			"%6bey=1&access%5Ftoken=2&c=%20":       "c=%20",
			"api-key&apikey=&key=a=b":              "",
			"a=1;b=2&&monkey=1&keys=2&q=key=1&%zz": "a=1;b=2&&monkey=1&keys=2&q=key=1&%zz",
		} {
			uri := "/v1/models/org%2Fname"
			if want != "" {
				uri += "?" + want
			}
			answer := answerOf(handler, httptest.NewRequest(http.MethodGet, "/v1/models/org%2Fname?"+sent, nil))
			assert.Equal(t, want+" "+uri, answer.Body.String(), sent)
		}
	})
}
