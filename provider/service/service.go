// Package service is the component ModelService: one base URL in front of weighted endpoints.
package service

import (
	"cmp"
	"slices"

	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"

	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/input"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
	"github.com/modelplane/pulumi-modelplane/provider/programs"
)

// Kind is the component's type without the package, and what its objects carry as the label modelplane/component.
const Kind = "ModelService"

// Definition is the component as the provider serves it.
var Definition = input.Define(check, func(
	ctx *pulumi.Context, name string, args input.Args[Args], opts ...pulumi.ResourceOption,
) (*ModelService, error) {
	return construct(ctx, name, Inputs{
		Routing: input.Part[Routing](args), Choice: input.Part[Choice](args), Policy: input.Part[Policy](args), Await: input.Part[Await](args),
		Identity: input.Part[meta.Identity](args), Metadata: input.Part[meta.Metadata](args),
	}, opts...)
})

// ModelService is one URL over weighted backends.
type ModelService struct {
	pulumi.ResourceState

	URL        pulumix.Output[string]    `pulumi:"url"`
	ClusterURL pulumix.Output[string]    `pulumi:"clusterUrl"`
	RouteName  pulumix.Output[string]    `pulumi:"routeName"`
	Namespace  pulumix.Output[string]    `pulumi:"namespace"`
	Path       pulumix.Output[string]    `pulumi:"path"`
	Shares     pulumix.Output[[]Share]   `pulumi:"shares"`
	Service    pulumix.Output[Reference] `pulumi:"service"`
}

// Annotate describes the component for the schema.
func (s *ModelService) Annotate(at infer.Annotator) {
	at.SetToken("index", Kind)
	at.Describe(s, "One base URL over weighted backends, for any OpenAI client. It is an HTTPRoute, in which each "+
		"backend has its own URL rewrite and weight, and a ReferenceGrant for each other namespace that its endpoints "+
		"are in (which preview shows only once the endpoints are known). Who may call, limits and failover add Traefik Middlewares."+
		programs.Of("service", "A canary with 5 % of the requests"))
	at.Describe(&s.URL, "What an OpenAI client takes as base URL. Shows the first of the `hostnames` that is not a wildcard.")
	at.Describe(&s.ClusterURL, "The same for clients inside the cluster, at the gateway's Service. Empty if the gateway's reference "+
		"has no `clusterUrl`, or if there are `hostnames` without the host of that URL.")
	at.Describe(&s.Namespace, "The namespace of the HTTPRoute.")
	at.Describe(&s.Path, "The service's path; `/` is the root.")
	at.Describe(&s.RouteName, "The name of the HTTPRoute.")
	at.Describe(&s.Service, "The service as a ModelCatalog takes it in `models`.")
	at.Describe(&s.Shares, "What each endpoint of `backends` gets while none fails, in their order. Those of a later `priority` get 0.")
}

// Inputs are the arguments of [New]: the same as a program's, in parts that may still be unknown in preview.
type Inputs struct {
	Routing  value.Value[Routing]
	Choice   value.Value[Choice]
	Policy   value.Value[Policy]
	Await    value.Value[Await]
	Identity value.Value[meta.Identity]
	Metadata value.Value[meta.Metadata]
}

// New makes a ModelService as the child of another component, from inputs that follow the rules of a program's.
func New(ctx *pulumi.Context, name string, in Inputs, opts ...pulumi.ResourceOption) (*ModelService, error) {
	faults := check(name, Args{in.Routing.Now(), in.Choice.Now(), in.Policy.Now(), in.Await.Now(), in.Identity.Now(), in.Metadata.Now()})
	unknown := slices.Concat(input.Unknown(in.Routing), input.Unknown(in.Choice), input.Unknown(in.Policy), input.Unknown(in.Await), input.Unknown(in.Identity), input.Unknown(in.Metadata))
	if err := faults.Known(unknown).Err(); err != nil {
		return nil, err
	}
	return construct(ctx, name, in, opts...)
}

func construct(ctx *pulumi.Context, name string, in Inputs, opts ...pulumi.ResourceOption) (*ModelService, error) {
	in.Identity = value.Map(in.Identity, func(i meta.Identity) meta.Identity { return i.Or(name, meta.DefaultNamespace) })
	s := &ModelService{}
	owner, err := child.NewOwner(ctx, Kind, name, s, in.Identity, in.Metadata, opts)
	if err != nil {
		return nil, err
	}
	restricted := value.Decide2(value.Join(in.Identity, in.Routing), value.Join(in.Choice, in.Policy),
		func(of value.Pair[meta.Identity, Routing], by value.Pair[Choice, Policy]) (plan, fault.List) {
			return decide(of.A, of.B, by.A, by.B)
		})
	decided := value.Check(restricted, func(p plan) fault.List {
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
	// The URLs wait for the route: what uses them is created after it, and what the route no longer uses is deleted when no
	// replica of the gateway uses it any more.
	settled := owner.Settled(objects[RouteKey])
	s.RouteName = objects[RouteKey].Name()
	s.Namespace = owner.Namespace()
	s.URL = pulumix.Apply2(decided.Output(), settled, func(p plan, _ bool) string { return p.URL })
	s.ClusterURL = pulumix.Apply2(decided.Output(), settled, func(p plan, _ bool) string { return p.ClusterURL })
	s.Path = pulumix.Apply(decided.Output(), func(p plan) string { return cmp.Or(p.Path, "/") })
	s.Service = pulumix.Apply2(decided.Output(), settled, func(p plan, _ bool) Reference { return p.reference })
	s.Shares = pulumix.Apply(decided.Output(), func(p plan) []Share { return p.shares })
	return s, ctx.RegisterResourceOutputs(s, input.Outputs(s))
}
