package service

import (
	"fmt"
	"slices"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider/endpoint"
	"github.com/modelplane/pulumi-modelplane/provider/gateway"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
	"github.com/modelplane/pulumi-modelplane/provider/service/route"
)

// The keys of the children of a service whose backends the plugin chooses.
const (
	pathsKey = "paths"
	innerKey = "inner"
	frontKey = "front"
)

// fronted is all that is decided about a service whose backends the plugin chooses. Each has a route of its own on the inner listener. The service's own
// route names none of them: it leads to the plugin.
type fronted struct {
	config   plugin.Front
	backends []frontedBackend
	// mirror has copies of requests; nil for none.
	mirror *frontedBackend
	// plain is what all inner routes have in common.
	plain route.Route
}

type frontedBackend struct {
	route.Backend
	priority int
}

// decideFronted moves the backends of a service's route behind the plugin.
func decideFronted(config plugin.Front, g gateway.Reference, r *route.Route, backends []entry, weights [][]int32, mirror []entry) *fronted {
	f := &fronted{config: config, plain: *r}
	f.config.Prefix = r.Path
	f.plain.Gateway = route.ParentRef{Name: g.Inner, Namespace: g.Namespace, Listener: gateway.Listener}
	f.plain.Hostnames, f.plain.Middlewares = nil, nil
	for i, e := range backends {
		for _, b := range weighted(backends[i:i+1], weights[i:i+1]) {
			f.backends = append(f.backends, frontedBackend{Backend: b, priority: e.priority})
		}
	}
	for _, e := range mirror {
		f.mirror = &frontedBackend{Backend: route.Backend{BackendReference: e.endpoints[0], Weight: int32(e.weight)}}
	}
	r.Backends = nil
	return f
}

// decideMirror is an entry of its own with the endpoint that gets copies, and their percentage as its weight; none without one.
func decideMirror(identity meta.Identity, r Routing, m *Mirror, faults *fault.List) []entry {
	if m == nil {
		return nil
	}
	checkRange("mirror.percent", m.Percent, 1, 100, faults)
	return []entry{{weight: m.Percent, endpoints: []endpoint.BackendReference{decideEndpoint("mirror.endpoint", m.Endpoint, identity, r, faults)}}}
}

// spec is a backend's route on the inner listener. Its path begins with id, which nobody outside of the cluster's API knows, so that no other route takes
// its requests by a longer path.
func (f fronted) spec(b frontedBackend, id string) gatewayv1.HTTPRouteSpec {
	inner := f.plain
	inner.Backends = []route.Backend{{BackendReference: b.BackendReference, Weight: 1}}
	inner.Path = f.path(b, id)
	return route.Build(inner)
}

func (f fronted) path(b frontedBackend, id string) string { return "/" + id + "/" + f.hash(b) }

// hash changes with all that decides how the backend is reached: another route then comes beside this one, and the plugin changes over in one write.
func (f fronted) hash(b frontedBackend) string {
	inner := f.plain
	inner.Backends = []route.Backend{{BackendReference: b.BackendReference, Weight: 1}}
	return names.Hash(route.Build(inner))
}

// middleware has the plugin choose among the backends.
func (f fronted) middleware(identity meta.Identity, id string) map[string]any {
	config := f.config
	for _, b := range f.backends {
		config.Backends = append(config.Backends, plugin.Backend{Endpoint: b.Name, Path: f.path(b, id), Priority: b.priority, Weight: int(b.Weight)})
	}
	if f.mirror != nil {
		config.Mirror = &plugin.Mirror{Path: f.path(*f.mirror, id), Percent: int(f.mirror.Weight)}
	}
	return pluginMiddleware(plugin.Config{Service: identity.Namespace + "/" + identity.Name, Front: &config})
}

// frontedChildren come before the service's route.
func frontedChildren(component string, in Inputs, p value.Value[plan]) []child.Child {
	identity := in.Identity.Now()
	if !isFronted(in.Choice.Now(), in.Routing.Now().Backends) {
		return nil
	}
	name := names.Child(identity.Name, component)
	inner := value.Map(p, func(p plan) []child.Child {
		if p.fronted == nil {
			return nil // while there are faults
		}
		return p.fronted.routes(component, identity.Name, in.Await.Now())
	})
	front := policyChild(component, identity, frontKey, child.FromSiblings(p, func(p plan, siblings child.Siblings) map[string]any {
		if p.fronted == nil {
			return nil
		}
		return p.fronted.middleware(identity, siblings[pathsKey].UID)
	}))
	front.After, front.Seen = []string{pathsKey}, []string{innerKey}
	return []child.Child{
		{
			Key: pathsKey, Kind: kube.ConfigMap, Lasting: true, ResourceName: name + "-paths",
			Fields: child.Fields{"data": child.Fixed(map[string]string{
				"README": "The paths of the service's backends on the gateway's inner listener begin with this object's UID.",
			})},
		},
		{Key: innerKey, Each: &inner},
		front,
	}
}

// routes are a list: only values say how many endpoints the backends have.
func (f fronted) routes(component, name string, await Await) []child.Child {
	var routes []child.Child
	times := map[string]int{}
	all := f.backends
	if f.mirror != nil {
		all = append(slices.Clone(all), *f.mirror)
	}
	for _, b := range all {
		times[b.Name]++
		routes = append(routes, child.Child{
			Key: innerKey, Kind: kube.HTTPRoute, After: []string{pathsKey},
			ResourceName: names.Child(name, component, innerKey, b.Namespace, b.Name, fmt.Sprint(times[b.Name])),
			Hash:         child.Fixed(f.hash(b)),
			Annotations:  child.Fixed(awaiting{gateway: f.plain.Gateway.Name, skip: await.SkipAwait}.annotations()),
			Timeout:      acceptTimeout,
			Fields: child.Fields{"spec": child.FromSiblings(value.Known(b), func(b frontedBackend, siblings child.Siblings) gatewayv1.HTTPRouteSpec {
				return f.spec(b, siblings[pathsKey].UID)
			})},
		})
	}
	return routes
}
