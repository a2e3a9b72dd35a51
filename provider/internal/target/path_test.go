package target

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Catches a prefix that keeps its slash (the bare prefix then goes unrewritten)
// or loses more than that.
func TestParsePathDropsOneSlashAtTheEnd(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "",
		"/":                                   "",
		"/v1":                                 "/v1",
		"/v1/":                                "/v1",
		"/default/chat/":                      "/default/chat",
		"/@cf/meta:v1/.a":                     "/@cf/meta:v1/.a",
		"/" + strings.Repeat("a", 1023):       "/" + strings.Repeat("a", 1023),
		"/" + strings.Repeat("a", 1023) + "/": "/" + strings.Repeat("a", 1023),
	} {
		got, err := ParsePath(text)
		if assert.NoError(t, err, text) {
			assert.Equal(t, want, got)
		}
	}
}

// Catches a path rule that stopped refusing or answers with another's words.
func TestParsePathSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"v1":                            "is a path without a slash at its start",
		"//":                            "has an empty path segment",
		"//v1":                          "has an empty path segment",
		"/v1//":                         "has an empty path segment",
		"/a//b":                         "has an empty path segment",
		"/..":                           "has a . or .. as a path segment",
		"/a/./b":                        "has a . or .. as a path segment",
		"/v1?a=b":                       "has a query",
		"/v1#a":                         "has a fragment",
		"/a%20b":                        "has a percent-encoded character",
		"/a b":                          "has white space",
		"/v1\t":                         "has white space",
		"/v*":                           "has a character in its path that does not reach the server as written",
		"/{model}":                      "has a character in its path that does not reach the server as written",
		"/" + strings.Repeat("a", 1024): "has a path of more than 1024 characters",
	} {
		got, err := ParsePath(text)
		if assert.Error(t, err, text) {
			assert.True(t, strings.HasPrefix(err.Error(), want), "%s: %s", text, err)
			assert.Empty(t, got)
		}
	}
}

// Catches two accepted paths that are invalid once the service's prefix and its
// API path are joined, and a result that is not a fixed point.
func TestPathsCanBePutTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, err := ParsePath(pathTexts.Draw(t, "first"))
		require.NoError(t, err)
		second, err := ParsePath(pathTexts.Draw(t, "second"))
		require.NoError(t, err)
		both, err := ParsePath(first + second)
		require.NoError(t, err)
		require.Equal(t, first+second, both)
		requireRoutePath(t, both)
	})
}

// Catches a crash on any input, and anything accepted that an HTTPRoute refuses
// or Traefik changes.
func FuzzParsePath(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		path, err := ParsePath(text)
		if err != nil {
			require.Empty(t, path)
			return
		}
		require.Equal(t, strings.TrimSuffix(text, "/"), path)
		requireRoutePath(t, path)
	})
}
