package docgen

import (
	"testing"

	"github.com/stretchr/testify/require"
)

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
