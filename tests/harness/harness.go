// Package harness is what test packages share that drive the real engine, API server and Traefik: the plane that they run
// in, an authority that its Pods trust, servers with addresses of their own, stacks and their programs.
package harness

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

var (
	// Plane is the plane that this program runs in.
	Plane localplane.Plane
	// CA is an authority that all Pods of the plane trust.
	CA *modelserver.CA

	addresses atomic.Uint32
)

// Main runs a package's tests and ends the program. Outside of a plane with workload clusters of these names it says so and runs none.
func Main(m *testing.M, clusters ...string) {
	plane, err := localplane.Here()
	if err != nil {
		fmt.Printf("SKIP: these tests run in a plane, by make test: %s\n", err)
		return
	}
	for _, name := range clusters {
		if !slices.ContainsFunc(plane.Clusters, func(c localplane.Cluster) bool { return c.Name == name }) {
			fmt.Printf("SKIP: these tests run in a plane with a workload cluster %s; start it with: localplane run --clusters %s\n",
				name, strings.Join(clusters, ","))
			return
		}
	}
	Plane = plane
	if CA, err = modelserver.NewCA(); err != nil {
		panic(err)
	}
	if err := plane.Trust(CA.PEM()); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// NewStack is a stack of its own in the plane's first cluster, destroyed when the test ends.
func NewStack(t testing.TB, name string) *stack.Stack {
	t.Helper()
	return stack.New(t, name, map[string]string{"KUBECONFIG": Plane.Kubeconfig()})
}

// Serve starts a model server on an address of its own. The options' Address is the port alone, such as ":8000".
func Serve(t testing.TB, options modelserver.Options) *modelserver.Server {
	t.Helper()
	if strings.HasPrefix(options.Address, ":") {
		options.Address = FreeAddress(t, localplane.Free4).String() + options.Address
	}
	server, err := modelserver.Start(options)
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	return server
}

// ServeTLS is Serve with a certificate of CA for name, which resolves to the server.
func ServeTLS(t testing.TB, options modelserver.Options, name string) *modelserver.Server {
	t.Helper()
	address := FreeAddress(t, localplane.Free4)
	options.Certificate, options.Address = CertificateOf(t, name, address), address.String()+options.Address
	return Serve(t, options)
}

// CertificateOf leads name to address, and is a certificate of CA for name.
func CertificateOf(t testing.TB, name string, address netip.Addr) *tls.Certificate {
	t.Helper()
	require.NoError(t, Plane.AddHost(name, address))
	certificate, err := CA.Issue([]string{name}, nil)
	require.NoError(t, err)
	return certificate
}

// FreeAddress is an address of the network that nobody else has.
func FreeAddress(t testing.TB, network netip.Prefix) netip.Addr {
	t.Helper()
	address := network.Addr()
	for range addresses.Add(1) {
		address = address.Next()
	}
	require.NoError(t, Plane.AddAddress(address))
	return address
}

// PodLogs are the logs of all Pods that a namespace has had.
func PodLogs(t testing.TB, namespace string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(Plane.PodsDir(), namespace+"_*.log"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	all := ""
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		all += string(content)
	}
	return all
}
