package service

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/endpoint"
	"github.com/modelplane/pulumi-modelplane/provider/gateway"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
)

// chat is a service in the namespace apps with these backends.
func chat(backends ...Backend) Args {
	return Args{
		Routing: Routing{
			Gateway:  gateway.Reference{Name: "gw", Namespace: "modelplane-gw", Listener: gateway.Listener, URL: "http://203.0.113.7", PluginVersion: "1"},
			Backends: backends,
		},
		Identity: meta.Identity{Name: "chat", Namespace: "apps"},
	}
}

func decided(a Args) (plan, fault.List) { return decide(a.Identity, a.Routing, a.Choice, a.Policy) }

func one(namespace, name string) *endpoint.BackendReference {
	return &endpoint.BackendReference{Name: name, ServiceName: name + "-0fbc81a4", Namespace: namespace, Port: 8000, BasePath: "/v1"}
}

func several(namespace string, names ...string) []endpoint.BackendReference {
	var references []endpoint.BackendReference
	for _, name := range names {
		references = append(references, *one(namespace, name))
	}
	return references
}

// TestTheURLInsideTheClusterLeadsToTheService would catch a URL that the gateway answers with 404 because the service answers to
// other host names, and one that is not a URL.
func TestTheURLInsideTheClusterLeadsToTheService(t *testing.T) {
	const inside = "http://gw.modelplane-gw.svc:8080"
	for _, c := range []struct {
		gateway   string
		hostnames []string
		url       string
	}{
		{"", nil, ""},
		{inside, nil, inside + "/apps/chat/v1"},
		{inside + "/", nil, inside + "/apps/chat/v1"},
		{inside, []string{"chat.example.com"}, ""},
		{inside, []string{"chat.example.com", "gw.modelplane-gw.svc"}, inside + "/apps/chat/v1"},
	} {
		a := chat(Backend{Endpoint: one("apps", "local"), Weight: 1})
		a.Gateway.ClusterURL, a.Hostnames = c.gateway, c.hostnames
		p, faults := decided(a)
		require.Empty(t, faults, "%+v", c)
		assert.Equal(t, c.url, p.ClusterURL, "%+v", c)
	}
	a := chat(Backend{Endpoint: one("apps", "local"), Weight: 1})
	a.Gateway.ClusterURL = "gw.modelplane-gw.svc"
	_, faults := decided(a)
	assert.ErrorContains(t, faults.Err(), "gateway.clusterUrl: is not the URL of a listener")
}

// TestTwoServicesOfAProgramDoNotShareAPath would catch two services of which one loses its requests to the other, and services
// refused that never meet.
func TestTwoServicesOfAProgramDoNotShareAPath(t *testing.T) {
	claims := func(change func(*Args)) []string {
		a := chat(Backend{Endpoint: one("apps", "local"), Weight: 1})
		a.Gateway.AllowAnyPath, a.Path = true, ptr.To("/v1")
		change(&a)
		p, faults := decided(a)
		require.Empty(t, faults)
		return p.Claims(p.gateway)
	}
	first := claims(func(*Args) {})
	assert.Equal(t, first, claims(func(a *Args) { a.Name, a.Namespace, a.Backends[0].Endpoint.Namespace = "other", "models", "models" }))
	for name, change := range map[string]func(*Args){
		"path":      func(a *Args) { a.Path = ptr.To("/v2") },
		"gateway":   func(a *Args) { a.Gateway.Name = "edge" },
		"listener":  func(a *Args) { a.Gateway.Listener = "https" },
		"host name": func(a *Args) { a.Hostnames = []string{"chat.example.com"} },
	} {
		assert.NotEqual(t, first, claims(change), name)
	}
}

// TestTheURLLeadsToTheService would catch a URL that a client cannot use: a wildcard as its host, a listener's port that a
// host name loses, an IPv6 address without brackets, a path that is not the route's.
func TestTheURLLeadsToTheService(t *testing.T) {
	for _, c := range []struct {
		gateway   string
		hostnames []string
		path      *string
		url       string
	}{
		{gateway: "http://203.0.113.7", url: "http://203.0.113.7/apps/chat/v1"},
		{gateway: "http://203.0.113.7/", url: "http://203.0.113.7/apps/chat/v1"},
		{gateway: "http://203.0.113.7:8080", url: "http://203.0.113.7:8080/apps/chat/v1"},
		{gateway: "http://[2001:db8::7]", url: "http://[2001:db8::7]/apps/chat/v1"},
		{gateway: "https://[2001:db8::7]:8443", url: "https://[2001:db8::7]:8443/apps/chat/v1"},
		{gateway: "http://localhost:8080", url: "http://localhost:8080/apps/chat/v1"},
		{gateway: "http://203.0.113.7", hostnames: []string{"Chat.Example.com."}, url: "http://chat.example.com/apps/chat/v1"},
		{gateway: "http://[2001:db8::7]:8080", hostnames: []string{"a.example", "b.example"}, url: "http://a.example:8080/apps/chat/v1"},
		{gateway: "http://203.0.113.7:8080", hostnames: []string{"*.example.com", "chat.example.com"}, url: "http://chat.example.com:8080/apps/chat/v1"},
		{gateway: "http://203.0.113.7", path: ptr.To("/apps/openai/v1/"), url: "http://203.0.113.7/apps/openai/v1"},
		{gateway: "http://203.0.113.7", path: ptr.To(""), url: "http://203.0.113.7"},
		{gateway: "http://203.0.113.7", path: ptr.To("/"), url: "http://203.0.113.7"},
	} {
		a := chat(Backend{Endpoint: one("apps", "local"), Weight: 1})
		a.Gateway.URL, a.Gateway.AllowAnyPath, a.Hostnames, a.Path = c.gateway, true, c.hostnames, c.path
		p, faults := decide(a.Identity, a.Routing, a.Choice, a.Policy)
		require.Empty(t, faults, c.url)
		assert.Equal(t, c.url, p.URL)
	}
}

// TestTheGatewaysURLIsThatOfAListener would catch a URL that no client's URL can be made from.
func TestTheGatewaysURLIsThatOfAListener(t *testing.T) {
	for _, text := range []string{
		"", "203.0.113.7", "//203.0.113.7", "http://", "http://:8080", "ftp://203.0.113.7", "http://203.0.113.7/v1", "http://203.0.113.7?",
		"http://203.0.113.7?a=b", "http://203.0.113.7#a", "http://user@203.0.113.7", "http://2001:db8::7", "http://203.0.113.7:http",
	} {
		a := chat(Backend{Endpoint: one("apps", "local"), Weight: 1})
		a.Gateway.URL = text
		_, faults := decide(a.Identity, a.Routing, a.Choice, a.Policy)
		if assert.Len(t, faults, 1, text) {
			assert.Equal(t, "gateway.url", faults[0].Path)
		}
	}
}

// TestSharesAreWhatTheRouteGives would catch a share that is not its weight's part of all weights, or that is under
// another endpoint's name than the weight in the route.
func TestSharesAreWhatTheRouteGives(t *testing.T) {
	for name, c := range map[string]struct {
		backends []Backend
		shares   []Share
	}{
		"one": {
			[]Backend{{Endpoint: one("apps", "a"), Weight: 7}},
			[]Share{{"a", 1, 1}},
		},
		"80 and 20, however many endpoints share the 80": {
			[]Backend{{Endpoints: several("apps", "a", "b", "c", "d"), Weight: 80}, {Endpoint: one("apps", "e"), Weight: 20}},
			[]Share{{"a", 1, 0.2}, {"b", 1, 0.2}, {"c", 1, 0.2}, {"d", 1, 0.2}, {"e", 1, 0.2}},
		},
		"all and nothing": {
			[]Backend{{Endpoint: one("apps", "a"), Weight: 0}, {Endpoints: several("apps", "b"), Weight: 1}},
			[]Share{{"a", 0, 0}, {"b", 1, 1}},
		},
		"an endpoint twice": {
			[]Backend{{Endpoint: one("apps", "a"), Weight: 3}, {Endpoint: one("apps", "a"), Weight: 1}},
			[]Share{{"a", 3, 0.75}, {"a", 1, 0.25}},
		},
	} {
		p, faults := decided(chat(c.backends...))
		require.Empty(t, faults, name)
		require.Len(t, p.route.Rules[0].BackendRefs, len(c.shares), name)
		for i, want := range c.shares {
			ref := p.route.Rules[0].BackendRefs[i]
			assert.Equal(t, want.Endpoint+"-0fbc81a4", string(ref.Name), name)
			assert.Equal(t, want.Endpoint, p.shares[i].Endpoint, name)
			assert.Equal(t, int(*ref.Weight), p.shares[i].Weight, name)
			assert.InDelta(t, want.Share, p.shares[i].Share, 1e-9, name)
		}
	}
}

// TestSharesAreThoseOfTheFirstPriorityThatHasAny would catch shares that are no numbers, which Pulumi cannot keep, where all of the first priority are
// taken out, and figures without what the next priority is to get.
func TestSharesAreThoseOfTheFirstPriorityThatHasAny(t *testing.T) {
	a := chat(Backend{Endpoint: one("apps", "own"), Weight: 0}, Backend{Endpoint: one("apps", "saas"), Weight: 3, Priority: 1},
		Backend{Endpoint: one("apps", "last"), Weight: 1, Priority: 2})
	a.Gateway.Inner = "gw-inner"
	p, faults := decided(a)
	require.Empty(t, faults)
	assert.Equal(t, []Share{{"own", 0, 0}, {"saas", 3, 1}, {"last", 1, 0}}, p.shares)
}

// TestGrantsNameTheRoutesServicesAndNoOthers would catch a Service that the route may not use, one that it need not use, and
// an order that changes from run to run, with which each `pulumi up` would replace the grants.
func TestGrantsNameTheRoutesServicesAndNoOthers(t *testing.T) {
	for range 20 {
		p, faults := decided(chat(
			Backend{Endpoints: several("models", "c", "a", "c"), Weight: 1},
			Backend{Endpoint: one("apps", "here"), Weight: 1},
			Backend{Endpoint: one("egress", "z"), Weight: 0},
			Backend{Endpoint: one("models", "b"), Weight: 1},
			Backend{Endpoint: one("models", "a"), Weight: 1},
		))
		require.Empty(t, faults)
		named := map[string][]string{}
		var namespaces []string
		for _, g := range p.grants {
			namespaces = append(namespaces, g.namespace)
			require.Len(t, g.spec.From, 1)
			assert.Equal(t, "gateway.networking.k8s.io HTTPRoute apps", string(g.spec.From[0].Group)+" "+string(g.spec.From[0].Kind)+" "+string(g.spec.From[0].Namespace))
			for _, to := range g.spec.To {
				assert.Equal(t, " Service", string(to.Group)+" "+string(to.Kind))
				named[g.namespace] = append(named[g.namespace], string(*to.Name))
			}
		}
		assert.Equal(t, []string{"egress", "models"}, namespaces)
		assert.Equal(t, map[string][]string{"egress": {"z-0fbc81a4"}, "models": {"a-0fbc81a4", "b-0fbc81a4", "c-0fbc81a4"}}, named)
	}
}

// TestAReferenceByHandIsReadAsAnEndpointsInputsAre would catch a Host header or a base path that an endpoint would have put
// into the form that routes take, and that a reference carries there as it was written.
func TestAReferenceByHandIsReadAsAnEndpointsInputsAre(t *testing.T) {
	reference := one("apps", "local")
	reference.HostHeader, reference.BasePath = ptr.To("API.Example.com."), "/openai/v1/"
	p, faults := decided(chat(Backend{Endpoint: reference, Weight: 1}))
	require.Empty(t, faults)
	filters := p.route.Rules[0].BackendRefs[0].Filters
	rewrite := filters[len(filters)-1].URLRewrite
	assert.Equal(t, "api.example.com", string(*rewrite.Hostname))
	assert.Equal(t, "/openai/v1", *rewrite.Path.ReplacePrefixMatch)
}

// TestAPathOutsideOfItsNamespaceNeedsTheGatewaysLeave would catch a service that takes another team's path, and one refused
// that stays in its own namespace.
func TestAPathOutsideOfItsNamespaceNeedsTheGatewaysLeave(t *testing.T) {
	for path, own := range map[string]bool{
		"/apps/chat/v1": true, "/apps/v1": true, "/apps": false, "/appsx/v1": false, "/team/chat/v1": false, "/": false, "": false,
	} {
		a := chat(Backend{Endpoint: one("apps", "local"), Weight: 1})
		a.Path = &path
		_, faults := decided(a)
		assert.Equal(t, own, len(faults) == 0, "%q: %v", path, faults)
		a.Gateway.AllowAnyPath = true
		_, faults = decided(a)
		assert.Empty(t, faults, path)
	}
}

// TestAKeyThatStrangersCanUseIsWarnedOf would catch an owner's money spent by anyone without a word, and a warning where the
// gateway is internal, no key is sent, or it is meant.
func TestAKeyThatStrangersCanUseIsWarnedOf(t *testing.T) {
	for _, c := range []struct{ keyed, public, meant, warned bool }{
		{keyed: true, public: true, warned: true},
		{keyed: true, public: true, meant: true},
		{keyed: true},
		{public: true},
	} {
		endpoint := one("apps", "local")
		endpoint.Keyed, endpoint.Middleware = c.keyed, ptr.To("local-0fbc81a4")
		a := chat(Backend{Endpoint: endpoint, Weight: 1})
		a.Gateway.Public, a.AllowAnonymous = c.public, c.meant
		p, faults := decided(a)
		require.Empty(t, faults)
		assert.Equal(t, c.warned, len(p.warnings) > 0, "%+v", c)

		a.Gateway.Inner, a.Backends[0].Endpoint, a.Mirror = "gw-inner", one("apps", "own"), &Mirror{Endpoint: *endpoint, Percent: 1}
		p, faults = decided(a)
		require.Empty(t, faults)
		assert.Equal(t, c.warned, len(p.warnings) > 0, "as a mirror: %+v", c)
	}
}

// TestALongLimitThatIsForgottenIsWarnedOf would catch tokens of a day that begin anew with a replica without a word, and a warning where none is forgotten.
func TestALongLimitThatIsForgottenIsWarnedOf(t *testing.T) {
	for _, c := range []struct {
		seconds        int
		shared, warned bool
	}{{86_400, false, true}, {3_601, false, true}, {3_600, false, false}, {86_400, true, false}} {
		a := chat(Backend{Weight: 1, Endpoint: one("apps", "own")})
		a.Gateway.SharedLimits, a.Limits = c.shared, &Limits{Tokens: []TokenLimit{{Tokens: 1, Seconds: c.seconds}}}
		p, faults := decided(a)
		require.Empty(t, faults)
		assert.Equal(t, c.warned, len(p.warnings) > 0, "%+v", c)
	}
}

// TestAGatewayWrittenByHandTrustsProxiesAlone would catch ranges by which a client could pass for another.
func TestAGatewayWrittenByHandTrustsProxiesAlone(t *testing.T) {
	a := chat(Backend{Weight: 1, Endpoint: one("apps", "own")})
	a.Gateway.TrustedProxies = []string{"10.0.0.0/8", "2001:db8::/32"}
	_, faults := decided(a)
	require.Empty(t, faults)
	a.Gateway.TrustedProxies = []string{"10.0.0.0/8", "0.0.0.0/0"}
	_, faults = decided(a)
	assert.ErrorContains(t, faults.Err(), "gateway.trustedProxies[1]: has every address in it")
}
