// Package childtest compares what components are made of with what has been reviewed.
package childtest

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
)

var update = flag.Bool("update", false, "write the golden files of testdata")

// entry is a child as a reader of the list sees it.
type entry struct {
	Child   string         `json:"child"`
	After   []string       `json:"after,omitempty"`
	Seen    []string       `json:"seen,omitempty"`
	Timeout string         `json:"timeout,omitempty"`
	Keep    bool           `json:"keep,omitempty"`
	Owned   bool           `json:"owned,omitempty"`
	Object  map[string]any `json:"object"`
}

// Golden compares children with testdata/children.yaml beside the test. Elide names fields that are reviewed elsewhere.
func Golden(t *testing.T, children []child.Rendered, elide ...string) {
	t.Helper()
	GoldenFile(t, "children.yaml", children, elide...)
}

// GoldenFile is Golden with another file of testdata, for a component that has children of several forms.
func GoldenFile(t *testing.T, file string, children []child.Rendered, elide ...string) {
	t.Helper()
	entries := make([]entry, len(children))
	for i, c := range children {
		for _, field := range elide {
			if _, has := c.Object[field]; has {
				c.Object[field] = "…"
			}
		}
		entries[i] = entry{c.Key, c.After, c.Seen, c.Timeout, c.Keep, c.Owned, c.Object}
	}
	got, err := yaml.Marshal(entries)
	require.NoError(t, err)
	golden := filepath.Join("testdata", file)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, got, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "go test -update writes %s again", golden)
}
