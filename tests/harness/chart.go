package harness

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io/fs"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

// ServeChart serves the chart that tests use as the repository of the published one would serve that, to those who trust
// Plane.TrustedFile.
func ServeChart(t testing.TB) {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	archive := pack(t, os.DirFS(filepath.Join(file, "..", "..", "charts", "traefik")))
	index := "apiVersion: v1\nentries: {traefik: [{apiVersion: v2, name: traefik, version: 41.3.0, urls: [traefik.tgz]}]}\n"
	mux := http.NewServeMux()
	mux.HandleFunc("GET /charts/index.yaml", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, index) })
	mux.HandleFunc("GET /charts/traefik.tgz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(archive) })
	address := FreeAddress(t, localplane.Free4)
	certificate := CertificateOf(t, "traefik.github.io", address)
	listener, err := tls.Listen("tcp", netip.AddrPortFrom(address, 443).String(), &tls.Config{Certificates: []tls.Certificate{*certificate}})
	require.NoError(t, err)
	server := &http.Server{Handler: mux} //nolint:gosec // it serves one test
	t.Cleanup(func() { _ = server.Close() })
	go server.Serve(listener) //nolint:errcheck // returns when the test ends
}

// pack makes an archive of a chart as Helm would.
func pack(t testing.TB, chart fs.FS) []byte {
	t.Helper()
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
		if err := files.WriteHeader(&tar.Header{Name: "traefik/" + path, Mode: 0o644, Size: int64(len(text))}); err != nil {
			return err
		}
		_, err = files.Write(text)
		return err
	}))
	require.NoError(t, files.Close())
	require.NoError(t, compressed.Close())
	return archive.Bytes()
}
