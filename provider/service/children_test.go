package service

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/endpoint"
	"github.com/modelplane/pulumi-modelplane/provider/gateway"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child/childtest"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// TestChildrenAreTheReviewedList would catch any change of what a service is made of that nobody looked at.
func TestChildrenAreTheReviewedList(t *testing.T) {
	childtest.Golden(t, rendered(t, Args{Routing: Routing{
		Gateway: gateway.Reference{Name: "gw", Namespace: "modelplane-gw", Listener: gateway.Listener, URL: "http://203.0.113.7", PluginVersion: "1"},
		Backends: []Backend{
			{Weight: 80, Endpoint: &endpoint.BackendReference{
				Name: "groq", ServiceName: "groq-1", Namespace: meta.DefaultNamespace, Port: 443, BasePath: "/openai/v1",
				HostHeader: ptr.To("api.groq.com"), Middleware: ptr.To("groq-2"), Keyed: true,
			}},
			{Weight: 20, Endpoint: &endpoint.BackendReference{
				Name: "far", ServiceName: "far-1", Namespace: "team", Port: 8000, BasePath: "/v3", Middleware: ptr.To("far-2"),
			}},
		},
		Rules: []Rule{{Headers: map[string]string{"X-Team": "search", "X-Beta": "1"}, Backends: []Backend{
			{Weight: 1, Endpoint: &endpoint.BackendReference{Name: "next", ServiceName: "next-1", Namespace: "beta", Port: 8000, BasePath: "/v1"}},
		}}},
	}}))
}

// rendered is what the component makes of arguments that the check accepts.
func rendered(t require.TestingT, a Args) []child.Rendered {
	identity := a.Or("service", meta.DefaultNamespace)
	in := Inputs{value.Known(a.Routing), value.Known(a.Choice), value.Known(a.Policy), value.Known(a.Await), value.Known(identity), value.Known(a.Metadata)}
	p, faults := decide(identity, a.Routing, a.Choice, a.Policy)
	require.Empty(t, faults)
	list, err := child.Render(Kind, "service", identity, a.Metadata, children("service", in, value.Known(p)))
	require.NoError(t, err)
	return list
}

// TestAllReplicasHaveSeenTheGrantsBeforeARouteNamesTheirServices would catch a replica that answers 500 for a backend since it sees the route before the
// grant, and a route on the inner listener that is waited for before the grant which it needs is made.
func TestAllReplicasHaveSeenTheGrantsBeforeARouteNamesTheirServices(t *testing.T) {
	far := endpoint.BackendReference{Name: "far", ServiceName: "far-1", Namespace: "team", Port: 8000, BasePath: "/v1"}
	for name, choice := range map[string]Choice{"plain": {}, "fronted": {Failover: &Failover{Attempts: 2}}} {
		made := false
		for _, c := range rendered(t, Args{
			Routing: Routing{
				Gateway: gateway.Reference{
					Name: "gw", Namespace: "modelplane-gw", Listener: gateway.Listener, URL: "http://203.0.113.7", PluginVersion: "1", Inner: "gw-inner",
				},
				Backends: []Backend{{Weight: 1, Endpoint: &far}},
			},
			Choice: choice,
		}) {
			made = made || c.Kind == kube.ReferenceGrant
			if c.Kind == kube.HTTPRoute {
				assert.True(t, made, "%s: %s", name, c.Key)
				assert.Contains(t, c.Seen, grantsKey, "%s: %s", name, c.Key)
			}
		}
	}
}

// TestPoliciesAreTheReviewedList is the same for all that a service can ask of its callers.
func TestPoliciesAreTheReviewedList(t *testing.T) {
	childtest.GoldenFile(t, "policies.yaml", rendered(t, Args{
		Routing: Routing{
			Gateway: gateway.Reference{
				Name: "gw", Namespace: "modelplane-gw", Listener: gateway.Listener, URL: "http://203.0.113.7", PluginVersion: "1", Observed: true,
				TrustedProxies: []string{"10.0.0.0/8"},
			},
			Backends: []Backend{{Weight: 1, Endpoint: &endpoint.BackendReference{
				Name: "own", ServiceName: "own-1", Namespace: meta.DefaultNamespace, Port: 8000, BasePath: "/v1",
			}}},
		},
		Policy: Policy{
			Auth:      &Auth{Forward: &ForwardAuth{URL: "http://auth.team.svc.cluster.local/verify", ResponseHeaders: []string{"X-Team"}}},
			AllowFrom: []string{"192.0.2.0/24"},
			CORS:      &CORS{AllowOrigins: []string{"https://app.example.com"}, MaxAge: ptr.To(600)},
			Limits: &Limits{
				Requests:     []RequestLimit{{By: ptr.To(ByCaller), Requests: 60, Seconds: 60}},
				InFlight:     []InFlightLimit{{Requests: 100}},
				MaxBodyBytes: ptr.To(1 << 20),
			},
		},
	}))
}

// TestAFrontedServiceIsTheReviewedList is the same for a service whose backends the plugin chooses.
func TestAFrontedServiceIsTheReviewedList(t *testing.T) {
	backend := func(name string) *endpoint.BackendReference {
		return &endpoint.BackendReference{Name: name, ServiceName: name + "-1", Namespace: meta.DefaultNamespace, Port: 8000, BasePath: "/v1", Middleware: ptr.To(name + "-2")}
	}
	childtest.GoldenFile(t, "fronted.yaml", rendered(t, Args{
		Routing: Routing{
			Gateway: gateway.Reference{
				Name: "gw", Namespace: "modelplane-gw", Listener: gateway.Listener, URL: "http://203.0.113.7", PluginVersion: "1", Inner: "gw-inner",
			},
			Backends:  []Backend{{Weight: 3, Endpoint: backend("own")}, {Weight: 1, Endpoint: backend("other")}, {Weight: 1, Priority: 1, Endpoint: backend("saas")}},
			Hostnames: []string{"api.example.com"},
			Rules:     []Rule{{Headers: map[string]string{"X-Team": "search"}, Backends: []Backend{{Weight: 1, Endpoint: backend("saas")}, {Weight: 1, Endpoint: backend("next")}}}},
		},
		Choice: Choice{
			Failover:        &Failover{StatusCodes: []string{"429", "503"}, Attempts: 2, HeaderTimeout: ptr.To("30s"), Deadline: ptr.To("1m")},
			OutlierEjection: &OutlierEjection{Failures: 3, Duration: ptr.To("10s")},
			Affinity:        &Affinity{By: AffinityByHeader, Name: ptr.To("X-Session")},
			Mirror:          &Mirror{Endpoint: *backend("candidate"), Percent: 5},
		},
	}))
}
