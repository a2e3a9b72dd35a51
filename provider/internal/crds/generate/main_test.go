package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestManifestsAreThoseOfTheReleases would catch a manifest that was edited by hand, and a version that was changed
// without go generate. It reads the Go modules at hand and downloads none.
func TestManifestsAreThoseOfTheReleases(t *testing.T) {
	t.Setenv("GOPROXY", "off")
	for _, s := range sources {
		if _, err := download(s); err != nil {
			t.Skipf("nothing to compare with; go mod download %s@%s brings it: %v", s.module, s.version, err)
		}
	}
	fresh := filepath.Join(t.TempDir(), "manifests")
	require.NoError(t, run(fresh))
	assert.Equal(t, contents(t, fresh), contents(t, "../manifests"))
}

func contents(t *testing.T, folder string) map[string]string {
	t.Helper()
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	all := map[string]string{}
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(folder, file.Name()))
		require.NoError(t, err)
		all[file.Name()] = string(content)
	}
	return all
}
