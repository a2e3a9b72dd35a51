package target

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	discoveryv1 "k8s.io/api/discovery/v1"
	"pgregory.net/rapid"
)

const (
	ipv4 = discoveryv1.AddressTypeIPv4
	ipv6 = discoveryv1.AddressTypeIPv6
	fqdn = discoveryv1.AddressTypeFQDN
)

// Catches a base URL that real clients use and that is read as another server,
// port or path, and a canonical form that changes by accident: the API's
// objects are replaced when it does.
func TestParseGivesTheCanonicalURL(t *testing.T) {
	for text, want := range map[string]URL{
		"https://api.groq.com/openai/v1":                           {HTTPS, fqdn, "api.groq.com", 443, "/openai/v1"},
		"https://generativelanguage.googleapis.com/v1beta/openai/": {HTTPS, fqdn, "generativelanguage.googleapis.com", 443, "/v1beta/openai"},
		"https://api.perplexity.ai":                                {HTTPS, fqdn, "api.perplexity.ai", 443, ""},
		"http://10.0.0.7:8000/v1":                                  {HTTP, ipv4, "10.0.0.7", 8000, "/v1"},
		"http://10.0.0.7":                                          {HTTP, ipv4, "10.0.0.7", 80, ""},
		"http://[2001:DB8:0:0::7]:8000/v1":                         {HTTP, ipv6, "2001:db8::7", 8000, "/v1"},
		"https://[2001:db8::7]":                                    {HTTPS, ipv6, "2001:db8::7", 443, ""},
		"HTTPS://API.Example.COM.:8443/":                           {HTTPS, fqdn, "api.example.com", 8443, ""},
		"http://api.example.com:443":                               {HTTP, fqdn, "api.example.com", 443, ""},
		"https://xn--bcher-kva.example":                            {HTTPS, fqdn, "xn--bcher-kva.example", 443, ""},
		"http://vllm.models.svc.cluster.local:65535":               {HTTP, fqdn, "vllm.models.svc.cluster.local", 65535, ""},
		"http://1.example.com:1/A/b.c/~d/@e/f:g,h;i=j&k+l$m/_n-":   {HTTP, fqdn, "1.example.com", 1, "/A/b.c/~d/@e/f:g,h;i=j&k+l$m/_n-"},
		"http://localhost.example.com:080":                         {HTTP, fqdn, "localhost.example.com", 80, ""},
		"http://example.com/v1:/...":                               {HTTP, fqdn, "example.com", 80, "/v1:/..."},
	} {
		got, err := Parse(text)
		if assert.NoError(t, err, text) {
			assert.Equal(t, want, got, text)
		}
	}
}

// Catches a rule that stopped refusing, and one that answers with the words of
// another: every message says what would be right for just this fault.
func TestParseSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                                                "is empty",
		" https://example.com":                            "has white space",
		"https://example.com/v1\n":                        "has white space",
		"https://exa\x00mple.com":                         "has white space or a control character",
		"example.com":                                     "has no scheme",
		"//example.com":                                   "has no scheme",
		"localhost:8000":                                  "has no scheme",
		"https:/example.com":                              "has no scheme",
		"://example.com":                                  "has no scheme",
		"ftp://example.com":                               "does not start with http:// or https://",
		"grpc://example.com":                              "does not start with http:// or https://",
		"https://":                                        "has no host",
		"https:///v1":                                     "has no host",
		"https://?a":                                      "has no host",
		"http://:80":                                      "has a port but no host",
		"https://user:pass@example.com":                   "has a user name or password",
		"https://@example.com":                            "has a user name or password",
		"https://example.com/v1?key=a":                    "has a query",
		"https://example.com?":                            "has a query",
		"https://example.com/v1#a?b":                      "has a fragment",
		"https://example.com#":                            "has a fragment",
		"http://example.com:":                             "has a colon with no port",
		"http://[2001:db8::7]:":                           "has a colon with no port",
		"http://example.com:0":                            "has a port that is not a number from 1 to 65535",
		"http://example.com:65536":                        "has a port that is not a number from 1 to 65535",
		"http://example.com:http":                         "has a port that is not a number from 1 to 65535",
		"http://example.com:-1":                           "has a port that is not a number from 1 to 65535",
		"http://example.com:+80":                          "has a port that is not a number from 1 to 65535",
		"http://2001:db8::7":                              "has more than one colon",
		"http://example.com:80:90":                        "has more than one colon",
		"http://[2001:db8::7":                             "has a [ without a ]",
		"http://[2001:db8::7]8000":                        "has brackets that hold something other than an IPv6 address",
		"http://[10.0.0.7]":                               "has brackets that hold something other than an IPv6 address",
		"http://[]":                                       "has brackets that hold something other than an IPv6 address",
		"http://[[2001:db8::7]]":                          "has brackets that hold something other than an IPv6 address",
		"http://[fd00::1%25eth0]":                         "has an IPv6 address with a zone",
		"http://[fe80::1%eth0]":                           "has an IPv6 address with a zone",
		"http://[::ffff:10.0.0.7]":                        "has an IPv4 address written as IPv6",
		"http://[::ffff:7f00:1]":                          "has an IPv4 address written as IPv6",
		"http://127.0.0.1:8000":                           "has a loopback address",
		"http://127.255.0.3":                              "has a loopback address",
		"http://[::1]:8000":                               "has a loopback address",
		"http://169.254.169.254":                          "has a link-local address",
		"http://[fe80::1]":                                "has a link-local address",
		"http://0.0.0.0:8000":                             "has the unspecified address",
		"http://[::]":                                     "has the unspecified address",
		"http://224.0.0.1":                                "has a multicast address",
		"http://239.1.2.3":                                "has a multicast address",
		"http://[ff02::1]":                                "has a multicast address",
		"http://255.255.255.255":                          "has the broadcast address",
		"http://127.1":                                    "has a host that ends in a number",
		"http://2130706433":                               "has a host that ends in a number",
		"http://0x7f000001":                               "has a host that ends in a number",
		"http://10.0.0.0X7":                               "has a host that ends in a number",
		"http://010.0.0.7":                                "has a host that ends in a number",
		"http://10.0.0.256":                               "has a host that ends in a number",
		"http://10.0.0.7.":                                "has a host that ends in a number",
		"http://1.2.3.4.5":                                "has a host that ends in a number",
		"http://localhost":                                "is a name of the machine that looks it up",
		"http://LocalHost.":                               "is a name of the machine that looks it up",
		"http://a.localhost":                              "is a name of the machine that looks it up",
		"http://localhost.localdomain":                    "is a name of the machine that looks it up",
		"http://vllm:8000/v1":                             "has a host name of one label",
		"http://my_server.example.com":                    "has an underscore in its host name",
		"http://a..example.com":                           "has a host name with an empty label",
		"http://.example.com":                             "has a host name with an empty label",
		"http://.":                                        "has a host name with an empty label",
		"http://-a.example.com":                           "has a host name that is not made of letters",
		"http://*.example.com":                            "has a host name that is not made of letters",
		"http://ex%61mple.com":                            "has a host name that is not made of letters",
		`http://example.com\v1`:                           "has a host name that is not made of letters",
		"http://bücher.example":                           "has a host name with characters beyond ASCII",
		"http://example.com/v1//a":                        "has an empty path segment",
		"http://example.com//":                            "has an empty path segment",
		"http://example.com/v1/../admin":                  "has a . or .. as a path segment",
		"http://example.com/v1/..":                        "has a . or .. as a path segment",
		"http://example.com/./":                           "has a . or .. as a path segment",
		"http://example.com/a%2Fb":                        "has a percent-encoded character in its path",
		"http://example.com/%2e%2e":                       "has a percent-encoded character in its path",
		"http://example.com/a!b":                          "has a character in its path that does not reach the server as written",
		"http://example.com/bücher":                       "has a character in its path that does not reach the server as written",
		`http://example.com/a\b`:                          "has a character in its path that does not reach the server as written",
		"http://example.com/v1\xff":                       "has a character in its path that does not reach the server as written",
		"http://" + label(64) + ".example":                "has a host name with more than 63 characters between two dots",
		"http://" + strings.Repeat("a.", 126) + "bc":      "has a host name of more than 253 characters",
		"http://example.com/" + strings.Repeat("a", 1024): "has a path of more than 1024 characters",
		"http://example.com/v1/" + strings.Repeat("a/", 600):    "has a path of more than 1024 characters",
		"https://user:pass@example.com:99999/v1?key=a#fragment": "has a user name or password",
	} {
		got, err := Parse(text)
		if assert.Error(t, err, text) {
			assert.True(t, strings.HasPrefix(err.Error(), want), "%s: %s", text, err)
			assert.Zero(t, got, "a refused text gives no URL: %s", text)
		}
	}
}

// Catches a password or key that gets into a message, also where the text is so
// broken that the password is in another part.
func TestNoMessageShowsASecret(t *testing.T) {
	for _, text := range []string{
		"https://user:hunter2@example.com",
		"https://hunter2@example.com:99999",
		"user:hunter2@example.com/v1",
		"ftp://user:hunter2@example.com",
		"https://user:pa/hunter2@example.com",
		"https://user:hunter2/a@example.com",
		"https://user:a?hunter2@example.com",
		"https://example.com/v1?key=hunter2",
		"https://example.com/v1#hunter2",
	} {
		_, err := Parse(text)
		require.Error(t, err, text)
		assert.NotContains(t, err.Error(), "hunter2", text)
	}
}

// Catches an accepted URL that changes when it is written and read again, and
// one on whose parts the API server, the HTTPRoute's rules or Go's own client
// disagree with us.
func TestEveryAcceptableURLRoundTripsAndIsServed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := urlTexts.Draw(t, "url")
		got, err := Parse(text)
		require.NoError(t, err)
		requireServed(t, text, got)
	})
}

// requireServed checks a parsed URL by the rules of all that read its parts later.
func requireServed(t require.TestingT, text string, u URL) {
	again, err := Parse(u.String())
	require.NoError(t, err)
	require.Equal(t, u, again)

	standard, err := url.Parse(text)
	require.NoError(t, err, "net/url refuses what we accept")
	require.Equal(t, standard.Scheme, u.Scheme)
	if standard.Port() != "" {
		port, err := strconv.Atoi(standard.Port())
		require.NoError(t, err)
		require.EqualValues(t, port, u.Port)
	}
	require.Equal(t, strings.TrimSuffix(standard.EscapedPath(), "/"), u.Path)
	if u.Family == fqdn {
		require.Equal(t, strings.TrimSuffix(strings.ToLower(standard.Hostname()), "."), u.Host)
	}

	requireEndpointSliceAddress(t, u.Family, u.Host)
	requirePortNumber(t, u.Port)
	requireRoutePath(t, u.Path)
}

// Catches a crash on any input, and anything accepted that is not served.
func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		u, err := Parse(text)
		if err != nil {
			require.Zero(t, u)
			return
		}
		requireServed(t, text, u)
	})
}

func label(length int) string { return strings.Repeat("a", length) }
