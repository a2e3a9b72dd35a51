package plugin_test

import (
	"bytes"
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
	"sync"
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
	url, logged := startTraefik(t, backend.URL)

	status, body := post(t, url+"/keyed")
	require.Equal(t, http.StatusOK, status, body)
	var got http.Header
	require.NoError(t, json.Unmarshal([]byte(body), &got))
	assert.Equal(t, []string{"Bearer " + key}, got["Authorization"])

	status, body = post(t, url+"/named")
	require.Equal(t, http.StatusOK, status, body)
	require.NoError(t, json.Unmarshal([]byte(body), &got))
	assert.Equal(t, []string{key}, got["X-Api-Key"])
	assert.Equal(t, []string{"Bearer of-the-client"}, got["Authorization"])

	status, body = post(t, url+"/empty")
	assert.Equal(t, http.StatusInternalServerError, status, body)
	assert.Contains(t, body, "gateway_key_unusable")
	assert.Contains(t, logged(), "the key is empty")
	assert.NotContains(t, logged(), key)
}

// startTraefik runs the toolchain's Traefik on loopback with three routes to backend, and waits until it serves
// them. It returns its URL and what it has logged.
func startTraefik(t *testing.T, backend string) (url string, logged func() string) {
	t.Helper()
	binary := traefikBinary(t)
	folder := t.TempDir()
	writeFiles(t, filepath.Join(folder, "plugins-local", "src", plugin.ModuleName))
	routes := map[string]any{"http": map[string]any{
		"routers": map[string]any{
			"keyed": map[string]any{"rule": "Path(`/keyed`)", "service": "backend", "middlewares": []string{"keyed"}},
			"named": map[string]any{"rule": "Path(`/named`)", "service": "backend", "middlewares": []string{"named"}},
			"empty": map[string]any{"rule": "Path(`/empty`)", "service": "backend", "middlewares": []string{"empty"}},
		},
		"middlewares": map[string]any{
			"keyed": middleware(map[string]any{"bearer": key + "\n"}),
			"named": middleware(map[string]any{"header": "X-Api-Key", "value": key}),
			"empty": middleware(map[string]any{"bearer": ""}),
		},
		"services": map[string]any{"backend": map[string]any{
			"loadBalancer": map[string]any{"servers": []any{map[string]any{"url": backend}}},
		}},
	}}
	// YAML is a superset of JSON, and the file provider goes by the suffix.
	content, err := json.Marshal(routes)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "routes.yaml"), content, 0o644))

	address := freeAddress(t)
	var output lockedBuffer
	traefik := exec.CommandContext(t.Context(), binary,
		"--global.checkNewVersion=false",
		"--entryPoints.web.address="+address,
		"--providers.file.filename="+filepath.Join(folder, "routes.yaml"),
		fmt.Sprintf("--experimental.localPlugins.%s.moduleName=%s", plugin.Name, plugin.ModuleName))
	traefik.Dir = folder
	traefik.Stdout, traefik.Stderr = &output, &output
	require.NoError(t, traefik.Start())
	t.Cleanup(func() {
		_ = traefik.Process.Kill()
		_ = traefik.Wait()
	})

	url = "http://" + address
	require.Eventually(t, func() bool {
		response, err := http.Get(url + "/keyed")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	}, 20*time.Second, 50*time.Millisecond, "Traefik does not serve the keyed route; it logged:\n%s", &output)
	return url, output.String
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

func middleware(config map[string]any) map[string]any {
	return map[string]any{"plugin": map[string]any{plugin.Name: config}}
}

func post(t *testing.T, url string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer of-the-client")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(content)
}

// freeAddress is a loopback address whose port nobody listened on a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// lockedBuffer is a bytes.Buffer that a process writes while a test reads.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
