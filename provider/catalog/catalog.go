// Package catalog is the component ModelCatalog: one base URL for many models, each by the name in a request's body.
package catalog

import (
	"cmp"

	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"

	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/input"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
	"github.com/modelplane/pulumi-modelplane/provider/programs"
	"github.com/modelplane/pulumi-modelplane/provider/service"
)

// Kind is the component's type without the package, and what its objects carry as the label modelplane/component.
const Kind = "ModelCatalog"

// Definition is the component as the provider serves it.
var Definition = input.Define(check, func(
	ctx *pulumi.Context, name string, args input.Args[Args], opts ...pulumi.ResourceOption,
) (*ModelCatalog, error) {
	return construct(ctx, name, Inputs{
		Listing: input.Part[Listing](args), Policy: input.Part[service.Policy](args), Await: input.Part[service.Await](args),
		Identity: input.Part[meta.Identity](args), Metadata: input.Part[meta.Metadata](args),
	}, opts...)
})

// ModelCatalog is one base URL over the models of many services.
type ModelCatalog struct {
	pulumi.ResourceState

	URL        pulumix.Output[string]   `pulumi:"url"`
	ClusterURL pulumix.Output[string]   `pulumi:"clusterUrl"`
	RouteName  pulumix.Output[string]   `pulumi:"routeName"`
	Namespace  pulumix.Output[string]   `pulumi:"namespace"`
	Path       pulumix.Output[string]   `pulumi:"path"`
	ModelNames pulumix.Output[[]string] `pulumi:"modelNames"`
}

// Annotate describes the component for the schema.
func (c *ModelCatalog) Annotate(at infer.Annotator) {
	at.SetToken("index", Kind)
	at.Describe(c, "One OpenAI-compatible base URL for the models of many services. The gateway reads the `model` in a request's JSON body and sends the request to that "+
		"model's service, with its shares, failover and limits. `GET /v1/models` lists the models, and an unknown one gets OpenAI's 404. It is one HTTPRoute with a Traefik "+
		"Middleware, and a route on the gateway's inner listener for each endpoint (which preview shows only once the services are known)."+
		programs.Of("catalog", "Two models at one URL"))
	at.Describe(&c.URL, "What an OpenAI client takes as base URL. Shows the first of the `hostnames` that is not a wildcard.")
	at.Describe(&c.ClusterURL, "The same for clients inside the cluster, at the gateway's Service. Empty if the gateway's reference "+
		"has no `clusterUrl`, or if there are `hostnames` without the host of that URL.")
	at.Describe(&c.RouteName, "The name of the HTTPRoute.")
	at.Describe(&c.Namespace, "The namespace of the HTTPRoute.")
	at.Describe(&c.Path, "The path of the base URL; `/` is the root.")
	at.Describe(&c.ModelNames, "The names of all models, without their aliases.")
}

// Inputs are a program's, in parts that may still be unknown in preview.
type Inputs struct {
	Listing  value.Value[Listing]
	Policy   value.Value[service.Policy]
	Await    value.Value[service.Await]
	Identity value.Value[meta.Identity]
	Metadata value.Value[meta.Metadata]
}

func construct(ctx *pulumi.Context, name string, in Inputs, opts ...pulumi.ResourceOption) (*ModelCatalog, error) {
	in.Identity = value.Map(in.Identity, func(i meta.Identity) meta.Identity { return i.Or(name, meta.DefaultNamespace) })
	c := &ModelCatalog{}
	owner, err := child.NewOwner(ctx, Kind, name, c, in.Identity, in.Metadata, opts)
	if err != nil {
		return nil, err
	}
	possible := value.Decide2(value.Join(in.Identity, in.Listing), in.Policy, func(of value.Pair[meta.Identity, Listing], by service.Policy) (plan, fault.List) {
		return decide(of.A, of.B, by)
	})
	decided := value.Check(possible, func(p plan) fault.List {
		var faults fault.List
		if other := owner.Claim(p.Claims(p.gateway)); other != "" {
			faults.Addf("path", "is already that of the %s on this gateway; give each its own path or host names", other)
		}
		for _, warning := range p.warnings {
			owner.Warn(warning)
		}
		return faults
	})
	objects, err := owner.Register(children(name, in, decided))
	if err != nil {
		return nil, err
	}
	settled := owner.Settled(objects[service.RouteKey])
	c.RouteName = objects[service.RouteKey].Name()
	c.Namespace = owner.Namespace()
	c.URL = pulumix.Apply2(decided.Output(), settled, func(p plan, _ bool) string { return p.URL })
	c.ClusterURL = pulumix.Apply2(decided.Output(), settled, func(p plan, _ bool) string { return p.ClusterURL })
	c.Path = pulumix.Apply(decided.Output(), func(p plan) string { return cmp.Or(p.Path, "/") })
	c.ModelNames = pulumix.Apply(in.Listing.Output(), Listing.names)
	return c, ctx.RegisterResourceOutputs(c, input.Outputs(c))
}
