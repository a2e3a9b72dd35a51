package docs

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/stretchr/testify/require"
)

// TestTheTablesAreThoseOfTheSchema would catch a page that was not generated anew after a change of the schema.
func TestTheTablesAreThoseOfTheSchema(t *testing.T) {
	text, err := os.ReadFile("../../schema.json")
	require.NoError(t, err)
	var spec schema.PackageSpec
	require.NoError(t, json.Unmarshal(text, &spec))

	current := os.DirFS("../../docs/components")
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir+"/components", current))
	require.NoError(t, Write(dir, spec))
	for token := range spec.Resources {
		file := page(token) + ".md"
		want, err := os.ReadFile(dir + "/components/" + file)
		require.NoError(t, err)
		got, err := os.ReadFile("../../docs/components/" + file)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "docs/components/%s is out of date: make generate", file)
	}
}

// TestAPageWithoutAPlaceForItsTablesIsRefused would catch a page whose comments were edited away, which would age unseen.
func TestAPageWithoutAPlaceForItsTablesIsRefused(t *testing.T) {
	for _, text := range []string{"# A page\n", "<!-- properties -->\n", "<!-- /properties -->\n"} {
		_, err := replace(text, "tables")
		require.ErrorContains(t, err, "has no place for the tables")
	}
	text, err := replace("before\n<!-- properties -->\nold\n<!-- /properties -->\nafter\n", "new\n")
	require.NoError(t, err)
	require.Equal(t, "before\n<!-- properties -->\n\nnew\n<!-- /properties -->\nafter\n", text)
}
