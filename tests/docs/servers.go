package docs

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
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
			s.options.Certificate = harness.CertificateOf(t, s.name, netip.MustParseAddr(s.address))
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
