package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/load"
	"github.com/modelplane/pulumi-modelplane/tests/localplane"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// service is a program of these endpoints, by name, and one service over backends.
func service(t testing.TB, name string, endpoints map[string]string, backends ...string) string {
	t.Helper()
	resources := modelService(t, name, "", backends...)
	for endpoint, properties := range endpoints {
		resources += modelEndpoint(endpoint, properties)
	}
	return yaml(name, resources, fmt.Sprintf("  url: ${%s.url}", name))
}

// underLoad changes a stack while requests are sent, none of which may fail, and gives what the load saw.
func underLoad(t testing.TB, url string, change func()) load.Report {
	t.Helper()
	run := load.Start(context.Background(), load.Config{URL: url, RatePerSecond: 200, MaxRequests: 60_000})
	settle := func() { require.NoError(t, run.WaitFor(t.Context(), 100)) }
	settle()
	change()
	settle()
	report := run.Stop()
	require.NoError(t, report.Err())
	return report
}

func mustUp(t testing.TB, s *stack.Stack, program string) stack.Result {
	t.Helper()
	s.Write(t, program)
	result := s.Up()
	require.NoError(t, result.Err, result.Output)
	return result
}

// TestReweightingUnderLoadDropsNothing would catch a change of weights that loses requests, or that replaces anything.
func TestReweightingUnderLoadDropsNothing(t *testing.T) {
	endpoints := map[string]string{}
	for _, name := range []string{"a", "b"} {
		server := harness.Serve(t, modelserver.Options{Name: name, Address: ":8000", BasePath: "/v1"})
		endpoints[name] = fmt.Sprintf("url: 'http://%s/v1'", server.Address())
	}
	s := harness.NewStack(t, "reweight")
	url := s.MustUp(t, service(t, "reweight", endpoints, "a=1", "b=0"))["url"].(string)

	underLoad(t, url, func() {
		for _, weight := range []int{1, 5, 100} {
			changes := mustUp(t, s, service(t, "reweight", endpoints, "a=1", fmt.Sprintf("b=%d", weight))).Changes
			assert.Equal(t, 1, changes["update"])
			assert.Zero(t, changes["replace"]+changes["create"]+changes["delete"])
		}
		mustUp(t, s, service(t, "reweight", endpoints, "a=0", "b=1"))
	})
	counts, failures := load.Split(context.Background(), url, 50)
	assert.Empty(t, failures)
	assert.Equal(t, map[string]int{"b": 50}, counts)
}

// TestAnotherAddressAndPathUnderLoadDropNothing would catch a change of address family, host and path together that is seen half
// done: a request that fails, or takes the new path to the old address. One that the traffic never sees would be caught, too.
func TestAnotherAddressAndPathUnderLoadDropNothing(t *testing.T) {
	old := harness.Serve(t, modelserver.Options{Name: "old", Address: ":8000", BasePath: "/v1"})
	serveAs(t, modelserver.Options{Name: "new", Address: ":9000", BasePath: "/openai/v1"}, "new.path.test")
	s := harness.NewStack(t, "path")
	before := service(t, "path", map[string]string{"only": fmt.Sprintf("url: 'http://%s/v1'", old.Address())}, "only=1")
	after := service(t, "path", map[string]string{"only": "url: 'http://new.path.test:9000/openai/v1'"}, "only=1")
	url := s.MustUp(t, before)["url"].(string)

	for _, program := range []string{after, before, after} {
		report := underLoad(t, url, func() { mustUp(t, s, program) })
		arrived := map[string]int{}
		for at, count := range report.ByWay {
			arrived[at.Backend] += count
			switch at.Backend {
			case "old":
				assert.Equal(t, "/v1/chat/completions", at.Path)
			case "new":
				assert.Equal(t, "/openai/v1/chat/completions", at.Path)
				assert.Equal(t, "new.path.test", at.Host)
			}
		}
		assert.Positive(t, arrived["old"], "requests before or after the change")
		assert.Positive(t, arrived["new"], "requests before or after the change")
	}
}

// TestOtherProtocolsUnderLoadDropNothing would catch a change to TLS, to HTTP/2 without TLS or of the Host header alone that is
// seen half done.
func TestOtherProtocolsUnderLoadDropNothing(t *testing.T) {
	plain := harness.Serve(t, modelserver.Options{Name: "plain", Address: ":8000", BasePath: "/v1"})
	address := harness.FreeAddress(t, localplane.Free4)
	tls := harness.Serve(t, modelserver.Options{
		Name: "tls", Address: address.String() + ":8443", BasePath: "/v1", Certificate: harness.CertificateOf(t, "tls.protocol.test", address),
	})
	h2c := harness.Serve(t, modelserver.Options{Name: "h2c", Address: ":8000", BasePath: "/v1", Protocol: modelserver.H2COnly})
	s := harness.NewStack(t, "protocol")
	at := func(properties string) string {
		return service(t, "protocol", map[string]string{"only": properties}, "only=1")
	}
	url := s.MustUp(t, at(fmt.Sprintf("url: 'http://%s/v1'", plain.Address())))["url"].(string)

	for _, c := range []struct{ properties, backend, host string }{
		{fmt.Sprintf("url: 'https://%s/v1', tls: {serverName: tls.protocol.test}, hostHeader: tls.protocol.test", tls.Address()), "tls", "tls.protocol.test"},
		{fmt.Sprintf("url: 'http://%s/v1', protocol: h2c, hostHeader: h2c.protocol.test", h2c.Address()), "h2c", "h2c.protocol.test"},
		{fmt.Sprintf("url: 'http://%s/v1', protocol: h2c, hostHeader: other.protocol.test", h2c.Address()), "h2c", "other.protocol.test"},
	} {
		report := underLoad(t, url, func() { mustUp(t, s, at(c.properties)) })
		arrived := 0
		for at, count := range report.ByWay {
			if at.Backend == c.backend && at.Host == c.host {
				arrived += count
			}
		}
		assert.Positive(t, arrived, "requests after the change to %s", c.properties)
	}
}

// TestNewAddressesAloneAreAnUpdateInPlace would catch objects that are replaced when a server merely moves.
func TestNewAddressesAloneAreAnUpdateInPlace(t *testing.T) {
	first := harness.Serve(t, modelserver.Options{Name: "first", Address: ":8000", BasePath: "/v1"})
	second := harness.Serve(t, modelserver.Options{Name: "second", Address: ":8000", BasePath: "/v1"})
	s := harness.NewStack(t, "move")
	at := func(urls string) string {
		return service(t, "move", map[string]string{"only": "urls: [" + urls + "]"}, "only=1")
	}
	one, two := fmt.Sprintf("'http://%s/v1'", first.Address()), fmt.Sprintf("'http://%s/v1'", second.Address())
	url := s.MustUp(t, at(one))["url"].(string)

	underLoad(t, url, func() {
		for _, urls := range []string{one + ", " + two, two} {
			changes := mustUp(t, s, at(urls)).Changes
			assert.Equal(t, 1, changes["update"])
			assert.Zero(t, changes["replace"]+changes["create"]+changes["delete"])
		}
	})
	counts, _ := load.Split(context.Background(), url, 20)
	assert.Equal(t, map[string]int{"second": 20}, counts)
}

// TestAFailedChangeTakenBackUnderLoadDropsNothing would catch names that come back: A, then B that fails half way, then A
// again, whose objects the pending deletion of the first A would take away.
func TestAFailedChangeTakenBackUnderLoadDropsNothing(t *testing.T) {
	server := harness.Serve(t, modelserver.Options{Name: "a", Address: ":8000", BasePath: "/v1"})
	other := harness.Serve(t, modelserver.Options{Name: "b", Address: ":9000", BasePath: "/openai/v1"})
	s := harness.NewStack(t, "back")
	good := service(t, "back", map[string]string{"only": fmt.Sprintf("url: 'http://%s/v1'", server.Address())}, "only=1")
	bad := service(t, "back", map[string]string{
		"only":    fmt.Sprintf("url: 'http://%s/openai/v1'", other.Address()),
		"nowhere": fmt.Sprintf("url: 'http://%s/v1', namespace: does-not-exist", server.Address()),
	}, "only=1", "nowhere=1")
	url := s.MustUp(t, good)["url"].(string)

	report := underLoad(t, url, func() {
		s.Write(t, bad)
		result := s.Up()
		require.Error(t, result.Err)
		assert.Contains(t, result.Output, "does-not-exist")
		mustUp(t, s, good)
		assert.Zero(t, mustUp(t, s, good).Changes["update"])
	})
	assert.Equal(t, map[string]int{"a": report.Total}, report.ByBackend, "the change that failed had reached the traffic")
}

// TestAddingAndRemovingABackendUnderLoadDropsNothing would catch a route that names a Service before it is there or after
// it has gone.
func TestAddingAndRemovingABackendUnderLoadDropsNothing(t *testing.T) {
	a := harness.Serve(t, modelserver.Options{Name: "a", Address: ":8000", BasePath: "/v1"})
	b := harness.Serve(t, modelserver.Options{Name: "b", Address: ":8000", BasePath: "/openai/v1"})
	s := harness.NewStack(t, "members")
	only := map[string]string{"a": fmt.Sprintf("url: 'http://%s/v1'", a.Address())}
	both := map[string]string{"a": only["a"], "b": fmt.Sprintf("url: 'http://%s/openai/v1', hostHeader: b.names.test", b.Address())}
	url := s.MustUp(t, service(t, "members", only, "a=1"))["url"].(string)

	report := underLoad(t, url, func() {
		for range 2 {
			mustUp(t, s, service(t, "members", both, "a=1", "b=1"))
			mustUp(t, s, service(t, "members", only, "a=1"))
		}
	})
	assert.Positive(t, report.ByBackend["b"])
}

// TestKeysComeGoAndRotateUnderLoadWithoutALostRequest would catch a key that is gone for a moment, and a route that names a
// Middleware which Traefik has not read: every backend of the rule then answers 404. Other Middlewares change right before,
// so that Traefik's throttle is running.
func TestKeysComeGoAndRotateUnderLoadWithoutALostRequest(t *testing.T) {
	server := harness.Serve(t, modelserver.Options{Name: "keyed", Address: ":8000", BasePath: "/v1"})
	other := harness.Serve(t, modelserver.Options{Name: "other", Address: ":8000", BasePath: "/v1"})
	program := func(keyed bool, header string) string {
		properties := fmt.Sprintf("url: 'http://%s/v1'", server.Address())
		if keyed {
			properties += ", apiKey: '${key}'"
		}
		return service(t, "rotate", map[string]string{
			"keyed": properties,
			"other": fmt.Sprintf("url: 'http://%s/v1', apiKey: '${key}', apiKeyHeader: %s", other.Address(), header),
		}, "keyed=1", "other=1")
	}
	s := harness.NewStack(t, "rotate")
	s.SetSecret(t, "key", "key-0")
	url := s.MustUp(t, program(false, "x-key-0"))["url"].(string)

	underLoad(t, url, func() {
		for i := 1; i <= 3; i++ {
			mustUp(t, s, program(true, fmt.Sprintf("x-key-%d", i)))
			s.SetSecret(t, "key", fmt.Sprintf("key-%d", i))
			changes := mustUp(t, s, program(true, fmt.Sprintf("x-key-%d", i))).Changes
			assert.Equal(t, map[string]int{"update": 1, "replace": 8}, map[string]int{
				"update": changes["update"], "replace": changes["replace"],
			}, "a new key replaces both endpoints' objects and updates the route")
			require.Eventually(t, func() bool {
				requests := server.Requests()
				return requests[len(requests)-1].Header.Get("Authorization") == fmt.Sprintf("Bearer key-%d", i)
			}, 2*time.Second, 50*time.Millisecond, "the new key is not in use")
			mustUp(t, s, program(false, fmt.Sprintf("x-key-%d", i)))
		}
	})
}

// TestAKeyReachesNoOtherServer would catch an endpoint that moves to another server with another key, in one update, and sends one
// of the keys to the wrong server in between.
func TestAKeyReachesNoOtherServer(t *testing.T) {
	servers := map[string]*modelserver.Server{}
	for _, name := range []string{"first", "second"} {
		servers[name] = harness.Serve(t, modelserver.Options{Name: name, Address: ":8000", BasePath: "/v1", Keys: []string{"key-of-" + name}})
	}
	s := harness.NewStack(t, "moved")
	at := func(name string) string {
		s.SetSecret(t, "key", "key-of-"+name)
		return service(t, "moved", map[string]string{"only": fmt.Sprintf("url: 'http://%s/v1', apiKey: '${key}'", servers[name].Address())}, "only=1")
	}
	url := s.MustUp(t, at("first"))["url"].(string)
	underLoad(t, url, func() {
		for _, name := range []string{"second", "first", "second"} {
			mustUp(t, s, at(name))
		}
	})
	for name, server := range servers {
		require.NotEmpty(t, server.Requests(), name)
		for _, request := range server.Requests() {
			require.Equal(t, "Bearer key-of-"+name, request.Header.Get("Authorization"), "at the server "+name)
		}
	}
}

// TestABadUpdateWaitsAndFails would catch a route that pulumi up calls good although the gateway has refused it, or that is
// satisfied by the status of the spec before.
func TestABadUpdateWaitsAndFails(t *testing.T) {
	server := harness.Serve(t, modelserver.Options{Name: "a", Address: ":8000", BasePath: "/v1"})
	s := harness.NewStack(t, "refused")
	endpoints := map[string]string{"a": fmt.Sprintf("url: 'http://%s/v1'", server.Address())}
	s.MustUp(t, service(t, "refused", endpoints, "a=1"))

	missing := "{name: gone, serviceName: gone, namespace: default, port: 8000, basePath: /v1}"
	s.Write(t, yaml("refused", modelEndpoint("a", endpoints["a"])+fmt.Sprintf(
		"  refused: {type: 'modelplane:ModelService', options: {customTimeouts: {update: 5s}}, properties: {gateway: %s, "+
			"backends: [{endpoint: '${a.backend}'}, {endpoint: %s}]}}\n", sharedGateway(t), missing), "  url: ${refused.url}"))
	started := time.Now()
	result := s.Up()
	require.Error(t, result.Err)
	assert.Greater(t, time.Since(started), 5*time.Second)
	assert.Less(t, time.Since(started), time.Minute)
	assert.Contains(t, result.Output, "BackendNotFound", "the controller's reason is not told")
	assert.Contains(t, result.Output, "kubectl describe httproute -n default refused")

	mustUp(t, s, service(t, "refused", endpoints, "a=1"))
}

// TestGrantsLetARouteUseAnotherNamespace would catch a grant that is missing, or that goes before the route has changed.
func TestGrantsLetARouteUseAnotherNamespace(t *testing.T) {
	a := harness.Serve(t, modelserver.Options{Name: "a", Address: ":8000", BasePath: "/v1"})
	b := harness.Serve(t, modelserver.Options{Name: "b", Address: ":8000", BasePath: "/v1"})
	s := harness.NewStack(t, "grants")
	program := func(backends ...string) string {
		resources := "  team: {type: 'kubernetes:core/v1:Namespace', properties: {metadata: {name: team-grants}}}\n" + modelService(t, "grants", "", backends...)
		for name, server := range map[string]*modelserver.Server{"a": a, "b": b} {
			resources += modelEndpoint(name, fmt.Sprintf("url: 'http://%s/v1', namespace: '${team.metadata.name}'", server.Address()))
		}
		return yaml("grants", resources, "  url: ${grants.url}")
	}
	url := s.MustUp(t, program("a=1"))["url"].(string)
	underLoad(t, url, func() {
		mustUp(t, s, program("a=1", "b=1"))
		mustUp(t, s, program("b=1"))
		assert.Zero(t, s.Refresh().Changes["update"])
	})
}
