package service

import (
	"fmt"
	"slices"

	"k8s.io/utils/ptr"
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

// The keys of the children of a service whose backends the plugin chooses: the object whose UID begins the paths on the inner listener, the routes there, and
// the Middlewares that choose.
const (
	PathsKey  = "paths"
	InnerKey  = "inner"
	frontKey  = "front"
	frontsKey = "fronts"
)

// fronted is all that is decided about a service whose backends the plugin chooses. Each has a route of its own on the inner listener. The rules of the
// service's own route name none of them: they lead to the plugin.
type fronted struct {
	config plugin.Front
	rules  []frontedRule
	// mirror has copies of requests; nil for none.
	mirror *frontedBackend
	// plain is what all inner routes have in common.
	plain route.Route
}

type frontedRule struct {
	headers map[string]string
	// key is that of the rule's Middleware.
	key      string
	backends []frontedBackend
}

type frontedBackend struct {
	route.Backend
	priority int
	// hash changes with all that decides how the backend is reached: another route then comes beside this one, and the plugin changes over in one write.
	hash string
}

// decideFronted moves the backends of a service's route behind the plugin.
func decideFronted(config plugin.Front, g gateway.Reference, public route.Route, rules []rule, mirror []entry) *fronted {
	f := &fronted{config: config, plain: public}
	f.config.Prefix = public.Path
	f.plain.Gateway = route.ParentRef{Name: g.Inner, Namespace: g.Namespace, Listener: gateway.Listener}
	f.plain.Hostnames, f.plain.Middlewares = nil, nil
	for _, given := range rules {
		made := frontedRule{headers: given.headers, key: frontKey}
		if len(given.headers) > 0 {
			made.key += "-" + names.Hash(given.headers)
		}
		for _, e := range given.backends {
			for _, b := range e.weighted() {
				made.backends = append(made.backends, f.backend(b, e.priority))
			}
		}
		f.rules = append(f.rules, made)
	}
	for _, e := range mirror {
		copied := f.backend(route.Backend{BackendReference: e.endpoints[0], Weight: int32(e.weight)}, 0)
		f.mirror = &copied
	}
	return f
}

func (f fronted) backend(b route.Backend, priority int) frontedBackend {
	return frontedBackend{Backend: b, priority: priority, hash: names.Hash(f.spec(b, ""))}
}

// publicRules are those of the service's own route.
func (f fronted) publicRules(identity meta.Identity) []route.Rule {
	rules := make([]route.Rule, len(f.rules))
	for i, r := range f.rules {
		rules[i] = route.Rule{Headers: r.headers, Middlewares: []string{policy{key: r.key}.name(identity)}}
	}
	return rules
}

// decideMirror is an entry of its own with the endpoint that gets copies, and their percentage as its weight; none without one.
func decideMirror(identity meta.Identity, r Routing, m *Mirror, faults *fault.List) []entry {
	if m == nil {
		return nil
	}
	checkRange("mirror.percent", m.Percent, 1, 100, faults)
	return []entry{{weight: m.Percent, endpoints: []endpoint.BackendReference{decideEndpoint("mirror.endpoint", m.Endpoint, identity, r, faults)}}}
}

// spec is a backend's route on the inner listener, at path.
func (f fronted) spec(b route.Backend, path string) gatewayv1.HTTPRouteSpec {
	inner := f.plain
	inner.Path = path
	inner.Rules = []route.Rule{{Backends: []route.Backend{{BackendReference: b.BackendReference, Weight: 1}}}}
	return route.Build(inner)
}

// path begins with id, which nobody outside of the cluster's API knows, so that no other route takes the backend's requests by a longer path.
func (b frontedBackend) path(id string) string { return "/" + id + "/" + b.hash }

// middleware has the plugin choose among the backends of the rule with this key.
func (f fronted) middleware(identity meta.Identity, key, id string) map[string]any {
	i := slices.IndexFunc(f.rules, func(r frontedRule) bool { return r.key == key })
	if i < 0 {
		return nil // while there are faults
	}
	front := f.front(f.rules[i], id)
	return pluginMiddleware(plugin.Config{Service: identity.Namespace + "/" + identity.Name, Front: &front})
}

// front is what the plugin is told of the backends of a rule.
func (f fronted) front(r frontedRule, id string) plugin.Front {
	front := f.config
	if r.key != frontKey {
		front.Rule = r.key
	}
	for _, b := range r.backends {
		front.Backends = append(front.Backends, plugin.Backend{Endpoint: b.Name, Path: b.path(id), Priority: b.priority, Weight: int(b.Weight)})
	}
	if f.mirror != nil {
		front.Mirror = &plugin.Mirror{Path: f.mirror.path(id), Percent: int(f.mirror.Weight)}
	}
	return front
}

// frontedChildren come before the service's route.
func frontedChildren(component string, in Inputs, p value.Value[plan]) []child.Child {
	identity := in.Identity.Now()
	if !isFronted(in.Choice.Now(), in.Routing.Now()) {
		return nil
	}
	name := names.Child(identity.Name, component)
	inner := value.Map(p, func(p plan) []child.Child {
		if p.fronted == nil {
			return nil // while there are faults
		}
		return p.fronted.routes(in.Await.Now(), identity.Name, component)
	})
	fronts := value.Map(p, func(p plan) []child.Child {
		if p.fronted == nil {
			return nil
		}
		var fronts []child.Child
		for _, r := range p.fronted.rules[:len(p.fronted.rules)-1] {
			front := frontChild(component, identity, r.key, value.Known(*p.fronted))
			front.Key = frontsKey
			fronts = append(fronts, front)
		}
		return fronts
	})
	return []child.Child{
		PathsChild(name),
		{Key: InnerKey, Each: &inner},
		frontChild(component, identity, frontKey, value.Map(p, func(p plan) fronted { return ptr.Deref(p.fronted, fronted{}) })),
		{Key: frontsKey, Each: &fronts},
	}
}

// PathsChild is the object whose UID begins the paths of backends on the gateway's inner listener.
func PathsChild(name string) child.Child {
	return child.Child{
		Key: PathsKey, Kind: kube.ConfigMap, Lasting: true, ResourceName: name + "-paths",
		Fields: child.Fields{"data": child.Fixed(map[string]string{
			"README": "The paths of the service's backends on the gateway's inner listener begin with this object's UID.",
		})},
	}
}

// frontChild is the Middleware that has the plugin choose among the backends of the rule with this key.
func frontChild(component string, identity meta.Identity, key string, f value.Value[fronted]) child.Child {
	front := MiddlewareChild(component, identity, key, child.FromSiblings(f, func(f fronted, siblings child.Siblings) map[string]any {
		return f.middleware(identity, key, siblings[PathsKey].UID)
	}))
	front.After, front.Seen = []string{PathsKey}, []string{InnerKey}
	return front
}

// backends are those of all rules, and the mirror.
func (f fronted) backends() []frontedBackend {
	var all []frontedBackend
	for _, r := range f.rules {
		all = append(all, r.backends...)
	}
	if f.mirror != nil {
		all = append(all, *f.mirror)
	}
	return all
}

// routes are a list: only values say how many endpoints the backends have. An endpoint that several rules name has one.
func (f fronted) routes(await Await, parts ...string) []child.Child {
	var routes []child.Child
	times, made := map[string]int{}, map[string]bool{}
	for _, b := range f.backends() {
		if made[b.hash] {
			continue
		}
		made[b.hash] = true
		times[b.Name]++
		routes = append(routes, child.Child{
			Key: InnerKey, Kind: kube.HTTPRoute, After: []string{PathsKey}, Seen: []string{grantsKey},
			ResourceName: names.Child(parts[0], parts[1], append(slices.Clone(parts[2:]), InnerKey, b.Namespace, b.Name, fmt.Sprint(times[b.Name]))...),
			Hash:         child.Fixed(b.hash),
			Annotations:  child.Fixed(awaiting{gateway: f.plain.Gateway.Name, skip: await.SkipAwait}.annotations()),
			Timeout:      acceptTimeout,
			Fields: child.Fields{"spec": child.FromSiblings(value.Known(b), func(b frontedBackend, siblings child.Siblings) gatewayv1.HTTPRouteSpec {
				return f.spec(b.Backend, b.path(siblings[PathsKey].UID))
			})},
		})
	}
	return routes
}
