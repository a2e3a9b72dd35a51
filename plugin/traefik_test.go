package plugin_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// TestKeyReachesTheBackendThroughTraefik would catch a manifest, folder or configuration that Traefik does not take,
// and a Middleware with an empty key that spoils the routes beside it.
func TestKeyReachesTheBackendThroughTraefik(t *testing.T) {
	backend := httptest.NewServer(echo)
	defer backend.Close()
	traefik := startTraefik(t, backend.URL, nil, map[string]map[string]any{
		"keyed": {"bearer": key + "\n"},
		"named": {"header": "X-Api-Key", "value": key},
		"basic": {"header": "Authorization", "prefix": "Basic ", "value": basic},
		"empty": {"anonymous": true, "bearer": ""},
	})

	got := traefik.headers("/keyed")
	assert.Equal(t, []string{"Bearer " + key}, got["Authorization"])
	assert.Equal(t, []string{"session=1"}, got["Cookie"])
	got = traefik.headers("/named")
	assert.Equal(t, []string{key}, got["X-Api-Key"])
	assert.Equal(t, []string{"Bearer of-the-caller"}, got["Authorization"])
	assert.Equal(t, []string{"Basic " + basic}, traefik.headers("/basic")["Authorization"])

	status, body := traefik.post("/empty", nil)
	assert.Equal(t, http.StatusInternalServerError, status, body)
	assert.Contains(t, body, "gateway_key_unusable")
	assert.Contains(t, traefik.logged.String(), "the key is empty")
	assert.NotContains(t, traefik.logged.String(), key)
}

// TestNothingOfTheCallerPassesTraefik would catch an address that Traefik itself adds after all middlewares, with either
// of its proxies, and a subprotocol that Traefik writes in another way.
func TestNothingOfTheCallerPassesTraefik(t *testing.T) {
	backend := httptest.NewServer(echo)
	defer backend.Close()
	for _, arguments := range [][]string{nil, {"--experimental.fastProxy=true"}} {
		traefik := startTraefik(t, backend.URL, arguments, map[string]map[string]any{
			"closed": {"anonymous": true},
			"keyed":  {"anonymous": true, "bearer": key},
			"open":   {"bearer": key},
		})
		require.NotEmpty(t, traefik.headers("/open")["X-Forwarded-For"], "Traefik adds nothing that could be taken away")
		for route, authorization := range map[string][]string{"/closed": nil, "/keyed": {"Bearer " + key}} {
			got := traefik.headers(route)
			assert.Equal(t, authorization, got["Authorization"], route)
			delete(got, "Authorization")
			for name := range got {
				assert.NotContains(t, caller, name, "%s %v", route, arguments)
				assert.NotContains(t, name, "X-Forwarded", "%s %v", route, arguments)
			}
			assert.Equal(t, []string{"realtime"}, got["Sec-Websocket-Protocol"], route)
			assert.Equal(t, harmless["Anthropic-Version"], got["Anthropic-Version"], route)
		}
	}
}

// TestTheEntryPointGuardsPathsInTraefik would catch a path that Traefik writes otherwise before or after the plugin sees
// it, and a body that does not survive the interpreter.
func TestTheEntryPointGuardsPathsInTraefik(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, err := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %d %v", r.RequestURI, len(content), err)
	}))
	defer backend.Close()
	traefik := startTraefik(t, backend.URL,
		[]string{"--entryPoints.web.http.middlewares=guard@file", "--entryPoints.web.http.encodedCharacters.allowEncodedSlash=true"},
		map[string]map[string]any{
			"v1":    {"anonymous": true},
			"guard": {"refuseDotSegments": true, "readBody": true},
		})

	large := strings.NewReader(strings.Repeat("x", 3*limit))
	status, body := traefik.post("/v1/models/org%2Fllama-3.1", large)
	assert.Equal(t, http.StatusOK, status, body)
	assert.Equal(t, fmt.Sprintf("/v1/models/org%%2Fllama-3.1 %d <nil>", 3*limit), body)
	for _, path := range []string{"/v1/..%2Fmetrics", "/v1/%2e%2e%2fmetrics", "/v1/..;/metrics", "/v1/%252e%252e%252fmetrics"} {
		status, body := traefik.post(path, nil)
		assert.Equal(t, http.StatusBadRequest, status, path)
		assert.Contains(t, body, "invalid_path", path)
	}
}

// traefik is a running Traefik.
type traefik struct {
	t      *testing.T
	url    string
	logged *lockedBuffer
}

// startTraefik runs the toolchain's Traefik on loopback. Each configuration of the plugin is a Middleware, and a route to
// the backend for the paths below its name.
func startTraefik(t *testing.T, backend string, arguments []string, configs map[string]map[string]any) *traefik {
	t.Helper()
	binary := traefikBinary(t)
	folder := t.TempDir()
	writeFiles(t, filepath.Join(folder, "plugins-local", "src", plugin.ModuleName))
	routers, middlewares := map[string]any{}, map[string]any{}
	for name, config := range configs {
		routers[name] = map[string]any{"rule": "PathPrefix(`/" + name + "`)", "service": "backend", "middlewares": []string{name}}
		middlewares[name] = map[string]any{"plugin": map[string]any{plugin.Name: config}}
	}
	// YAML is a superset of JSON, and the file provider goes by the suffix.
	content, err := json.Marshal(map[string]any{"http": map[string]any{
		"routers":     routers,
		"middlewares": middlewares,
		"services": map[string]any{"backend": map[string]any{
			"loadBalancer": map[string]any{"servers": []any{map[string]any{"url": backend}}},
		}},
	}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "routes.yaml"), content, 0o644))

	address := freeAddress(t)
	running := &traefik{t: t, url: "http://" + address, logged: &lockedBuffer{}}
	command := exec.CommandContext(t.Context(), binary, append([]string{
		"--global.checkNewVersion=false",
		"--entryPoints.web.address=" + address,
		"--providers.file.filename=" + filepath.Join(folder, "routes.yaml"),
		fmt.Sprintf("--experimental.localPlugins.%s.moduleName=%s", plugin.Name, plugin.ModuleName),
	}, arguments...)...)
	command.Dir = folder
	command.Stdout, command.Stderr = running.logged, running.logged
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	for name := range configs {
		require.Eventually(t, func() bool {
			response, err := http.Get(running.url + "/" + name)
			if err != nil {
				return false
			}
			_ = response.Body.Close()
			return response.StatusCode != http.StatusNotFound
		}, 20*time.Second, 50*time.Millisecond, "Traefik does not serve /%s; it logged:\n%s", name, running.logged)
	}
	return running
}

// headers are what the backend was sent of a request with all that tells who the caller is.
func (tr *traefik) headers(path string) http.Header {
	tr.t.Helper()
	status, body := tr.post(path, strings.NewReader("{}"))
	require.Equal(tr.t, http.StatusOK, status, body)
	var got http.Header
	require.NoError(tr.t, json.Unmarshal([]byte(body), &got))
	return got
}

func (tr *traefik) post(path string, content io.Reader) (status int, body string) {
	tr.t.Helper()
	request, err := http.NewRequestWithContext(tr.t.Context(), http.MethodPost, tr.url+path, content)
	require.NoError(tr.t, err)
	for _, headers := range []http.Header{caller, harmless} {
		for name, values := range headers {
			request.Header[name] = values
		}
	}
	request.Header.Set("Authorization", "Bearer of-the-caller")
	request.Header.Set("Cookie", "session=1")
	request.Header.Set("Sec-WebSocket-Protocol", "realtime, openai-insecure-api-key.sk-1")
	response, err := http.DefaultClient.Do(request)
	require.NoError(tr.t, err)
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	require.NoError(tr.t, err)
	return response.StatusCode, string(got)
}

// traefikBinary is Traefik as the toolchain built it. Without it the test is skipped.
func traefikBinary(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("MODELPLANE_TOOLS")
	if folder == "" {
		cache, err := os.UserCacheDir()
		require.NoError(t, err)
		folder = filepath.Join(cache, "modelplane", "bin")
	}
	binary := filepath.Join(folder, "traefik")
	if _, err := os.Stat(binary); err != nil {
		t.Skipf("no Traefik to run the plugin in: %v; build the toolchain, or set MODELPLANE_TOOLS to the folder that holds traefik", err)
	}
	return binary
}

// freeAddress is a loopback address whose port nobody listened on a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}
