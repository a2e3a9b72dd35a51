// Package service is the component ModelService: one base URL in front of weighted endpoints.
package service

import (
	"cmp"

	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"

	"github.com/modelplane/pulumi-modelplane/provider/examples"
	"github.com/modelplane/pulumi-modelplane/provider/internal/component"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/object"
	"github.com/modelplane/pulumi-modelplane/provider/internal/route"
)

// Token is the type of a ModelService in a Pulumi program.
const Token = "modelplane:index:" + Kind

// Kind is what its objects carry as the label modelplane/component.
const Kind = "ModelService"

// acceptTimeout is how long the gateway has to accept a route.
const acceptTimeout = "2m"

// Definition is the component as the provider serves it.
var Definition = component.Define(check, construct)

// ModelService is one URL over weighted backends.
type ModelService struct {
	pulumi.ResourceState

	URL       pulumix.Output[string]  `pulumi:"url"`
	RouteName pulumix.Output[string]  `pulumi:"routeName"`
	Shares    pulumix.Output[[]Share] `pulumi:"shares"`
}

// Annotate describes the component for the schema.
func (s *ModelService) Annotate(at infer.Annotator) {
	at.SetToken("index", Kind)
	at.Describe(s, "One base URL over weighted backends, for any OpenAI client. It is an HTTPRoute with one rule, in which each "+
		"backend has a URL rewrite and a weight of its own, and a ReferenceGrant for each other namespace that its endpoints "+
		"are in (which preview shows only once the endpoints are known)."+
		examples.Of("service", "A canary with 5 % of the requests"))
	at.Describe(&s.URL, "What an OpenAI client takes as base URL. Shows the first of the `hostnames` that is no wildcard.")
	at.Describe(&s.RouteName, "The name of the HTTPRoute.")
	at.Describe(&s.Shares, "What each endpoint gets, in the order of `backends`.")
}

func construct(
	ctx *pulumi.Context, name string, in component.Inputs[Args], opts ...pulumi.ResourceOption,
) (*ModelService, error) {
	s := &ModelService{}
	children, err := component.Register(ctx, Token, name, s, opts)
	if err != nil {
		return nil, err
	}
	decided := component.Decide(in.Except(), func(a Args) (plan, fault.List) { return decide(name, a) })
	made, err := newRoute(ctx, name, in, decided, children)
	if err != nil {
		return nil, err
	}
	s.RouteName = made.Name()
	s.URL = pulumix.Apply2(decided, made.Name(), func(p plan, _ string) string { return p.url })
	s.Shares = pulumix.Apply(decided, func(p plan) []Share { return p.shares })
	return s, nil
}

func newRoute(
	ctx *pulumi.Context, name string, in component.Inputs[Args], decided pulumix.Output[plan], children component.Children,
) (*object.Object, error) {
	names, labels := in.Only("name", "namespace"), in.Only("name", "labels")
	owner := object.Owner(ctx.Organization(), in.URN())
	awaited := in.Only("annotations", "gateway", "skipAwait")
	spec := pulumix.Apply2Err(decided, newGrants(ctx, name, in, decided, children), func(p plan, _ []string) (map[string]any, error) {
		return route.Object(p.route)
	})
	advice, err := component.Advise(ctx, in, children, "route", func(failure string) string { return advise(name, in.Known, failure) })
	if err != nil {
		return nil, err
	}
	return object.New(ctx, object.HTTPRoute, name, pulumi.Map{"metadata": pulumi.Map{
		"name":      pulumix.Apply(names, func(a Args) string { return cmp.Or(a.Name, name) }),
		"namespace": pulumix.Apply(names, func(a Args) string { return a.Namespace }),
		"labels": pulumix.Apply(labels, func(a Args) map[string]string {
			labels := object.Labels(Kind, cmp.Or(a.Name, name), a.Labels)
			labels[object.OwnerLabel] = owner
			return labels
		}),
		"annotations": pulumix.Apply(awaited, annotations),
	}, "spec": spec}, children.Awaited(acceptTimeout, advice)...)
}

// newGrants lets the route use Services in other namespaces. Which namespaces these are hangs on values, so the grants are
// the one kind of child that is made inside an Apply. They name exactly the route's Services and are made anew beside the
// old ones: grants add up, and the old ones go once the route has changed.
func newGrants(
	ctx *pulumi.Context, name string, in component.Inputs[Args], decided pulumix.Output[plan], children component.Children,
) pulumix.Output[[]string] {
	meta := in.Only("name", "labels", "annotations")
	return pulumix.Flatten(pulumix.Apply2Err(decided, meta, func(p plan, a Args) (pulumix.Output[[]string], error) {
		names := pulumix.Val([]string{})
		for _, grant := range p.grants {
			spec, err := object.Plain(grant.spec)
			if err != nil {
				return names, err
			}
			made, err := object.New(ctx, object.ReferenceGrant, name+"-"+grant.namespace, pulumi.Map{"metadata": pulumi.Map{
				"namespace":   pulumi.String(grant.namespace),
				"labels":      pulumi.ToStringMap(object.Labels(Kind, cmp.Or(a.Name, name), a.Labels)),
				"annotations": pulumix.Val(a.Annotations),
			}, "spec": pulumi.Any(spec)}, children.Options(pulumi.ReplaceOnChanges([]string{"spec"}))...)
			if err != nil {
				return names, err
			}
			names = pulumix.Apply2(names, made.Name(), func(names []string, name string) []string { return append(names, name) })
		}
		return names, nil
	}))
}
