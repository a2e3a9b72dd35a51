package plugin_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// TestEveryFileReachesTraefik would catch a file of the plugin that is not carried to where it is interpreted.
func TestEveryFileReachesTraefik(t *testing.T) {
	sources, err := filepath.Glob("*.go")
	require.NoError(t, err)
	sources = slices.DeleteFunc(sources, func(name string) bool {
		return strings.HasSuffix(name, "_test.go") || name == "source.go" // it carries the others
	})
	files := plugin.Files()
	for _, name := range append(sources, "go.mod", ".traefik.yml") {
		assert.NotEmpty(t, files[name], name)
	}
	assert.Len(t, files, len(sources)+2)
}

// TestTheHashIsFitForAnAnnotation would catch one that Kubernetes does not take as a value.
func TestTheHashIsFitForAnAnnotation(t *testing.T) {
	assert.Regexp(t, "^[0-9a-f]{16}$", plugin.Hash())
}
