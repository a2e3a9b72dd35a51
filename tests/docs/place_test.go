package docs

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
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/localplane"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// apiKey is what the providers want.
const apiKey = "gsk_7c1f0a9e"

// serveModels starts the model servers that the pages speak of, at the very addresses and names.
func serveModels(t *testing.T) {
	t.Helper()
	for _, s := range []struct {
		address, name string
		options       modelserver.Options
	}{
		{"10.0.0.7", "", modelserver.Options{Name: "own", Address: ":8000", BasePath: "/v1"}},
		{"10.0.0.8", "", modelserver.Options{Name: "candidate", Address: ":8000", BasePath: "/v1"}},
		{"10.0.0.10", "", modelserver.Options{Name: "loading", Address: ":8000", BasePath: "/v1"}},
		{"10.20.0.11", "", modelserver.Options{Name: "east", Address: ":8000", BasePath: "/v1"}},
		{"10.20.0.12", "", modelserver.Options{Name: "east", Address: ":8000", BasePath: "/v1"}},
		{"10.30.0.11", "", modelserver.Options{Name: "west", Address: ":8000", BasePath: "/v3"}},
		{"10.0.0.9", "llm.corp.example", modelserver.Options{Name: "private", Address: ":8443", BasePath: "/v1"}},
		{"198.51.100.1", "api.groq.com", modelserver.Options{Name: "groq", BasePath: "/openai/v1", Keys: []string{apiKey}}},
		{"198.51.100.2", "api.openai.com", modelserver.Options{Name: "openai", BasePath: "/v1", Keys: []string{apiKey}}},
		{"198.51.100.3", "generativelanguage.googleapis.com", modelserver.Options{Name: "gemini", BasePath: "/v1beta/openai", Keys: []string{apiKey}}},
		{"198.51.100.4", "api.perplexity.ai", modelserver.Options{Name: "perplexity", Keys: []string{apiKey}}},
		{"198.51.100.5", "example.openai.azure.com", modelserver.Options{Name: "azure", BasePath: "/openai/v1", Keys: []string{apiKey}, KeyHeader: "api-key"}},
	} {
		if s.name != "" {
			s.options.Certificate = certificateOf(t, s.name, s.address)
		}
		if s.options.Address == "" {
			s.options.Address = ":443"
		}
		require.NoError(t, harness.Plane.AddAddress(netip.MustParseAddr(s.address)))
		s.options.Address = s.address + s.options.Address
		server := harness.Serve(t, s.options)
		if s.options.Name == "loading" {
			server.SetFailure(http.StatusServiceUnavailable)
		}
	}
}

// certificateOf leads name to address, and is a certificate for it that the plane's Pods trust.
func certificateOf(t *testing.T, name, address string) *tls.Certificate {
	t.Helper()
	require.NoError(t, harness.Plane.AddHost(name, netip.MustParseAddr(address)))
	certificate, err := harness.CA.Issue([]string{name}, nil)
	require.NoError(t, err)
	return certificate
}

// serveChart serves our chart as the repository of the published one would serve that.
func serveChart(t *testing.T) {
	t.Helper()
	archive := pack(t, os.DirFS("../charts/traefik"))
	index := "apiVersion: v1\nentries: {traefik: [{apiVersion: v2, name: traefik, version: 41.3.0, urls: [traefik.tgz]}]}\n"
	mux := http.NewServeMux()
	mux.HandleFunc("GET /charts/index.yaml", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, index) })
	mux.HandleFunc("GET /charts/traefik.tgz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(archive) })
	address := harness.FreeAddress(t, localplane.Free4).String()
	certificate := certificateOf(t, "traefik.github.io", address)
	listener, err := tls.Listen("tcp", address+":443", &tls.Config{Certificates: []tls.Certificate{*certificate}})
	require.NoError(t, err)
	server := &http.Server{Handler: mux} //nolint:gosec // it serves one test
	t.Cleanup(func() { _ = server.Close() })
	go server.Serve(listener) //nolint:errcheck // returns when the test ends
}

// pack makes an archive of a chart as Helm would.
func pack(t *testing.T, chart fs.FS) []byte {
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
