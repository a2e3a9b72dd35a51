package gateway

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
)

// TestProxiesThatCannotBeTrustedAreRefused would catch a gateway that believes every client, and one that believes nobody although its load
// balancer says who its clients are.
func TestProxiesThatCannotBeTrustedAreRefused(t *testing.T) {
	for want, change := range map[string]func(*Args){
		"trustedProxies[1]: is not a range of IP addresses; write its first address and its length, such as 10.0.0.0/8": func(a *Args) {
			a.TrustedProxies = []string{"10.0.0.0/8", "10.0.0.1"}
		},
		"trustedProxies[0]: has every address in it, so any client could say that it is another; write the addresses of the proxies": func(a *Args) {
			a.TrustedProxies = []string{"::/0"}
		},
		"proxyProtocol: is true, but trustedProxies names nobody who may use it; write the IP ranges of the load balancer there": func(a *Args) {
			a.ProxyProtocol = true
		},
		"service.externalTrafficPolicy: is given for a Service of the type ClusterIP, which nobody outside of the cluster reaches; leave it out": func(a *Args) {
			a.Service = &Service{Type: ptr.To(ClusterIP), ExternalTrafficPolicy: ptr.To(ToLocal)}
		},
	} {
		a := defaults()
		change(&a)
		faults := check("gw", a)
		assert.EqualError(t, faults.Err(), want)
	}
}

// TestProxiesReachTraefikAndServices would catch an entry point that believes others than the plugin does.
func TestProxiesReachTraefikAndServices(t *testing.T) {
	ranges := []string{"10.0.0.0/8", "2001:db8::/32"}
	trusted := map[string]any{"trustedIPs": []any{"10.0.0.0/8", "2001:db8::/32"}}
	for _, proxyProtocol := range []bool{false, true} {
		a := defaults()
		a.TrustedProxies, a.ProxyProtocol = ranges, proxyProtocol
		a.Service = &Service{ExternalTrafficPolicy: ptr.To(ToLocal)}
		p := planned(t, a)
		values := chart.Values(p.settings)
		web := values["ports"].(map[string]any)["web"].(map[string]any)
		assert.Equal(t, trusted, web["forwardedHeaders"])
		if proxyProtocol {
			assert.Equal(t, trusted, web["proxyProtocol"])
		} else {
			assert.NotContains(t, web, "proxyProtocol")
		}
		assert.Equal(t, 8000, web["port"], "what else the entry point has")
		spec := values["service"].(map[string]any)["spec"].(map[string]any)
		assert.Equal(t, map[string]any{"type": "LoadBalancer", "externalTrafficPolicy": "Local"}, spec)
	}
	web := chart.Values(planned(t, defaults()).settings)["ports"].(map[string]any)["web"].(map[string]any)
	require.NotContains(t, web, "forwardedHeaders")
}
