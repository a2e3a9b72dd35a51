package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/load"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// TestNoPathLeavesTheBasePath would catch a path that a server decodes to one above its endpoint's base path, which it would
// be sent with the gateway's key, and a model's name with a slash that no longer arrives.
func TestNoPathLeavesTheBasePath(t *testing.T) {
	server := harness.Serve(t, modelserver.Options{Name: "guarded", Address: ":8000", BasePath: "/openai/v1", Keys: []string{key}})
	s := harness.NewStack(t, "guarded")
	s.SetSecret(t, "key", key)
	url := s.MustUp(t, yaml("guarded",
		modelEndpoint("guarded", fmt.Sprintf("url: 'http://%s/openai/v1', apiKey: '${key}'", server.Address()))+
			modelService(t, "chat", "", "guarded=1"),
		"  url: ${chat.url}"))["url"].(string)

	for path, arrives := range map[string]string{
		"/models/org%2Fname":           "/openai/v1/models/org%2Fname",
		"/models/org%252Fname":         "/openai/v1/models/org%252Fname",
		"/models/org%2Fllama-3.1.gguf": "/openai/v1/models/org%2Fllama-3.1.gguf",
		"/models/.hidden":              "/openai/v1/models/.hidden",
	} {
		assert.Equal(t, arrives, get(t, url+path).Header.Get(modelserver.HeaderPath))
	}
	legitimate := server.Count()
	for path, status := range map[string]int{
		"/..%2Fmetrics":               http.StatusBadRequest,
		"/%2e%2e%2fmetrics":           http.StatusBadRequest,
		"/models/..%2F..%2Fmetrics":   http.StatusBadRequest,
		"/models%2F..%2F..%2Fmetrics": http.StatusBadRequest,
		"/.%2Fmodels":                 http.StatusBadRequest,
		"/..%252Fmetrics":             http.StatusBadRequest,
		"/%252e%252e%252fmetrics":     http.StatusBadRequest,
		"/..;/metrics":                http.StatusBadRequest,
		"/..;a=b/metrics":             http.StatusBadRequest,
		"/..%3B%2Fmetrics":            http.StatusBadRequest,
		"/..%5Cmetrics":               http.StatusBadRequest,
		"/..%255Cmetrics":             http.StatusBadRequest,
		"/..%2F..%2F..%2Fteam%2Fv1":   http.StatusBadRequest,
		// Traefik resolves what is not encoded, and then no service has the path.
		"/../metrics":         http.StatusNotFound,
		"/%2e%2e/metrics":     http.StatusNotFound,
		"/models/../../other": http.StatusNotFound,
	} {
		response, err := http.Get(url + path)
		require.NoError(t, err)
		var body bytes.Buffer
		_, err = body.ReadFrom(response.Body)
		require.NoError(t, errors.Join(err, response.Body.Close()))
		assert.Equal(t, status, response.StatusCode, "%s: %s", path, &body)
		if status == http.StatusBadRequest && path != "/..%5Cmetrics" { // which Traefik refuses itself
			assert.Contains(t, body.String(), `"code":"invalid_path"`, path)
			assert.Equal(t, "application/json", response.Header.Get("Content-Type"), path)
		}
	}
	assert.Equal(t, legitimate, server.Count(), "a path with a dot segment reached the server")
}

// TestQuickStreamsAreWhole would catch a streamed answer that is cut because it begins before Traefik has seen the end of its
// request. The server answers at once; at first Traefik has the CPUs, and then it has to share them.
func TestQuickStreamsAreWhole(t *testing.T) {
	server := harness.Serve(t, modelserver.Options{Name: "quick", Address: ":8000", BasePath: "/v1"})
	url := harness.NewStack(t, "quick").MustUp(t, yaml("quick",
		modelEndpoint("quick", fmt.Sprintf("url: 'http://%s/v1'", server.Address()))+modelService(t, "chat", "", "quick=1"),
		"  url: ${chat.url}"))["url"].(string)

	streams := load.Config{
		URL: url, MaxRequests: 6000, Workers: 8, RatePerSecond: 5000, Connections: load.Kept,
		Body: `{"model":"m","stream":true,"messages":[{"role":"user","content":"Hello"}]}`,
		Accept: func(response *http.Response, body []byte) error {
			if response.StatusCode != http.StatusOK || !bytes.HasSuffix(body, []byte("data: [DONE]\n\n")) {
				return fmt.Errorf("status %s, and the stream ends with %q", response.Status, body[max(0, len(body)-40):])
			}
			return nil
		},
	}
	require.NoError(t, load.Do(t.Context(), streams).Err())
	starve(t)
	streams.MaxRequests = 600
	require.NoError(t, load.Do(t.Context(), streams).Err())
	assert.Equal(t, 6600, server.Count())
}

// starve keeps every CPU busy until the test ends.
func starve(t *testing.T) {
	var ended atomic.Bool
	t.Cleanup(func() { ended.Store(true) })
	for range 2 * runtime.NumCPU() {
		go func() {
			for !ended.Load() {
			}
		}()
	}
}
