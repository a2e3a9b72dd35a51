// Package callers is the component ModelCallers: who may use services, with which keys.
package callers

import (
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"

	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/input"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
	"github.com/modelplane/pulumi-modelplane/provider/programs"
)

// Kind is the component's type without the package, and what its objects carry as the label modelplane/component.
const Kind = "ModelCallers"

// Definition is the component as the provider serves it.
var Definition = input.Define(check, func(
	ctx *pulumi.Context, name string, args input.Args[Args], opts ...pulumi.ResourceOption,
) (*ModelCallers, error) {
	return construct(ctx, name, Inputs{
		Keyring: input.Part[Keyring](args), Identity: input.Part[meta.Identity](args), Metadata: input.Part[meta.Metadata](args),
	}, opts...)
})

// ModelCallers is who may use services.
type ModelCallers struct {
	pulumi.ResourceState

	Callers   pulumix.Output[Reference] `pulumi:"callers"`
	Namespace pulumix.Output[string]    `pulumi:"namespace"`
}

// Annotate describes the component for the schema.
func (c *ModelCallers) Annotate(at infer.Annotator) {
	at.SetToken("index", Kind)
	at.Describe(c, "Who may use the services of a namespace, with which keys. It is a Secret with the keys' hashes, and a Traefik Middleware that "+
		"asks for a key: `Authorization: Bearer`, `x-api-key`, `api-key` or `x-goog-api-key`. Services name it in `auth.callers`. Keys come, go and "+
		"expire without a change to the services, and no request is lost meanwhile. The gateway needs the modelplane plugin, which a ModelGateway has."+
		programs.Of("callers", "Two teams with keys, and a limit for each"))
	at.Describe(&c.Callers, "The callers as a ModelService takes them in `auth.callers`.")
	at.Describe(&c.Namespace, "The namespace of the callers' objects.")
}

// Inputs are a program's, in parts that may still be unknown in preview.
type Inputs struct {
	Keyring  value.Value[Keyring]
	Identity value.Value[meta.Identity]
	Metadata value.Value[meta.Metadata]
}

func construct(ctx *pulumi.Context, name string, in Inputs, opts ...pulumi.ResourceOption) (*ModelCallers, error) {
	in.Identity = value.Map(in.Identity, func(i meta.Identity) meta.Identity { return i.Or(name, meta.DefaultNamespace) })
	c := &ModelCallers{}
	owner, err := child.NewOwner(ctx, Kind, name, c, in.Identity, in.Metadata, opts)
	if err != nil {
		return nil, err
	}
	objects, err := owner.Register(children(in, value.Decide(in.Keyring, decide)))
	if err != nil {
		return nil, err
	}
	middleware := objects[middlewareKey]
	c.Namespace = owner.Namespace()
	c.Callers = pulumix.Apply3(middleware.Name(), c.Namespace, owner.Settled(middleware), func(name, namespace string, _ bool) Reference {
		return Reference{Middleware: name, Namespace: namespace}
	})
	return c, ctx.RegisterResourceOutputs(c, input.Outputs(c))
}
