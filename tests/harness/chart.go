package harness

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

// ServeCharts serves the charts that tests use as the repositories of the published ones would serve those, to those who trust
// Plane.TrustedFile.
func ServeCharts(t testing.TB) {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	mux := http.NewServeMux()
	traefik := pack(t, "traefik", filepath.Join(file, "..", "..", "charts", "traefik"))
	index := "apiVersion: v1\nentries: {traefik: [{apiVersion: v2, name: traefik, version: 41.3.0, urls: [traefik.tgz]}]}\n"
	mux.HandleFunc("GET traefik.github.io/charts/index.yaml", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, index) })
	mux.HandleFunc("GET traefik.github.io/charts/traefik.tgz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(traefik) })
	addToRegistry(t, mux, "registry-1.docker.io/v2/envoyproxy/gateway-helm", "1.8.1", pack(t, "gateway-helm", ToolChart(t, "gateway-helm", "envoy-gateway")))
	for _, host := range []string{"traefik.github.io", "registry-1.docker.io"} {
		address := FreeAddress(t, localplane.Free4)
		certificate := CertificateOf(t, host, address)
		listener, err := tls.Listen("tcp", netip.AddrPortFrom(address, 443).String(), &tls.Config{Certificates: []tls.Certificate{*certificate}})
		require.NoError(t, err)
		server := &http.Server{Handler: mux} //nolint:gosec // it serves one test
		t.Cleanup(func() { _ = server.Close() })
		go server.Serve(listener) //nolint:errcheck // returns when the test ends
	}
}

// addToRegistry has a registry serve a chart (OCI Distribution 1.1, https://helm.sh/docs/topics/registries/).
func addToRegistry(t testing.TB, mux *http.ServeMux, repository, version string, chart []byte) {
	t.Helper()
	add := func(at, mediaType string, content []byte) map[string]any {
		digest := fmt.Sprintf("sha256:%x", sha256.Sum256(content))
		for _, reference := range []string{digest, version} {
			mux.HandleFunc("GET "+repository+at+reference, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", mediaType)
				w.Header().Set("Docker-Content-Digest", digest)
				w.Header().Set("Content-Length", strconv.Itoa(len(content)))
				_, _ = w.Write(content)
			})
			if at == blobs {
				break // they have no other names
			}
		}
		return map[string]any{"mediaType": mediaType, "digest": digest, "size": len(content)}
	}
	const manifest = "application/vnd.oci.image.manifest.v1+json"
	text, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": manifest,
		"config": add(blobs, "application/vnd.cncf.helm.config.v1+json", []byte("{}")),
		"layers": []any{add(blobs, "application/vnd.cncf.helm.chart.content.v1.tar+gzip", chart)},
	})
	require.NoError(t, err)
	add("/manifests/", manifest, text)
}

// blobs is where a registry has the parts of an image.
const blobs = "/blobs/"

// ToolChart is the folder of a chart, which is built beside the tool that it installs.
func ToolChart(t testing.TB, name, tool string) string {
	t.Helper()
	file, err := exec.LookPath(tool)
	require.NoError(t, err, "build it with make tools")
	return filepath.Join(filepath.Dir(file), "charts", name)
}

// pack makes an archive of a chart as Helm would.
func pack(t testing.TB, name, folder string) []byte {
	t.Helper()
	chart := os.DirFS(folder)
	var archive bytes.Buffer
	compressed := gzip.NewWriter(&archive)
	files := tar.NewWriter(compressed)
	require.NoError(t, fs.WalkDir(chart, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(chart, path)
		if err != nil {
			return err
		}
		if err := files.WriteHeader(&tar.Header{Name: name + "/" + path, Mode: 0o644, Size: int64(len(text))}); err != nil {
			return err
		}
		_, err = files.Write(text)
		return err
	}))
	require.NoError(t, files.Close())
	require.NoError(t, compressed.Close())
	return archive.Bytes()
}
