package plugin_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

var guard = plugin.Config{RefuseDotSegments: true}

// TestDotSegmentsAreRefused would catch a path that leaves the base path at a server that decodes it, and a path that is
// refused though no server could take it for another.
func TestDotSegmentsAreRefused(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler, logged := build(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), guard)
		for target, status := range map[string]int{
			"/v1/chat/completions":            200,
			"/v1/models/org%2Fname":           200,
			"/v1/models/org%252Fname":         200,
			"/v1/models/org%2Fllama-3.1%2F8b": 200,
			"/v1/models/.hidden":              200,
			"/v1/models/a..b":                 200,
			"/v1/models/..a":                  200,
			"/v1/models/...":                  200,
			"/v1/models/gpt-4.1.":             200,
			"/v1/models/100%25":               200,
			"/v1/models/a;b=..":               200,
			"/v1/models?after=/../":           200,
			"/v1/../metrics":                  400,
			"/v1/./metrics":                   400,
			"/v1/..":                          400,
			"/v1/.":                           400,
			"/v1/..%2Fmetrics":                400,
			"/v1/..%2fmetrics":                400,
			"/v1%2F..%2Fmetrics":              400,
			"/v1/%2E%2E/metrics":              400,
			"/v1/%2e%2e%2fmetrics":            400,
			"/v1/.%2E%2Fmetrics":              400,
			"/v1/.%2Fmetrics":                 400,
			"/v1/models%2F..":                 400,
			"/v1/..%252Fmetrics":              400,
			"/v1/%252E%252E%252Fmetrics":      400,
			"/v1/%252e%252e/metrics":          400,
			"/v1/..%5Cmetrics":                400,
			"/v1/..%255Cmetrics":              400,
			"/v1/..;/metrics":                 400,
			"/v1/..;a=b/metrics":              400,
			"/v1/..%3B/metrics":               400,
			"/v1/..%253B%252Fmetrics":         400,
			"/v1/.;/metrics":                  400,
			"/v1/..%3Fmetrics":                400,
			"/v1/..%23metrics":                400,
			"/v1/..%2500":                     400,
			"/v1/.%2509./metrics":             400,
			"/v1/..%20/metrics":               400,
			"/v1/%25zz/%252e%252e%252fm":      400,
			"http://other.test/v1/..%2Fm":     400,
		} {
			request := httptest.NewRequest(http.MethodGet, target, nil)
			answer := answerOf(handler, request)
			assert.Equal(t, status, answer.Code, target)
			if status == 400 {
				assert.Equal(t, "invalid_path", errorCode(t, answer), target)
			}
		}
		assert.Empty(t, logged.String())
	})
}

// TestNoServerLeavesTheBasePath would catch a path that passes the guard and ends above the base path at a server that
// decodes once or twice, takes \ for /, cuts parameters off, or drops control characters, and then cleans the path.
func TestNoServerLeavesTheBasePath(t *testing.T) {
	handler, _ := compiled(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), guard)
	pieces := rapid.SampledFrom(strings.Split(
		". .. / // %2F %2f %252F %5C %255c %2E %2e %252E %252e ; ;a=b %3B %253b ? %3F %23 %00 %2500 %09 %20 %25 %2 %zz %25zz a v1 é", " "))
	rapid.Check(t, func(t *rapid.T) {
		checkPath(t, handler, "/"+strings.Join(rapid.SliceOfN(pieces, 1, 12).Draw(t, "pieces"), ""))
	})
}

// FuzzNoServerLeavesTheBasePath is the same for any bytes.
func FuzzNoServerLeavesTheBasePath(f *testing.F) {
	for _, seed := range []string{"/..%2Fmetrics", "/a/%252e%252e%252f", "/..;/x", "/org%2Fname"} {
		f.Add(seed)
	}
	handler, _ := compiled(f, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), guard)
	f.Fuzz(func(t *testing.T, target string) { checkPath(t, handler, target) })
}

// checkPath sends target through the guard. What passes has to stay below the base path at every server.
func checkPath(t require.TestingT, handler http.Handler, target string) {
	parsed, err := url.ParseRequestURI(target)
	if err != nil || !strings.HasPrefix(parsed.Path, "/") {
		return // Go's server refuses it.
	}
	answer := answerOf(handler, &http.Request{Method: http.MethodGet, URL: parsed, RequestURI: target})
	if answer.Code != http.StatusOK {
		require.Equal(t, http.StatusBadRequest, answer.Code)
		return
	}
	text := parsed.EscapedPath()
	for range 3 {
		for _, change := range readings {
			served := path.Clean("/base/v1" + change(text))
			require.True(t, served == "/base/v1" || strings.HasPrefix(served, "/base/v1/"), "%q is served as %q", target, served)
		}
		text = decoded(text)
	}
}

var (
	parameters = regexp.MustCompile(`;[^/]*`)
	control    = regexp.MustCompile(`[[:cntrl:]]`)
)

// readings are how servers read a path once they have decoded it.
var readings = []func(string) string{
	func(s string) string { return s },
	func(s string) string { return strings.ReplaceAll(s, `\`, "/") },
	func(s string) string { return parameters.ReplaceAllString(s, "") },
	func(s string) string { return control.ReplaceAllString(s, "") },
	func(s string) string { s, _, _ = strings.Cut(s, "?"); return s },
	func(s string) string { s, _, _ = strings.Cut(s, "#"); return s },
	func(s string) string { s, _, _ = strings.Cut(s, "\x00"); return s },
}

// decoded leaves a percent sign that begins no encoded byte as it is; it is written otherwise than the plugin's, on purpose.
func decoded(s string) string {
	var out strings.Builder
	for len(s) > 0 {
		if len(s) > 2 && s[0] == '%' {
			if plain, err := url.PathUnescape(s[:3]); err == nil {
				out.WriteString(plain)
				s = s[3:]
				continue
			}
		}
		out.WriteByte(s[0])
		s = s[1:]
	}
	return out.String()
}
