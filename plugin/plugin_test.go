package plugin_test

import (
	"bytes"
	"encoding/json"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/traefik/yaegi/interp"
	"github.com/traefik/yaegi/stdlib"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// key stands in for a secret: no answer and no log line may contain it.
const key = "sk-test-4711"

// cases are run compiled and interpreted: the two must not differ.
var cases = []struct {
	name    string
	config  plugin.Config
	client  http.Header
	want    http.Header
	problem string
}{
	{
		name:   "bearer",
		config: plugin.Config{Bearer: key},
		want:   http.Header{"Authorization": {"Bearer " + key}},
	},
	{
		name:   "the newline that echo leaves is dropped",
		config: plugin.Config{Bearer: " " + key + "\r\n"},
		want:   http.Header{"Authorization": {"Bearer " + key}},
	},
	{
		name:   "what the client sent is replaced",
		config: plugin.Config{Bearer: key},
		client: http.Header{"Authorization": {"Bearer of-the-client", "Basic second"}},
		want:   http.Header{"Authorization": {"Bearer " + key}},
	},
	{
		name:   "another header, as it is",
		config: plugin.Config{Header: "x-api-key", Value: key + "\n"},
		client: http.Header{"X-Other": {"kept"}},
		want:   http.Header{"X-Api-Key": {key}, "X-Other": {"kept"}},
	},
	{name: "nothing set", problem: "the key is empty"},
	{name: "a bearer of white space", config: plugin.Config{Bearer: " \n"}, problem: "the key is empty"},
	{name: "a header without a value", config: plugin.Config{Header: "api-key", Value: "\n"}, problem: "the key is empty"},
	{name: "a value without a header", config: plugin.Config{Value: key}, problem: "value needs header"},
	{name: "both forms", config: plugin.Config{Bearer: key, Header: "api-key", Value: key}, problem: "bearer excludes header"},
	{name: "a key of two lines", config: plugin.Config{Bearer: key + "\n" + key}, problem: "line break"},
	{name: "a header name with a space", config: plugin.Config{Header: "api key", Value: key}, problem: "not a name that HTTP allows"},
}

// TestKeyReachesTheBackend would catch a key that is lost, doubled or altered on its way, an empty credential being
// sent, and a key in an answer or in the log.
func TestKeyReachesTheBackend(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var logged bytes.Buffer
			log.SetOutput(&logged)
			defer log.SetOutput(os.Stderr)

			handler, err := plugin.New(t.Context(), echo, &c.config, "team-groq@kubernetescrd")
			require.NoError(t, err)
			check(t, handler, c.client, c.want, c.problem, &logged)
		})
	}
}

// TestKeyReachesTheBackendInterpreted would catch code that Go compiles and Yaegi does not run, or runs otherwise.
func TestKeyReachesTheBackendInterpreted(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var logged bytes.Buffer
			newMiddleware, createConfig := interpreted(t, &logged)

			config := createConfig.Call(nil)[0]
			config.Elem().FieldByName("Bearer").SetString(c.config.Bearer)
			config.Elem().FieldByName("Header").SetString(c.config.Header)
			config.Elem().FieldByName("Value").SetString(c.config.Value)
			results := newMiddleware.Call([]reflect.Value{
				reflect.ValueOf(t.Context()), reflect.ValueOf(echo), config, reflect.ValueOf("team-groq@kubernetescrd"),
			})
			require.Nil(t, results[1].Interface())
			handler, ok := results[0].Interface().(http.Handler)
			require.True(t, ok, "New returned %T", results[0].Interface())
			check(t, handler, c.client, c.want, c.problem, &logged)
		})
	}
}

// echo answers with the headers that it was sent.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	_ = json.NewEncoder(w).Encode(r.Header)
})

// check sends one request through handler and holds the answer and the log against what is wanted.
func check(t *testing.T, handler http.Handler, client, want http.Header, problem string, logged *bytes.Buffer) {
	t.Helper()
	request := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader("{}"))
	for name, values := range client {
		request.Header[name] = values
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)

	if problem == "" {
		var got http.Header
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &got))
		assert.Equal(t, want, got)
		assert.Empty(t, logged.String())
		return
	}
	assert.Equal(t, http.StatusInternalServerError, answer.Code)
	var body struct {
		Error struct{ Message, Type, Code string }
	}
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &body), answer.Body.String())
	assert.Equal(t, "gateway_key_unusable", body.Error.Code)
	assert.Contains(t, logged.String(), problem)
	assert.Contains(t, logged.String(), "team-groq@kubernetescrd")
	assert.NotContains(t, logged.String()+answer.Body.String(), key)
}

// interpreted loads the plugin as Traefik does and returns its New and CreateConfig.
func interpreted(t *testing.T, logged *bytes.Buffer) (newMiddleware, createConfig reflect.Value) {
	t.Helper()
	goPath := t.TempDir()
	writeFiles(t, filepath.Join(goPath, "src", plugin.ModuleName))

	i := interp.New(interp.Options{GoPath: goPath, Stderr: logged})
	require.NoError(t, i.Use(stdlib.Symbols))
	_, err := i.Eval(`import "` + plugin.ModuleName + `"`)
	require.NoError(t, err)
	newMiddleware, err = i.Eval("plugin.New")
	require.NoError(t, err)
	createConfig, err = i.Eval("plugin.CreateConfig")
	require.NoError(t, err)
	return newMiddleware, createConfig
}

// writeFiles writes the plugin's files into folder.
func writeFiles(t *testing.T, folder string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(folder, 0o755))
	for name, content := range plugin.Files() {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644))
	}
}
