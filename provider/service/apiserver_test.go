package service

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"github.com/modelplane/pulumi-modelplane/provider/endpoint"
	"github.com/modelplane/pulumi-modelplane/provider/gateway"
	"github.com/modelplane/pulumi-modelplane/provider/internal/crds"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/service/route"
	"github.com/modelplane/pulumi-modelplane/tests/apitest"
)

// TestTheAPIServerTakesEveryAcceptedService would catch arguments that pass the check but make a route or a grant that the
// API server refuses, halfway through an update.
func TestTheAPIServerTakesEveryAcceptedService(t *testing.T) {
	server := apitest.Here(t, crds.Objects())
	rapid.Check(t, func(t *rapid.T) {
		a := services.Draw(t, "service")
		require.Empty(t, check("service", a))
		for _, content := range objects(t, a) {
			require.NoError(t, server.Create(t.Context(), content), content["kind"])
		}
	})
}

// TestTheAPIServerTakesAServiceAtEveryLimit would catch limits that hold one by one but not together: the rules of the
// CRD are counted by their cost.
func TestTheAPIServerTakesAServiceAtEveryLimit(t *testing.T) {
	server := apitest.Here(t, crds.Objects())
	label := func(length int) string { return strings.Repeat("a", length) }
	a := Args{
		Routing: Routing{
			Gateway: gateway.Reference{Name: label(63), Namespace: label(63), Listener: label(63), URL: "http://203.0.113.7", PluginVersion: "1", AllowAnyPath: true},
			Path:    ptr.To("/" + label(1023)),
		},
		Identity: meta.Identity{Name: label(63), Namespace: label(63)},
	}
	for i := range route.MaxHostnames {
		a.Hostnames = append(a.Hostnames, "w."+label(63)+"."+label(63)+"."+label(63)+"."+label(50)+string(rune('a'+i)))
	}
	for i := range route.MaxBackends {
		set := map[string]string{}
		var remove []string
		for j := range endpoint.MaxHeaders {
			set[label(240)+fmt.Sprint("-set-", j)] = label(4096)
			remove = append(remove, label(240)+fmt.Sprint("-remove-", j))
		}
		a.Backends = append(a.Backends, Backend{Weight: 1_000_000 - i, Endpoint: &endpoint.BackendReference{
			Name: label(63), ServiceName: label(63), Namespace: label(63), Port: 65535, BasePath: "/" + label(1023), HostHeader: ptr.To(label(63) + ".example"),
			Headers: &endpoint.Headers{Set: set, Remove: remove}, Keyed: true, Middleware: ptr.To(label(63)),
		}})
	}
	require.Empty(t, check("service", a))
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

// Generators of services that the check accepts.
var (
	labels   = rapid.StringMatching(`[a-z]([-a-z0-9]{0,61}[a-z0-9])?`)
	short    = rapid.StringMatching(`[a-z]([-a-z0-9]{0,20}[a-z0-9])?`)
	hosts    = rapid.StringMatching(`[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?(\.[a-z]{2,10}){1,3}`)
	paths    = rapid.StringMatching(`(/[-A-Za-z0-9_~$&+,;=:@]{1,60}){0,8}`)
	services = rapid.Custom(func(t *rapid.T) Args {
		a := Args{
			Routing: Routing{
				Gateway: gateway.Reference{
					Name: short.Draw(t, "gateway"), Namespace: labels.Draw(t, "namespace of the gateway"), Listener: short.Draw(t, "listener"),
					URL: rapid.SampledFrom([]string{"http://203.0.113.7", "https://[2001:db8::7]:8443"}).Draw(t, "url"), PluginVersion: "1", AllowAnyPath: true,
				},
				Hostnames: rapid.SliceOfNDistinct(rapid.OneOf(hosts, rapid.Map(hosts, func(host string) string { return "*." + host })), 0,
					route.MaxHostnames-1, rapid.ID).Draw(t, "hostnames"),
				Path: rapid.Ptr(paths, true).Draw(t, "path"),
			},
			Await:    Await{SkipAwait: rapid.Bool().Draw(t, "skipAwait")},
			Identity: meta.Identity{Name: labels.Draw(t, "name"), Namespace: labels.Draw(t, "namespace")},
		}
		if len(a.Hostnames) > 0 {
			a.Hostnames = append(a.Hostnames, "whole.example.com")
		}
		for left := route.MaxBackends; left > 0; {
			entry := Backend{Weight: rapid.IntRange(0, 1_000_000).Draw(t, "weight")}
			for range rapid.IntRange(1, left).Draw(t, "endpoints") {
				entry.Endpoints = append(entry.Endpoints, drawReference(t, a.Namespace))
			}
			left -= len(entry.Endpoints)
			if len(entry.Endpoints) == 1 {
				entry.Endpoint, entry.Endpoints = &entry.Endpoints[0], nil
			}
			a.Backends = append(a.Backends, entry)
			if rapid.Bool().Draw(t, "enough") {
				break
			}
		}
		a.Backends[0].Weight = max(1, a.Backends[0].Weight)
		return a
	})
)

// drawReference is an endpoint, in the service's namespace if it has a key.
func drawReference(t *rapid.T, namespace string) endpoint.BackendReference {
	reference := endpoint.BackendReference{
		Name: short.Draw(t, "endpoint"), ServiceName: short.Draw(t, "service of the endpoint"),
		Namespace: rapid.OneOf(rapid.Just(namespace), rapid.SampledFrom([]string{"models", "egress"})).Draw(t, "namespace of the endpoint"),
		Port:      rapid.IntRange(1, 65535).Draw(t, "port"), BasePath: "/" + short.Draw(t, "base path"),
		HostHeader: rapid.Ptr(hosts, true).Draw(t, "host"), ForwardCaller: rapid.Bool().Draw(t, "forward"),
		Headers: &endpoint.Headers{Set: rapid.MapOfN(rapid.StringMatching(`X-[A-Z]{1,9}`), rapid.StringMatching(`[!-~]{1,20}`), 0, 3).Draw(t, "set")},
	}
	if reference.Namespace == namespace {
		reference.Middleware = rapid.Ptr(short, true).Draw(t, "middleware")
		reference.Keyed = reference.Middleware != nil && rapid.Bool().Draw(t, "keyed")
	}
	return reference
}
