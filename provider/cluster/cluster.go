// Package cluster is the component InferenceCluster: a workload cluster that runs models, and the gateway that leads to them.
package cluster

import (
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/input"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
	"github.com/modelplane/pulumi-modelplane/provider/programs"
)

// Kind is the component's type without the package, and what its objects carry as the label modelplane/component.
const Kind = "InferenceCluster"

// Definition is the component as the provider serves it.
var Definition = input.Define(check, func(
	ctx *pulumi.Context, name string, args input.Args[Args], opts ...pulumi.ResourceOption,
) (*InferenceCluster, error) {
	return construct(ctx, name, Inputs{
		Access: input.Part[Access](args), Facts: input.Part[Facts](args), Components: input.Part[Components](args),
		Source: input.Part[Source](args), Serving: input.Part[Serving](args), Hop: input.Part[Hop](args),
		Annotated: input.Part[Annotated](args), Identity: input.Part[meta.Identity](args),
	}, opts...)
})

// InferenceCluster is a workload cluster.
type InferenceCluster struct {
	pulumi.ResourceState

	Address    pulumix.Output[string]     `pulumi:"address"`
	URL        pulumix.Output[string]     `pulumi:"url"`
	Cluster    pulumix.Output[Reference]  `pulumi:"cluster"`
	Connection pulumix.Output[Connection] `pulumi:"connection" provider:"secret"`
}

// Annotate describes the component for the schema.
func (c *InferenceCluster) Annotate(at infer.Annotator) {
	at.SetToken("index", Kind)
	at.Describe(c, "A Kubernetes cluster that runs models: what placements know of it, and the gateway that leads to the models on it. `pulumi up` waits "+
		"until Envoy runs and has an address."+programs.Of("cluster", "Four nodes with eight H100s each"))
	at.Describe(&c.Address, "The IP address or host name of the cluster's gateway.")
	at.Describe(&c.URL, "The URL of the cluster's gateway, without a path.")
	at.Describe(&c.Cluster, "The cluster as a ModelDeployment takes it in `clusters`.")
	at.Describe(&c.Connection, "What a ModelDeployment in another stack takes in `connections`, beside that.")
}

// Inputs are a program's, in parts that may still be unknown in preview.
type Inputs struct {
	Access     value.Value[Access]
	Facts      value.Value[Facts]
	Components value.Value[Components]
	Source     value.Value[Source]
	Serving    value.Value[Serving]
	Hop        value.Value[Hop]
	Annotated  value.Value[Annotated]
	Identity   value.Value[meta.Identity]
}

func construct(ctx *pulumi.Context, name string, in Inputs, opts ...pulumi.ResourceOption) (*InferenceCluster, error) {
	// The name is always known, so that only the namespace can be missing.
	isNamed := in.Identity.Now().Namespace != "" || !in.Identity.Complete()
	in.Identity = value.Map(in.Identity, func(i meta.Identity) meta.Identity { return i.OrOwn(name) })
	metadata := value.Map2(in.Facts, in.Annotated, func(f Facts, a Annotated) meta.Metadata {
		return meta.Metadata{Labels: f.Labels, Annotations: a.Annotations}
	})
	c := &InferenceCluster{}
	owner, err := child.NewOwner(ctx, Kind, name, c, in.Identity, metadata, opts)
	if err != nil {
		return nil, err
	}
	owner, provider, err := in.connect(owner)
	if err != nil {
		return nil, err
	}
	hop := in.Hop.Now()
	decided := value.Decide2(in.Identity, in.Serving, func(i meta.Identity, s Serving) (plan, fault.List) { return decide(i, s, hop.isSecured()) })
	list, err := children(name, isNamed, in, decided)
	if err != nil {
		return nil, err
	}
	objects, err := owner.Register(list)
	if err != nil {
		return nil, err
	}
	gateway := objects[gatewayKey]
	c.Address = pulumix.ApplyErr(child.Map(gateway.Status), address)
	c.URL = URLOf(gateway)
	authority := objects[certificateKey]
	if !hop.hasAuthority() {
		authority = nil
	}
	// Endpoints send a key once Envoy takes it.
	settled := owner.Settled(objects[policyKey], objects[clientsKey])
	c.Cluster = pulumix.Apply7(decided.Output(), in.Facts.Output(), urnOf(gateway), provider, urnOf(objects[clientsKey]), urnOf(authority), settled,
		func(p plan, f Facts, gateway, provider, key, ca string, _ bool) Reference {
			return p.reference(f, in.Components.Now(), urns{gateway: gateway, provider: provider, key: key, ca: ca})
		})
	c.Connection = value.Secret(pulumix.Apply3(c.URL, in.Access.Output(), in.Hop.Output(), connection))
	return c, ctx.RegisterResourceOutputs(c, input.Outputs(c))
}

// connect has the cluster's children made in the cluster of its kubeconfig, and gives the URN of the provider for it; empty where
// that is the component's own, and is not known.
func (in Inputs) connect(owner child.Owner) (child.Owner, pulumix.Output[string], error) {
	if in.Access.Now().Kubeconfig == nil {
		return owner, pulumix.Val(owner.ProviderURN()), nil
	}
	kubeconfig := pulumix.Apply(in.Access.Output(), func(a Access) string { return *a.Kubeconfig })
	provider, err := owner.NewProvider(owner.ChildName(), kubeconfig, in.Identity.Now().Name, in.Access.Now().DeleteUnreachable)
	if err != nil {
		return owner, pulumix.Output[string]{}, err
	}
	return owner.On(provider, in.Identity.Now().Name), urnOf(provider), nil
}

// urnOf is the URN of a resource; empty if there is none.
func urnOf[R interface {
	comparable
	URN() pulumi.URNOutput
}](resource R) pulumix.Output[string] {
	var none R
	if resource == none {
		return pulumix.Val("")
	}
	return pulumix.Apply(pulumix.MustConvertTyped[pulumi.URN](resource.URN()), func(urn pulumi.URN) string { return string(urn) })
}

// connection is how another stack reaches the cluster.
func connection(url string, a Access, h Hop) Connection {
	return Connection{URL: url, Kubeconfig: a.Kubeconfig, APIKey: h.firstKey(), CACertificate: ptr.Deref(h.TLS, TLS{}).CACertificate}
}

// URLOf is the URL of a cluster's gateway, without a path, given the Gateway.
func URLOf(gateway *child.Object) pulumix.Output[string] {
	return pulumix.Apply2Err(child.Map(gateway.Spec), child.Map(gateway.Status), gatewayURL)
}
