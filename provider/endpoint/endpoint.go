// Package endpoint is the component ModelEndpoint: one base URL, or those of several replicas, as a Service that a route can
// send requests to.
package endpoint

import (
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
const Kind = "ModelEndpoint"

// Definition is the component as the provider serves it.
var Definition = input.Define(check, func(
	ctx *pulumi.Context, name string, args input.Args[Args], opts ...pulumi.ResourceOption,
) (*ModelEndpoint, error) {
	return construct(ctx, name, Inputs{
		Server: input.Part[Server](args), Credential: input.Part[Credential](args),
		Identity: input.Part[meta.Identity](args), Metadata: input.Part[meta.Metadata](args),
	}, opts...)
})

// ModelEndpoint is one backend of services.
type ModelEndpoint struct {
	pulumi.ResourceState

	ServiceName pulumix.Output[string]           `pulumi:"serviceName"`
	Namespace   pulumix.Output[string]           `pulumi:"namespace"`
	Port        pulumix.Output[int]              `pulumi:"port"`
	Scheme      pulumix.Output[string]           `pulumi:"scheme"`
	Host        pulumix.Output[string]           `pulumi:"host"`
	BasePath    pulumix.Output[string]           `pulumi:"basePath"`
	Backend     pulumix.Output[BackendReference] `pulumi:"backend"`
}

// Annotate describes the component for the schema.
func (e *ModelEndpoint) Annotate(at infer.Annotator) {
	at.SetToken("index", Kind)
	at.Describe(e, "One model server, or several replicas of it, by base URL, with its own host, path, TLS and key. "+
		"It is a Service and an EndpointSlice, with a BackendTLSPolicy, a Secret and a Traefik Middleware where they are "+
		"needed. When anything changes that decides how requests reach the server, except IP addresses, new objects are made "+
		"beside the old ones. Services then switch over in one write, and no request is lost."+
		programs.Of("endpoint", "Servers of your own, and a provider with a key"))
	at.Describe(&e.ServiceName, "The name of the Service in front of the server's addresses.")
	at.Describe(&e.Namespace, "The namespace of the endpoint's objects.")
	at.Describe(&e.Port, "The port of the URL.")
	at.Describe(&e.Scheme, "The scheme of the URL, http or https.")
	at.Describe(&e.Host, "The host of the URL, the first one of several.")
	at.Describe(&e.BasePath, "The path that replaces a service's own path; `/` is the server's root.")
	at.Describe(&e.Backend, "The endpoint as a ModelService takes it in `backends`.")
}

// Inputs are the arguments of [New]: the same as a program's, in parts that may still be unknown in preview.
type Inputs struct {
	Server     value.Value[Server]
	Credential value.Value[Credential]
	Identity   value.Value[meta.Identity]
	Metadata   value.Value[meta.Metadata]
}

// New makes a ModelEndpoint as the child of another component, from inputs that follow the rules of a program's.
func New(ctx *pulumi.Context, name string, in Inputs, opts ...pulumi.ResourceOption) (*ModelEndpoint, error) {
	faults := check(name, Args{in.Server.Now(), in.Credential.Now(), in.Identity.Now(), in.Metadata.Now()})
	unknown := slices.Concat(input.Unknown(in.Server), input.Unknown(in.Credential), input.Unknown(in.Identity), input.Unknown(in.Metadata))
	if err := faults.Known(unknown).Err(); err != nil {
		return nil, err
	}
	return construct(ctx, name, in, opts...)
}

func construct(ctx *pulumi.Context, name string, in Inputs, opts ...pulumi.ResourceOption) (*ModelEndpoint, error) {
	in.Identity = value.Map(in.Identity, func(i meta.Identity) meta.Identity { return i.Or(name, meta.DefaultNamespace) })
	e := &ModelEndpoint{}
	owner, err := child.NewOwner(ctx, Kind, name, e, in.Identity, in.Metadata, opts)
	if err != nil {
		return nil, err
	}
	keyed := isKeyed(in.Server.Now(), in.Credential.Now())
	// What preview did not know reaches the rules here for the first time.
	in.Credential = value.Check(in.Credential, func(c Credential) fault.List { return c.check(in.Server.Now().keyScheme()) })
	decided := value.Decide(in.Server, func(s Server) (plan, fault.List) {
		p, faults := decide(s, keyed)
		s.checkKeySending(keyed, &faults)
		return p, faults
	})
	objects, err := owner.Register(children(in, decided))
	if err != nil {
		return nil, err
	}
	settled := owner.Settled(objects[middleware], objects[service], objects[slice], objects[policy])
	e.setOutputs(in.Identity, decided, objects, settled)
	return e, ctx.RegisterResourceOutputs(e, input.Outputs(e))
}

// setOutputs makes the outputs wait until the objects are settled, so that what uses the endpoint is created after them and
// deleted before them.
func (e *ModelEndpoint) setOutputs(
	identity value.Value[meta.Identity], decided value.Value[plan], objects child.Objects, settled pulumix.Output[bool],
) {
	e.Backend = pulumix.Apply5(identity.Output(), decided.Output(), objects[service].Name(), objects[middleware].Name(), settled,
		func(i meta.Identity, p plan, service, middleware string, _ bool) BackendReference {
			return p.reference(i.Name, i.Namespace, service, middleware)
		})
	e.ServiceName = pulumix.Apply(e.Backend, func(r BackendReference) string { return r.ServiceName })
	e.Namespace = pulumix.Apply(e.Backend, func(r BackendReference) string { return r.Namespace })
	e.Port = pulumix.Apply(decided.Output(), func(p plan) int { return int(p.Port) })
	e.Scheme = pulumix.Apply(decided.Output(), func(p plan) string { return p.Scheme })
	e.Host = pulumix.Apply(decided.Output(), func(p plan) string { return p.addresses[0] })
	e.BasePath = pulumix.Apply(decided.Output(), func(p plan) string { return orRoot(p.BasePath) })
}
