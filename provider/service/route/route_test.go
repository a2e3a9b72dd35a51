package route

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/modelplane/pulumi-modelplane/provider/endpoint"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
)

var update = flag.Bool("update", false, "write the golden files of testdata")

// Catches any change to what a route says. Each testdata/<case>.in.yaml is a
// Route and <case>.out.yaml the spec that comes of it.
func TestBuildWritesTheRoutesOfTestdata(t *testing.T) {
	for name, in := range goldenCases(t) {
		t.Run(name, func(t *testing.T) {
			object, err := kube.Plain(Build(in))
			require.NoError(t, err)
			got, err := yaml.Marshal(object)
			require.NoError(t, err)
			golden := filepath.Join("testdata", name+".out.yaml")
			if *update {
				require.NoError(t, os.WriteFile(golden, got, 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err, "go test -update writes it")
			assert.Equal(t, string(want), string(got))
		})
	}
}

// Catches a Build that sorts or appends in the caller's slices, which the next
// service with the same endpoint would see.
func TestBuildLeavesItsInputAlone(t *testing.T) {
	remove := make([]string, 2, 8)
	copy(remove, []string{"X-Debug", "Cookie"})
	Build(Route{Rules: []Rule{{Backends: []Backend{{BackendReference: endpoint.BackendReference{Headers: &endpoint.Headers{Remove: remove}}}}}}})
	assert.Equal(t, []string{"X-Debug", "Cookie", ""}, remove[:3])
}

func goldenCases(t *testing.T) map[string]Route {
	t.Helper()
	files, err := filepath.Glob("testdata/*.in.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	cases := map[string]Route{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var in Route
		require.NoError(t, yaml.UnmarshalStrict(text, &in), file)
		cases[strings.TrimSuffix(filepath.Base(file), ".in.yaml")] = in
	}
	return cases
}

// TestCallersStayHiddenBesideTheEndpointsOwnChanges would catch a caller's key that reaches a server because the filter was full,
// and a fault where the Middleware hides the caller or nothing is hidden.
func TestCallersStayHiddenBesideTheEndpointsOwnChanges(t *testing.T) {
	six := &endpoint.Headers{Remove: []string{"X-1", "X-2", "X-3", "X-4", "X-5", "X-6"}}
	five := &endpoint.Headers{Remove: six.Remove[:5]}
	middleware := "local-0fbc81a4"
	plain, plugin := Route{Namespace: "apps"}, Route{Namespace: "apps", Plugin: true}
	for name, c := range map[string]struct {
		route Route
		ref   endpoint.BackendReference
		fits  bool
	}{
		"five":                      {plain, endpoint.BackendReference{Namespace: "apps", Headers: five}, true},
		"six":                       {plain, endpoint.BackendReference{Namespace: "apps", Headers: six}, false},
		"six, for who may know":     {plain, endpoint.BackendReference{Namespace: "apps", Headers: six, ForwardCaller: true}, true},
		"six, with the plugin":      {plugin, endpoint.BackendReference{Namespace: "apps", Headers: six, Middleware: &middleware}, true},
		"six, of another namespace": {plugin, endpoint.BackendReference{Namespace: "models", Headers: six, Middleware: &middleware}, false},
	} {
		b := Backend{BackendReference: c.ref}
		assert.Equal(t, c.fits, c.route.Check(b) == nil, name)
		if c.fits && !c.ref.ForwardCaller && !c.route.hasMiddleware(b) {
			assert.Subset(t, headerFilter(b, c.route.hidden(b)).Remove, []string{"Authorization", "Cookie", "X-Api-Key"}, name)
		}
	}
}
