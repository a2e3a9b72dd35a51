package catalog

import (
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider/gateway"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
	"github.com/modelplane/pulumi-modelplane/provider/service"
)

// The keys of the catalog's own Middlewares, and the ends of their names: the one that chooses, and the one in front of the callers' that says so.
const (
	modelsKey  = "models"
	byModelKey = "by-model"
)

func middlewareName(identity meta.Identity, key string) string { return identity.Name + "-" + key }

// children are the objects that a catalog is made of: a route on the inner listener for each backend of each service, the Middleware that chooses, and the
// public route that leads to it.
func children(name string, in Inputs, p value.Value[plan]) []child.Child {
	identity := in.Identity.Now()
	list := in.Policy.Now().Children(name, identity, value.Map(p, func(p plan) service.Policies { return p.policies }))
	if auth := in.Policy.Now().Auth; auth != nil && auth.Callers != nil {
		list = append(list, service.MiddlewareChild(name, identity, byModelKey, child.Fixed(map[string]any{
			"plugin": map[string]any{plugin.Name: plugin.Config{ByModel: true}},
		})))
	}
	inner := value.Map(p, func(p plan) []child.Child {
		var routes []child.Child
		made := map[string]bool{}
		for _, m := range p.models {
			// Two models may have one service.
			if !made[m.behind.Service()] {
				routes = append(routes, m.behind.Routes(in.Await.Now(), identity.Name, name)...)
			}
			made[m.behind.Service()] = true
		}
		return routes
	})
	models := service.MiddlewareChild(name, identity, modelsKey, child.FromSiblings(p, func(p plan, siblings child.Siblings) map[string]any {
		return p.middleware(siblings[service.PathsKey].UID)
	}))
	models.After, models.Seen = []string{service.PathsKey}, []string{service.InnerKey}
	list = append(list, service.PathsChild(names.Child(identity.Name, name)), child.Child{Key: service.InnerKey, Each: &inner}, models)
	var before []string
	for _, c := range list {
		before = append(before, c.Key)
	}
	return append(list, service.RouteChild(identity, before, value.Map(in.Listing, func(l Listing) gateway.Reference { return l.Gateway }), in.Await,
		value.Map(p, func(p plan) gatewayv1.HTTPRouteSpec { return p.route })))
}
