// Package upgrade goes up from what earlier versions made of the examples. Each version's states are in testdata, recorded with
// go test ./tests/examples/... -args -record in a plane, before the version is released.
package upgrade

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/provider"
	"github.com/modelplane/pulumi-modelplane/tests/examples/exampletest"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

func TestMain(m *testing.M) { harness.Main(m) }

// TestGoingUpFromAnEarlierVersionReplacesNothing would catch a child that changed its Pulumi name without an alias, a hash that is
// computed otherwise, and any other change by which an upgrade would replace all of a user's gateways or routes.
// The cluster is empty: the plan is made from the state alone.
func TestGoingUpFromAnEarlierVersionReplacesNothing(t *testing.T) {
	recordings := exampletest.Recordings(t)
	require.NotEmpty(t, recordings)
	for _, path := range recordings {
		version := filepath.Base(filepath.Dir(path))
		example := strings.TrimSuffix(filepath.Base(path), exampletest.Suffix)
		t.Run(version+"/"+example, func(t *testing.T) {
			recording := exampletest.Read(t, path)
			dir := exampletest.Copy(t, example+"/yaml")
			require.NoError(t, os.WriteFile(filepath.Join(dir, exampletest.SettingsFile), []byte(recording.Settings), 0o600))
			s := open(t, dir)
			s.Import(t, recording.State)
			preview := s.Preview()
			require.NoError(t, preview.Err, preview.Output)
			assert.Greater(t, preview.Changes["same"], 3, "the state is not that of this program")
			for change, count := range preview.Changes {
				if change != "same" && (change != "update" || version == provider.Version) {
					assert.Zero(t, count, "%s: %s", change, preview.Output)
				}
			}
		})
	}
}

// open opens a stack that ends as it began, without a resource.
func open(t *testing.T, dir string) *stack.Stack {
	t.Helper()
	s := exampletest.Open(t, dir, nil)
	none := s.Export(t)
	t.Cleanup(func() { s.Import(t, none) })
	return s
}
