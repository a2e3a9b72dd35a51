// Package e2e drives the real Pulumi engine, API server and Traefik, and sends real requests through them.
package e2e

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// env is what all tests share: the plane they run in, an authority that its Pods trust, and one gateway.
var env struct {
	plane     localplane.Plane
	ca        *modelserver.CA
	gateway   string
	addresses atomic.Uint32
}

func TestMain(m *testing.M) {
	plane, err := localplane.Here()
	if err != nil {
		fmt.Printf("SKIP: these tests run in a plane, by make test-real: %s\n", err)
		return
	}
	env.plane = plane
	if env.ca, err = modelserver.NewCA(); err != nil {
		panic(err)
	}
	if err := plane.Trust(env.ca.PEM()); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

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

// newStack is a stack of its own, destroyed when the test ends.
func newStack(t testing.TB, name string) *stack.Stack {
	t.Helper()
	return stack.New(t, name, map[string]string{"KUBECONFIG": env.plane.Kubeconfig()})
}

// serve starts a model server on an address of its own. The options' Address is the port alone, such as ":8000".
func serve(t testing.TB, options modelserver.Options) *modelserver.Server {
	t.Helper()
	if strings.HasPrefix(options.Address, ":") {
		options.Address = freeAddress(t, localplane.Free4).String() + options.Address
	}
	server, err := modelserver.Start(options)
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	return server
}

// serveAs is serve for a server that is known by host names.
func serveAs(t testing.TB, options modelserver.Options, names ...string) *modelserver.Server {
	t.Helper()
	address := freeAddress(t, localplane.Free4)
	options.Address = address.String() + options.Address
	for _, name := range names {
		require.NoError(t, env.plane.AddHost(name, address))
	}
	return serve(t, options)
}

// freeAddress is an address of the network that nobody else has.
func freeAddress(t testing.TB, network netip.Prefix) netip.Addr {
	t.Helper()
	address := network.Addr()
	for range env.addresses.Add(1) {
		address = address.Next()
	}
	require.NoError(t, env.plane.AddAddress(address))
	return address
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
