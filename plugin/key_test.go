package plugin_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// key is a secret: no answer and no log line may contain it.
const key = "sk-test-4711"

// basic is user and password as HTTP's basic authentication wants them.
const basic = "dXNlcjpwYXNz"

func bearer(key string) plugin.Config { return plugin.Config{Bearer: &key} }

// echo answers with the headers that it was sent.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	_ = json.NewEncoder(w).Encode(r.Header)
})

// TestKeyReachesTheBackend would catch a key that is lost, doubled or altered on its way.
func TestKeyReachesTheBackend(t *testing.T) {
	authorization := func(value string) http.Header { return http.Header{"Authorization": {value}} }
	inEveryEngine(t, func(t *testing.T, build engine) {
		for name, c := range map[string]struct {
			config       plugin.Config
			client, want http.Header
		}{
			"bearer":                      {bearer(key), nil, authorization("Bearer " + key)},
			"the newline that echo left":  {bearer(" " + key + "\r\n"), nil, authorization("Bearer " + key)},
			"Bearer, stored with the key": {bearer("Bearer " + key), nil, authorization("Bearer " + key)},
			"bearer, twice":               {bearer("bearer  BEARER " + key), nil, authorization("Bearer " + key)},
			"quotation marks":             {bearer(`"` + key + `"` + "\n"), nil, authorization("Bearer " + key)},
			"both, inside out":            {bearer(`Bearer '` + key + `'`), nil, authorization("Bearer " + key)},
			"both, outside in":            {bearer(`"Bearer ` + key + `"`), nil, authorization("Bearer " + key)},
			"a key that only begins so":   {bearer("bearertoken"), nil, authorization("Bearer bearertoken")},
			"half a quotation mark":       {bearer(`"` + key), nil, authorization(`Bearer "` + key)},
			"what the client sent is replaced": {
				bearer(key), http.Header{"Authorization": {"Bearer of-the-client", "Basic second"}}, authorization("Bearer " + key),
			},
			"another header, as it is": {
				plugin.Config{Header: "x-api-key", Value: key + "\n"},
				http.Header{"X-Other": {"kept"}},
				http.Header{"X-Api-Key": {key}, "X-Other": {"kept"}},
			},
			"a name with an underscore":   {plugin.Config{Header: "api_key", Value: key}, nil, http.Header{"Api_key": {key}}},
			"another scheme":              {plugin.Config{Header: "Authorization", Prefix: "Basic ", Value: basic}, nil, authorization("Basic " + basic)},
			"another scheme, stored too":  {plugin.Config{Header: "Authorization", Prefix: "Basic ", Value: "basic " + basic}, nil, authorization("Basic " + basic)},
			"a scheme as part of the key": {plugin.Config{Header: "Authorization", Value: "Basic " + basic}, nil, authorization("Basic " + basic)},
			"a prefix without a space":    {plugin.Config{Header: "X-Auth", Prefix: "token=", Value: key}, nil, http.Header{"X-Auth": {"token=" + key}}},
		} {
			t.Run(name, func(t *testing.T) {
				handler, logged := build(t, echo, c.config)
				assert.Equal(t, c.want, echoed(t, handler, c.client))
				assert.Empty(t, logged.String())
			})
		}
	})
}

// TestAnUnusableKeyIsNotSent would catch an empty credential being sent, and a key in an answer or in the log.
func TestAnUnusableKeyIsNotSent(t *testing.T) {
	anonymous := bearer("")
	anonymous.Anonymous = true
	both := bearer(key)
	both.Header, both.Value = "api-key", key
	inEveryEngine(t, func(t *testing.T, build engine) {
		for name, c := range map[string]struct {
			config  plugin.Config
			problem string
		}{
			"nothing set":                {plugin.Config{}, "nothing is set"},
			"an empty bearer":            {bearer(""), "the key is empty"},
			"anonymous, an empty bearer": {anonymous, "the key is empty"},
			"a bearer of white space":    {bearer(" \n"), "the key is empty"},
			"a bearer of quotes":         {bearer(`""`), "the key is empty"},
			"Bearer alone":               {bearer("Bearer \n"), "the key is empty"},
			"a header without a value":   {plugin.Config{Header: "api-key", Value: "\n"}, "the key is empty"},
			"a prefix without a value":   {plugin.Config{Header: "api-key", Prefix: "Basic "}, "the key is empty"},
			"a value without a header":   {plugin.Config{Value: key}, "value needs header"},
			"both forms":                 {both, "bearer excludes header"},
			"a key of two lines":         {bearer(key + "\n" + key), "line break"},
			"a header name with a space": {plugin.Config{Header: "api key", Value: key}, "not a name that HTTP allows"},
		} {
			t.Run(name, func(t *testing.T) {
				handler, logged := build(t, echo, c.config)
				answer := answerOf(handler, httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader("{}")))
				assert.Equal(t, http.StatusInternalServerError, answer.Code)
				assert.Equal(t, "gateway_key_unusable", errorCode(t, answer))
				assert.Contains(t, logged.String(), c.problem)
				assert.Contains(t, logged.String(), middlewareName)
				assert.NotContains(t, logged.String()+answer.Body.String(), key)
			})
		}
	})
}

// echoed sends a request with the client's headers through handler, in front of echo, and returns the headers that arrived.
func echoed(t *testing.T, handler http.Handler, client http.Header) http.Header {
	t.Helper()
	request := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader("{}"))
	for name, values := range client {
		request.Header[name] = values
	}
	return headersOf(t, answerOf(handler, request))
}

// headersOf are the headers that arrived at echo.
func headersOf(t *testing.T, answer *httptest.ResponseRecorder) http.Header {
	t.Helper()
	var got http.Header
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &got), answer.Body.String())
	return got
}

func answerOf(handler http.Handler, request *http.Request) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	return answer
}

// errorCode is the code of an answer in the form in which OpenAI's clients look for an error.
func errorCode(t *testing.T, answer *httptest.ResponseRecorder) string {
	t.Helper()
	assert.Equal(t, "application/json", answer.Header().Get("Content-Type"))
	var body struct {
		Error struct{ Message, Type, Code string }
	}
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &body), answer.Body.String())
	assert.NotEmpty(t, body.Error.Message)
	assert.NotEmpty(t, body.Error.Type)
	return body.Error.Code
}
