// Package e2e drives the real Pulumi engine, API server and Traefik, and sends real requests through them.
package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/localplane"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

func TestMain(m *testing.M) { harness.Main(m) }

// chart is our own chart, which honours the same values as the published one; CHART=official takes the latter.
func chart() string {
	if os.Getenv("CHART") == "official" {
		return "{}"
	}
	path, err := filepath.Abs("../charts/traefik")
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("{name: %q}", path)
}

// serveAs is harness.Serve for a server that is known by host names.
func serveAs(t testing.TB, options modelserver.Options, names ...string) *modelserver.Server {
	t.Helper()
	address := harness.FreeAddress(t, localplane.Free4)
	options.Address = address.String() + options.Address
	for _, name := range names {
		require.NoError(t, harness.Plane.AddHost(name, address))
	}
	return harness.Serve(t, options)
}

// yaml is a program of these resources and outputs. One that uses ${key} has it from a secret of its configuration.
func yaml(name, resources, outputs string) string {
	config := ""
	if strings.Contains(resources, "${key}") {
		config = "config: {key: {type: string, secret: true}}\n"
	}
	return fmt.Sprintf("name: %s\nruntime: yaml\n%sresources:\n%s\noutputs:\n%s\n", name, config, resources, outputs)
}

// modelEndpoint is a ModelEndpoint in a YAML program, with its properties in flow style.
func modelEndpoint(name, properties string) string {
	return fmt.Sprintf("  %s: {type: 'modelplane:ModelEndpoint', properties: {%s}}\n", name, properties)
}

// modelService is a ModelService on the shared gateway. Backends are written as "endpoint=weight".
func modelService(t testing.TB, name, properties string, backends ...string) string {
	t.Helper()
	var entries []string
	for _, backend := range backends {
		endpoint, weight, _ := strings.Cut(backend, "=")
		entries = append(entries, fmt.Sprintf("{endpoint: '${%s.backend}', weight: %s}", endpoint, weight))
	}
	if properties != "" {
		properties = ", " + properties
	}
	return fmt.Sprintf("  %s: {type: 'modelplane:ModelService', properties: {gateway: %s, backends: [%s]%s}}\n",
		name, sharedGateway(t), strings.Join(entries, ", "), properties)
}
