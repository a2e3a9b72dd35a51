package target

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Catches a host name that differs by writing only and is taken for another.
func TestParseHostnameGivesTheCanonicalName(t *testing.T) {
	for text, want := range map[string]string{
		"api.example.com":       "api.example.com",
		"API.Example.com.":      "api.example.com",
		"inference":             "inference",
		"xn--bcher-kva.example": "xn--bcher-kva.example",
		label(63) + ".example":  label(63) + ".example",
	} {
		got, err := ParseHostname(text)
		if assert.NoError(t, err, text) {
			assert.Equal(t, want, got)
		}
	}
}

// Catches a Host header or server name that the API server would refuse after
// the first children exist, or that no certificate can carry.
func TestParseHostnameSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "is empty",
		"api.example.com ":               "has white space",
		"10.0.0.7":                       "is an IP address",
		"2001:db8::7":                    "is an IP address",
		"[2001:db8::7]":                  "is an IP address",
		"api.example.com:8443":           "is more than a host name",
		"https://api.example.com":        "is more than a host name",
		"api.example.com/v1":             "is more than a host name",
		"*.example.com":                  "has a wildcard",
		"127.1":                          "has a host that ends in a number",
		"my_host":                        "has an underscore",
		"bücher.example":                 "has a host name with characters beyond ASCII",
		"a..b":                           "has a host name with an empty label",
		"a-":                             "has a host name that is not made of letters",
		label(64):                        "has a host name with more than 63 characters between two dots",
		strings.Repeat("a.", 126) + "bc": "has a host name of more than 253 characters",
	} {
		got, err := ParseHostname(text)
		if assert.Error(t, err, text) {
			assert.True(t, strings.HasPrefix(err.Error(), want), "%s: %s", text, err)
			assert.Empty(t, got)
		}
	}
}

// Catches a wildcard that is refused where routes may have one, or let through
// where none is allowed.
func TestOnlyRoutesTakeAWildcardAndOnlyAsTheFirstLabel(t *testing.T) {
	for _, text := range []string{"*.example.com", "*.Example.com.", "*.com"} {
		got, err := ParseRouteHostname(text)
		require.NoError(t, err, text)
		assert.Regexp(t, routeHostname, got)
	}
	for text, want := range map[string]string{
		"*":                                     "has a wildcard that is not its whole first label",
		"a.*.example.com":                       "has a wildcard that is not its whole first label",
		"*a.example.com":                        "has a wildcard that is not its whole first label",
		"*.*.example.com":                       "has a wildcard that is not its whole first label",
		"10.0.0.7":                              "is an IP address",
		"*.example.com:8000":                    "is more than a host name",
		"*." + strings.Repeat("a.", 125) + "bc": "has a host name of more than 253 characters",
	} {
		_, err := ParseRouteHostname(text)
		if assert.Error(t, err, text) {
			assert.True(t, strings.HasPrefix(err.Error(), want), "%s: %s", text, err)
		}
	}
}

// Catches an accepted name that a route, a TLS policy or DNS refuses.
func TestEveryAcceptableHostnameFitsTheGatewayAPI(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := dottedTexts.Draw(t, "name")
		name, err := ParseHostname(text)
		require.NoError(t, err)
		require.Regexp(t, preciseHostname, name)
		again, err := ParseHostname(name)
		require.NoError(t, err)
		require.Equal(t, name, again)

		wildcard, err := ParseRouteHostname("*." + text)
		require.NoError(t, err)
		require.Regexp(t, routeHostname, wildcard)
		require.Equal(t, "*."+name, wildcard)
	})
}
