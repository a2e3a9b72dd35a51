package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/load"
	"github.com/modelplane/pulumi-modelplane/tests/localplane"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

const key = "sk-test-7c1f0a9e"

// TestBackendsWithOtherPathsHostsAndKeysShareOneURL would catch a rewrite, Host header or key that reaches the wrong
// backend of a rule, or none: the reason why the package exists.
func TestBackendsWithOtherPathsHostsAndKeysShareOneURL(t *testing.T) {
	own := harness.Serve(t, modelserver.Options{Name: "own", Address: ":8000", BasePath: "/v1"})
	certificate, err := harness.CA.Issue([]string{"api.saas.test"}, nil)
	require.NoError(t, err)
	saas := serveAs(t, modelserver.Options{
		Name: "saas", Address: ":443", BasePath: "/openai/v1", Keys: []string{key}, Certificate: certificate,
	}, "api.saas.test")

	s := harness.NewStack(t, "shared-url")
	s.SetSecret(t, "key", key)
	outputs := s.MustUp(t, yaml("shared-url",
		modelEndpoint("own", fmt.Sprintf("url: 'http://%s/v1'", own.Address()))+
			modelEndpoint("saas", "url: 'https://api.saas.test/openai/v1', apiKey: '${key}'")+
			modelService(t, "chat", "", "own=1", "saas=1"),
		"  url: ${chat.url}"))

	report := load.Do(context.Background(), load.Config{URL: outputs["url"].(string), MaxRequests: 100})
	require.NoError(t, report.Err())
	require.NoError(t, load.Within(report.ByBackend, map[string]int{"own": 1, "saas": 1}, 4))
	gatewayHost := hostOf(outputs["url"].(string))
	for way := range report.ByWay {
		switch way.Backend {
		case "own":
			assert.Equal(t, load.Way{Backend: "own", Path: "/v1/chat/completions", Host: gatewayHost}, way)
		case "saas":
			assert.Equal(t, load.Way{Backend: "saas", Path: "/openai/v1/chat/completions", Host: "api.saas.test"}, way)
		}
	}
	for _, request := range saas.Requests() {
		assert.Equal(t, "api.saas.test", request.SNI)
		assert.Equal(t, "Bearer "+key, request.Header.Get("Authorization"))
	}
	for _, request := range own.Requests() {
		assert.Empty(t, request.Header.Get("Authorization"), "the key of one backend reached another")
	}
}

// TestEveryFormOfPathArrivesRewritten would catch a doubled or lost /v1, a slash too many, and a query or an encoded slash
// that does not survive.
func TestEveryFormOfPathArrivesRewritten(t *testing.T) {
	bases := map[string]string{"root": "", "v1": "/v1", "groq": "/openai/v1", "gemini": "/v1beta/openai"}
	resources, outputs := "", ""
	for name, base := range bases {
		server := harness.Serve(t, modelserver.Options{Name: name, Address: ":8000", BasePath: base})
		resources += modelEndpoint("to-"+name, fmt.Sprintf("url: 'http://%s%s/'", server.Address(), base)) +
			modelService(t, name, "", "to-"+name+"=1")
		outputs += fmt.Sprintf("  %s: ${%s.url}\n", name, name)
	}
	// The whole of a server: nothing of the path is the API's.
	resources += modelService(t, "whole", "path: /default/whole", "to-root=1")
	outputs += "  whole: ${whole.url}\n"
	urls := harness.NewStack(t, "paths").MustUp(t, yaml("paths", resources, outputs))

	long := "/" + strings.Repeat("long/", 300) + "end"
	for name, base := range bases {
		for suffix, want := range map[string]string{
			"":                    base,
			"/":                   base + "/",
			"/models":             base + "/models",
			"/models?limit=2&a=b": base + "/models?limit=2&a=b",
			"?q=1":                base + "?q=1",
			"/models/org%2Fm":     base + "/models/org%2Fm",
			long:                  base + long,
		} {
			if !strings.HasPrefix(want, "/") {
				want = "/" + want
			}
			response := get(t, urls[name].(string)+suffix)
			assert.Equal(t, want, response.Header.Get(modelserver.HeaderPath), "%s: %.40s", name, suffix)
			assert.Equal(t, name, response.Header.Get(modelserver.HeaderName))
		}
	}
	assert.Equal(t, "/health", get(t, urls["whole"].(string)+"/health").Header.Get(modelserver.HeaderPath))
	beside := strings.TrimSuffix(urls["v1"].(string), "/v1") + "/v1beta/models"
	assert.Equal(t, http.StatusNotFound, get(t, beside).StatusCode, "a path that only starts like the service's is not its own")
}

// TestSharesAreWhatTheWeightsPromise would catch weights that are lost, mixed up or rounded away.
func TestSharesAreWhatTheWeightsPromise(t *testing.T) {
	resources, outputs := "", ""
	for _, name := range []string{"a", "b"} {
		server := harness.Serve(t, modelserver.Options{Name: name, Address: ":8000", BasePath: "/v1"})
		resources += modelEndpoint(name, fmt.Sprintf("url: 'http://%s/v1'", server.Address()))
	}
	splits := map[string][2]int{"even": {1, 1}, "eighty": {80, 20}, "all": {1, 0}, "rare": {999, 1}}
	for name, weights := range splits {
		resources += modelService(t, name, "", fmt.Sprintf("a=%d", weights[0]), fmt.Sprintf("b=%d", weights[1]))
		outputs += fmt.Sprintf("  %s: ${%s.url}\n", name, name)
	}
	// One entry with two endpoints keeps its share as a whole.
	resources += fmt.Sprintf("  group: {type: 'modelplane:ModelService', properties: {gateway: %s, backends: ["+
		"{endpoints: ['${a.backend}', '${b.backend}'], weight: 80}, {endpoint: '${c.backend}', weight: 20}]}}\n", sharedGateway(t))
	c := harness.Serve(t, modelserver.Options{Name: "c", Address: ":8000", BasePath: "/v1"})
	resources += modelEndpoint("c", fmt.Sprintf("url: 'http://%s/v1'", c.Address()))
	outputs += "  group: ${group.url}\n  shares: ${group.shares}\n"
	urls := harness.NewStack(t, "shares").MustUp(t, yaml("shares", resources, outputs))

	for name, weights := range splits {
		// Two replicas count for themselves, and connections are not dealt out evenly between them.
		n, slack := 400, 4.0
		if name == "rare" {
			n = 3000 // so that one of the replicas comes round to its thousandth request
		}
		counts, failures := load.Split(context.Background(), urls[name].(string), n)
		assert.Empty(t, failures, name)
		assert.NoError(t, load.Within(counts, map[string]int{"a": weights[0], "b": weights[1]}, slack), name)
		for i, backend := range []string{"a", "b"} {
			assert.Equal(t, weights[i] > 0, counts[backend] > 0, "%s: %s answered %d times", name, backend, counts[backend])
		}
	}
	counts, failures := load.Split(context.Background(), urls["group"].(string), 400)
	assert.Empty(t, failures)
	assert.NoError(t, load.Within(counts, map[string]int{"a": 40, "b": 40, "c": 20}, 6))
	assert.Equal(t, []any{
		map[string]any{"endpoint": "a", "weight": 40.0, "share": 0.4},
		map[string]any{"endpoint": "b", "weight": 40.0, "share": 0.4},
		map[string]any{"endpoint": "c", "weight": 20.0, "share": 0.2},
	}, urls["shares"])
}

// TestEveryKindOfServerIsReached would catch a scheme, port, address family, protocol or certificate that the objects of an
// endpoint get wrong.
func TestEveryKindOfServerIsReached(t *testing.T) {
	private, err := modelserver.NewCA()
	require.NoError(t, err)
	issue := func(ca *modelserver.CA, names ...string) modelserver.Options {
		certificate, err := ca.Issue(names, nil)
		require.NoError(t, err)
		return modelserver.Options{Certificate: certificate, BasePath: "/v1"}
	}
	with := func(options modelserver.Options, name, port string) modelserver.Options {
		options.Name, options.Address = name, port
		return options
	}
	plain := modelserver.Options{BasePath: "/v1"}

	ip := harness.Serve(t, with(plain, "ip", ":8000"))
	odd := harness.Serve(t, with(plain, "http-on-443", ":443"))
	six := with(plain, "ipv6", "")
	six.Address = netip.AddrPortFrom(harness.FreeAddress(t, localplane.Free6), 8000).String()
	ipv6 := harness.Serve(t, six)
	serveAs(t, with(plain, "fqdn", ":8000"), "plain.names.test")
	serveAs(t, with(issue(harness.CA, "odd.names.test"), "https-on-8443", ":8443"), "odd.names.test")
	tlsIP := harness.Serve(t, with(issue(harness.CA, "by-ip.names.test"), "https-by-ip", ":8443"))
	privateIP := harness.Serve(t, with(issue(private, "private.names.test"), "private-ca", ":8443"))
	renamed := with(issue(private, "real.names.test"), "other-name", ":8443")
	serveAs(t, renamed, "shown.names.test")
	cleartext := with(plain, "h2c", ":8000")
	cleartext.Protocol = modelserver.H2COnly
	h2c := harness.Serve(t, cleartext)
	first, second := harness.Serve(t, with(plain, "several", ":8000")), harness.Serve(t, with(plain, "several", ":8000"))

	pem := fmt.Sprintf("%q", private.PEM())
	endpoints := map[string]string{
		"ip":            fmt.Sprintf("url: 'http://%s/v1'", ip.Address()),
		"http-on-443":   fmt.Sprintf("url: 'http://%s/v1'", odd.Address()),
		"ipv6":          fmt.Sprintf("url: 'http://%s/v1'", ipv6.Address()),
		"fqdn":          "url: 'http://plain.names.test:8000/v1'",
		"https-on-8443": "url: 'https://odd.names.test:8443/v1'",
		"https-by-ip":   fmt.Sprintf("url: 'https://%s/v1', tls: {serverName: by-ip.names.test}", tlsIP.Address()),
		"private-ca":    fmt.Sprintf("url: 'https://%s/v1', tls: {serverName: private.names.test, caCertificate: %s}", privateIP.Address(), pem),
		"other-name":    fmt.Sprintf("url: 'https://shown.names.test:8443/v1', tls: {serverName: real.names.test, caCertificate: %s}", pem),
		"h2c":           fmt.Sprintf("url: 'http://%s/v1', protocol: h2c", h2c.Address()),
		"several":       fmt.Sprintf("urls: ['http://%s/v1', 'http://%s/v1']", first.Address(), second.Address()),
		// A certificate of an authority that nobody trusts must not be taken.
		"untrusted": fmt.Sprintf("url: 'https://%s/v1', tls: {serverName: private.names.test}", privateIP.Address()),
	}
	resources, outputs := "", ""
	for name, properties := range endpoints {
		resources += modelEndpoint(name, properties) + modelService(t, "to-"+name, "", name+"=1")
		outputs += fmt.Sprintf("  %s: ${to-%s.url}\n", name, name)
	}
	urls := harness.NewStack(t, "kinds").MustUp(t, yaml("kinds", resources, outputs))

	for name := range endpoints {
		if name == "untrusted" {
			continue
		}
		counts, failures := load.Split(context.Background(), urls[name].(string), 6)
		assert.Empty(t, failures, name)
		assert.Equal(t, map[string]int{name: 6}, counts)
	}
	assert.Positive(t, first.Count())
	assert.Positive(t, second.Count())
	assert.Equal(t, http.StatusInternalServerError, get(t, urls["untrusted"].(string)+"/models").StatusCode)
	assert.Equal(t, "by-ip.names.test", tlsIP.Requests()[0].SNI)
	assert.Equal(t, "HTTP/2.0", h2c.Requests()[0].Proto)
}

// TestTheCallerShowsOnlyToServersThatMayKnow would catch a caller's key, cookie or address that leaks to a backend, by the
// Middleware or by the filter of a route that cannot use it; a key of the endpoint that does not replace the caller's; and
// header changes of one backend that reach another, also where two services share an endpoint.
func TestTheCallerShowsOnlyToServersThatMayKnow(t *testing.T) {
	serve := func(name string, options modelserver.Options) *modelserver.Server {
		options.Name, options.Address, options.BasePath = name, ":8000", "/v1"
		return harness.Serve(t, options)
	}
	closed, open, far := serve("closed", modelserver.Options{}), serve("open", modelserver.Options{}), serve("far", modelserver.Options{})
	azure := serve("azure", modelserver.Options{Keys: []string{key}, KeyHeader: "api-key"})
	both := serve("both", modelserver.Options{Keys: []string{key}})
	at := func(server *modelserver.Server, more string) string {
		return fmt.Sprintf("url: 'http://%s/v1'%s", server.Address(), more)
	}
	s := harness.NewStack(t, "caller")
	s.SetSecret(t, "key", key)
	urls := s.MustUp(t, yaml("caller", "  team: {type: 'kubernetes:core/v1:Namespace', properties: {metadata: {name: team-caller}}}\n"+
		modelEndpoint("closed", at(closed, ""))+
		modelEndpoint("open", at(open, ", forwardCaller: true, hostHeader: open.internal.test, headers: {set: {X-Team: red}, remove: [X-Trace]}"))+
		modelEndpoint("azure", at(azure, ", apiKey: '${key}', apiKeyHeader: api-key"))+
		modelEndpoint("both", at(both, ", apiKey: '${key}', forwardCaller: true"))+
		modelEndpoint("far", at(far, ""))+
		modelService(t, "one", "", "closed=1", "open=1", "azure=1", "both=1")+
		modelService(t, "two", "hostnames: [two.names.test]", "open=1")+
		modelService(t, "three", "namespace: '${team.metadata.name}'", "far=1"),
		"  one: ${one.url}\n  two: ${two.url}\n  three: ${three.url}"))
	assert.True(t, strings.HasPrefix(urls["two"].(string), "http://two.names.test/"), urls["two"])
	require.NoError(t, harness.Plane.AddHost("two.names.test", netip.MustParseAddr(hostOf(urls["one"].(string)))))

	header := http.Header{"Authorization": {"Bearer caller"}, "X-Trace": {"1"}}
	personal := []string{
		"Api-Key", "Cookie", "Forwarded", "Ocp-Apim-Subscription-Key", "Openai-Organization", "Openai-Project", "X-Api-Key", "X-Goog-Api-Key",
	}
	for _, name := range personal {
		header.Set(name, "caller")
	}
	for _, url := range []any{urls["one"], urls["two"], urls["three"]} {
		require.NoError(t, load.Do(context.Background(), load.Config{URL: url.(string), MaxRequests: 40, Header: header}).Err())
	}
	forwarded := []string{"X-Forwarded-For", "X-Real-Ip"}
	for _, request := range closed.Requests() {
		assertHasNone(t, request, slices.Concat(personal, forwarded, []string{"Authorization", "X-Forwarded-Host", "X-Team"})...)
		assert.Equal(t, "1", request.Header.Get("X-Trace"))
	}
	for _, request := range open.Requests() {
		assert.Equal(t, "Bearer caller", request.Header.Get("Authorization"))
		assert.Equal(t, "caller", request.Header.Get("Cookie"))
		assert.NotEmpty(t, request.Header.Get("X-Forwarded-For"))
		assert.Equal(t, "red", request.Header.Get("X-Team"))
		assertHasNone(t, request, "X-Trace")
		assert.Equal(t, "open.internal.test", request.Host)
	}
	for _, request := range azure.Requests() {
		assert.Equal(t, key, request.Header.Get("api-key"))
		assertHasNone(t, request, "Authorization", "Cookie", "X-Api-Key", "X-Forwarded-For")
	}
	for _, request := range both.Requests() {
		assert.Equal(t, []string{"Bearer " + key}, request.Header.Values("Authorization"))
		assert.Equal(t, "caller", request.Header.Get("X-Api-Key"))
		assert.NotEmpty(t, request.Header.Get("X-Forwarded-For"))
	}
	for _, request := range far.Requests() {
		assertHasNone(t, request, append(personal, "Authorization", "X-Real-Ip")...)
		assert.NotEmpty(t, request.Header.Get("X-Forwarded-For"), "no filter of a route removes what Traefik writes last")
	}
	assert.Equal(t, 40, closed.Count()+open.Count()-40+azure.Count()+both.Count())
	assert.Equal(t, 40, far.Count())

	for range 24 {
		get(t, urls["one"].(string)+"/models?key=caller&alt=sse")
	}
	for server, want := range map[*modelserver.Server]string{closed: "/v1/models?alt=sse", open: "/v1/models?key=caller&alt=sse"} {
		requests := slices.DeleteFunc(server.Requests(), func(request modelserver.Request) bool { return request.Method != http.MethodGet })
		require.NotEmpty(t, requests)
		for _, request := range requests {
			assert.Equal(t, want, request.URI)
		}
	}
}

func assertHasNone(t testing.TB, request modelserver.Request, names ...string) {
	t.Helper()
	for _, name := range names {
		assert.Empty(t, request.Header.Values(name), "%s arrived", name)
	}
}

// TestStreamsArriveTokenByToken would catch a gateway, or its plugin, that holds a streamed answer back.
func TestStreamsArriveTokenByToken(t *testing.T) {
	server := harness.Serve(t, modelserver.Options{
		Name: "slow", Address: ":8000", BasePath: "/v1", Keys: []string{key},
		Reply: "one two three four five", TokenDelay: 200 * time.Millisecond,
	})
	s := harness.NewStack(t, "streams")
	s.SetSecret(t, "key", key)
	urls := s.MustUp(t, yaml("streams",
		modelEndpoint("slow", fmt.Sprintf("url: 'http://%s/v1', apiKey: '${key}'", server.Address()))+modelService(t, "chat", "", "slow=1"),
		"  url: ${chat.url}"))

	body := strings.NewReader(`{"model":"m","stream":true,"messages":[{"role":"user","content":"count"}]}`)
	response, err := http.Post(urls["url"].(string)+"/chat/completions", "application/json", body)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	var seenWhenSent []int64
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "data: {") {
			seenWhenSent = append(seenWhenSent, server.Tokens())
		}
	}
	require.NoError(t, lines.Err())
	require.GreaterOrEqual(t, len(seenWhenSent), 5)
	assert.LessOrEqual(t, seenWhenSent[0], int64(2), "the first token came only after others had been sent")
	assert.Less(t, seenWhenSent[2], server.Tokens())
}

func get(t testing.TB, url string) *http.Response {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	return response
}

// hostOf is the host of a URL that was made from an address.
func hostOf(url string) string {
	authority, _, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	if host, _, err := net.SplitHostPort(authority); err == nil {
		return host
	}
	return authority
}
