package service

import (
	"fmt"
	"slices"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	gatewayv1beta1 "sigs.k8s.io/gateway-api/apis/v1beta1"

	"github.com/modelplane/pulumi-modelplane/provider/gateway"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// acceptTimeout is how long the gateway has to accept a route.
const acceptTimeout = "2m"

// The keys of a service's children.
const (
	grantsKey = "grants"
	// RouteKey is that of the one route that decides which requests come at all.
	RouteKey = "route"
)

// children are the objects that a service is made of. The route keeps its name: it is the one object whose change switches
// traffic, in one write.
func children(name string, in Inputs, p value.Value[plan]) []child.Child {
	grants := value.Map(p, func(p plan) []child.Child { return grantChildren(name, in.Identity.Now().Name, p.grants) })
	counters := value.Map(p, func(p plan) []child.Child { return counterChildren(name, in.Identity.Now(), p) })
	// Routes name Services of other namespaces: a replica that has not seen the grant answers 500 for them.
	list := []child.Child{{Key: grantsKey, Each: &grants}, {Key: countKey, Each: &counters}}
	policies := value.Map(p, func(p plan) Policies { return p.policies })
	list = append(list, in.Policy.Now().Children(name, in.Identity.Now(), policies)...)
	list = append(list, frontedChildren(name, in, p)...)
	var before []string
	for _, c := range list {
		before = append(before, c.Key)
	}
	return append(list, RouteChild(in.Identity.Now(), before, value.Map(in.Routing, func(r Routing) gateway.Reference { return r.Gateway }), in.Await,
		value.Map(p, func(p plan) gatewayv1.HTTPRouteSpec { return p.route })))
}

// RouteChild is the one route that decides which requests come at all. It is made after the siblings with these keys.
func RouteChild(
	identity meta.Identity, before []string, g value.Value[gateway.Reference], await value.Value[Await], spec value.Value[gatewayv1.HTTPRouteSpec],
) child.Child {
	return child.Child{
		Key: RouteKey, Kind: kube.HTTPRoute, Seen: before, Owned: true,
		Name:        child.Fixed(identity.Name),
		Annotations: child.From(value.Map2(g, await, newAwaiting), awaiting.annotations),
		Fields:      child.Fields{"spec": child.From(spec, func(spec gatewayv1.HTTPRouteSpec) any { return spec })},
		Timeout:     acceptTimeout,
		Advice:      func(failure string) string { return advise(identity, g.Now(), failure) },
	}
}

// Children are the Middlewares that a request passes before a backend is chosen. Each changes in place, in one write.
func (p Policy) Children(component string, identity meta.Identity, decided value.Value[Policies]) []child.Child {
	var children []child.Child
	for _, of := range []struct {
		key   string
		given bool
	}{
		{corsKey, p.CORS != nil},
		{fromKey, len(p.AllowFrom) > 0},
		{authKey, p.Auth != nil && p.Auth.Callers == nil},
		{limitsKey, p.Limits != nil},
	} {
		if !of.given {
			continue
		}
		children = append(children, MiddlewareChild(component, identity, of.key, child.From(decided, func(all Policies) map[string]any {
			i := slices.IndexFunc(all, func(made policy) bool { return made.key == of.key })
			if i < 0 {
				return nil // while there are faults
			}
			return all[i].spec
		})))
	}
	return children
}

// MiddlewareChild is a Middleware in front of a service or catalog, by the key that ends its name.
func MiddlewareChild(component string, identity meta.Identity, key string, spec child.Field) child.Child {
	return child.Child{
		Key: key, Kind: kube.Middleware, Owned: true, Fields: child.Fields{"spec": spec},
		Name: child.Fixed(policy{key: key}.name(identity)), ResourceName: names.Child(identity.Name, component) + "-" + key,
	}
}

// counterChildren are a list of one or none: only the gateway says whether requests are counted.
func counterChildren(component string, identity meta.Identity, p plan) []child.Child {
	if !slices.ContainsFunc(p.policies, func(made policy) bool { return made.key == countKey }) {
		return nil
	}
	return []child.Child{MiddlewareChild(component, identity, countKey, child.Fixed(counter(identity, p)))}
}

// grantChildren let the route use Services in other namespaces. Only values say which namespaces these are. Grants add up, so
// that a new one comes before the route changes, and the old one goes afterwards.
func grantChildren(component, name string, grants []grant) []child.Child {
	children := make([]child.Child, len(grants))
	for i, g := range grants {
		children[i] = child.Child{
			Key: g.namespace, Kind: kube.ReferenceGrant, ResourceName: names.Child(name, component, g.namespace),
			Metadata: child.Fields{"namespace": child.Fixed(g.namespace)},
			Hash:     child.Fixed(names.Hash(g.spec)),
			Fields:   child.Fields{"spec": child.Fixed[gatewayv1beta1.ReferenceGrantSpec](g.spec)},
		}
	}
	return children
}

// awaiting is what Pulumi waits for before the route counts as made.
type awaiting struct {
	gateway   string
	listeners []string
	skip      bool
}

func newAwaiting(g gateway.Reference, a Await) awaiting {
	waiting := awaiting{gateway: g.Name, skip: a.SkipAwait}
	if plain := g.PlainListener; plain != nil {
		waiting.listeners = []string{g.Listener, *plain}
	}
	return waiting
}

// annotations have Pulumi wait until this gateway accepts the route and its references are resolved. Entries of other
// controllers stay in a route's status, so that the gateway's name is needed.
func (a awaiting) annotations() map[string]string {
	if a.skip {
		return kube.SkipAwait()
	}
	return kube.WaitForRoute(a.gateway, a.listeners...)
}

// advise says who owns the route, or where to find the gateway's reason when it has not accepted the route in time.
func advise(identity meta.Identity, gateway gateway.Reference, failure string) string {
	switch {
	case child.HeldByAnother(failure):
		return fmt.Sprintf("The HTTPRoute %s in the namespace %s belongs to another stack or program, and it was left as it is. Choose "+
			"another name or namespace, or destroy the other one first.", identity.Name, identity.Namespace)
	case strings.Contains(failure, "timed out waiting"):
		return fmt.Sprintf("The gateway %[1]s/%[2]s has not accepted the route, or could not resolve what it names. The reason that it "+
			"gives is in the route's last status above, and in: kubectl describe httproute -n %[3]s %[4]s",
			gateway.Namespace, gateway.Name, identity.Namespace, identity.Name)
	default:
		return ""
	}
}
