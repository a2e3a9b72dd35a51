package endpoint

import (
	"cmp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"github.com/modelplane/pulumi-modelplane/provider/internal/apitest"
	"github.com/modelplane/pulumi-modelplane/provider/internal/object"
)

// TestTheAPIServerTakesEveryAcceptedEndpoint would catch arguments that pass the check but make an object that the API
// server refuses, halfway through an update.
func TestTheAPIServerTakesEveryAcceptedEndpoint(t *testing.T) {
	server := apitest.Here(t)
	rapid.Check(t, func(t *rapid.T) {
		s := samples.Draw(t, "endpoint")
		takes(t, server, s.arguments())
	})
}

// TestTheAPIServerTakesEveryAcceptedURL would catch a URL of an unusual form that the check lets through: each is an
// accepted one with some characters in the place of others, and most are refused.
func TestTheAPIServerTakesEveryAcceptedURL(t *testing.T) {
	server := apitest.Here(t)
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		for _, url := range rapid.SliceOfN(edited, 20, 20).Draw(t, "urls") {
			a := Args{URL: url, Protocol: ptr.To(HTTP1), Namespace: "default"}
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

// TestTheAPIServerRefusesWhatItShould would catch a server that judges without the rules of the
// definitions, with which the tests above would be idle.
func TestTheAPIServerRefusesWhatItShould(t *testing.T) {
	server := apitest.Here(t)
	for want, spoil := range map[string]func(service, slice, policy map[string]any){
		"may not be in the loopback range": func(_, slice, _ map[string]any) {
			slice["endpoints"] = []discoveryv1.Endpoint{{Addresses: []string{"127.0.0.1"}}}
		},
		"spec.ports: Required value":  func(service, _, _ map[string]any) { service["spec"] = map[string]any{"type": "LoadBalancer"} },
		`unknown field "spec.target"`: func(_, _, policy map[string]any) { policy["spec"] = map[string]any{"target": "endpoint"} },
		"must specify either CACertificateRefs or WellKnownCACertificates": func(_, _, policy map[string]any) {
			spec := tlsPlan{serverName: "a.example"}.policySpec("endpoint", "")
			spec.Validation.WellKnownCACertificates = nil
			policy["spec"] = spec
		},
		"must be no more than 63 characte": func(service, _, _ map[string]any) {
			service["metadata"].(map[string]any)["name"] = strings.Repeat("a", 64)
		},
	} {
		made := objects(t, Args{URL: "https://10.0.0.7", Protocol: ptr.To(HTTP1), Namespace: "default", TLS: &TLS{ServerName: ptr.To("a.example")}})
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
	name := cmp.Or(a.Name, "endpoint")
	p, faults := decide(a, a.APIKey != nil || a.APIKeySecretRef != nil)
	require.Empty(t, faults)
	named := name + "-0fbc81a4"
	content := func(kind object.Kind, own map[string]string) map[string]any {
		labels := object.Labels(Kind, name, a.Labels)
		for key, value := range own {
			labels[key] = value
		}
		annotations := map[string]string{object.WayAnnotation: p.way()}
		for key, value := range a.Annotations {
			annotations[key] = value
		}
		return map[string]any{"apiVersion": kind.APIVersion, "kind": kind.Name, "metadata": map[string]any{
			"name": named, "namespace": a.Namespace, "labels": labels, "annotations": annotations,
		}}
	}
	service := content(object.Service, nil)
	service["spec"] = p.serviceSpec()
	slice := content(object.EndpointSlice, map[string]string{discoveryv1.LabelServiceName: named, discoveryv1.LabelManagedBy: object.ManagedBy})
	slice["addressType"], slice["endpoints"], slice["ports"] = p.target.Family, p.sliceEndpoints(), p.slicePorts()
	all := []map[string]any{service, slice}
	if p.tls != nil {
		policy := content(object.BackendTLSPolicy, nil)
		policy["spec"] = p.tls.policySpec(named, named)
		all = append(all, policy)
	}
	if p.keyed {
		middleware := content(object.Middleware, nil)
		middleware["spec"] = p.middlewareSpec(named)
		all = append(all, middleware)
	}
	return all
}
