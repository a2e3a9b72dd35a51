package endpoint

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"github.com/modelplane/pulumi-modelplane/provider/internal/crds"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/tests/apitest"
)

// TestTheAPIServerTakesEveryAcceptedEndpoint would catch arguments that pass the check but make an object that the API
// server refuses, halfway through an update.
func TestTheAPIServerTakesEveryAcceptedEndpoint(t *testing.T) {
	server := apitest.Here(t, crds.Objects())
	rapid.Check(t, func(t *rapid.T) {
		s := samples.Draw(t, "endpoint")
		takes(t, server, s.arguments())
	})
}

// TestTheAPIServerTakesEveryAcceptedURL would catch a URL of an unusual form that the check lets through: each is an
// accepted one with some characters in the place of others, and most are refused.
func TestTheAPIServerTakesEveryAcceptedURL(t *testing.T) {
	server := apitest.Here(t, crds.Objects())
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		for _, url := range rapid.SliceOfN(edited, 20, 20).Draw(t, "urls") {
			a := Args{Server: Server{URL: url}, Identity: meta.Identity{Namespace: "default"}}
			if strings.HasPrefix(strings.ToLower(url), "https") {
				a.TLS = &TLS{ServerName: ptr.To("server.example.com")}
			}
			if len(check("endpoint", a)) == 0 {
				accepted++
				takes(t, server, a)
			}
		}
	})
	require.Greater(t, accepted, 100, "too few URLs were accepted to tell anything")
}

// edited are URLs of which up to two places are written over.
var edited = rapid.Custom(func(t *rapid.T) string {
	url := rapid.SampledFrom(unusual).Draw(t, "url")
	for range rapid.IntRange(0, 2).Draw(t, "edits") {
		from := rapid.IntRange(0, len(url)).Draw(t, "from")
		to := rapid.IntRange(from, min(len(url), from+2)).Draw(t, "to")
		url = url[:from] + rapid.StringMatching(`[-.:/@\[\]%*~_a-zA-Z0-9]{0,2}`).Draw(t, "edit") + url[to:]
	}
	return url
})

// TestTheAPIServerRefusesWhatItShould would catch a server that checks without the rules of the
// CRDs, with which the tests above would be idle.
func TestTheAPIServerRefusesWhatItShould(t *testing.T) {
	server := apitest.Here(t, crds.Objects())
	for want, spoil := range map[string]func(service, slice, policy map[string]any){
		"may not be in the loopback range": func(_, slice, _ map[string]any) {
			slice["endpoints"] = []any{map[string]any{"addresses": []string{"127.0.0.1"}}}
		},
		"spec.ports: Required value":  func(service, _, _ map[string]any) { service["spec"] = map[string]any{"type": "LoadBalancer"} },
		`unknown field "spec.target"`: func(_, _, policy map[string]any) { policy["spec"] = map[string]any{"target": "endpoint"} },
		"must specify either CACertificateRefs or WellKnownCACertificates": func(_, _, policy map[string]any) {
			delete(policy["spec"].(map[string]any)["validation"].(map[string]any), "wellKnownCACertificates")
		},
		"must be no more than 63 characte": func(service, _, _ map[string]any) {
			service["metadata"].(map[string]any)["name"] = strings.Repeat("a", 64)
		},
	} {
		made := objects(t, Args{Server: Server{URL: "https://10.0.0.7", ForwardCaller: true, TLS: &TLS{ServerName: ptr.To("a.example")}}})
		spoil(made[0], made[1], made[2])
		var refusals []string
		for _, content := range made {
			if err := server.Create(t.Context(), content); err != nil {
				refusals = append(refusals, err.Error())
			}
		}
		require.Len(t, refusals, 1, want)
		require.Contains(t, refusals[0], want)
	}
}

// unusual are URLs at the edges of what is accepted.
var unusual = []string{
	"http://10.0.0.7:8000/v1", "https://api.groq.com/openai/v1", "http://[2001:db8::7]:1", "http://a.b/", "http://0.0.0.1",
	"http://255.255.255.254", "http://240.0.0.1", "http://100.64.0.1", "http://[::1.2.3.4]", "http://[64:ff9b::10.0.0.7]",
	"http://[fec0::1]", "http://1.2.3.4.example.com", "http://xn--bcher-kva.example", "http://A.EXAMPLE.", "http://x--y.example:65535",
	"http://10.0.0.7/-._~$&+,;=:@/a", "http://" + strings.Repeat("a", 63) + ".example", "http://10.0.0.7/" + strings.Repeat("p", 1023),
}

func takes(t *rapid.T, server apitest.Server, a Args) {
	for _, content := range objects(t, a) {
		require.NoError(t, server.Create(t.Context(), content), content["kind"])
	}
}

// objects are what the component makes of arguments, under the names that Pulumi would give them.
func objects(t require.TestingT, a Args) []map[string]any {
	var all []map[string]any
	for _, r := range rendered(t, a) {
		all = append(all, r.Object)
	}
	return all
}
