// Package deployment is the component ModelDeployment: replicas of a model on several clusters, and an endpoint for each of these.
package deployment

import (
	"fmt"

	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/cluster"
	"github.com/modelplane/pulumi-modelplane/provider/endpoint"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/input"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
	"github.com/modelplane/pulumi-modelplane/provider/placed"
	"github.com/modelplane/pulumi-modelplane/provider/programs"
)

// Kind is the component's type without the package, and what its objects carry as the label modelplane/component.
const Kind = "ModelDeployment"

// Definition is the component as the provider serves it.
var Definition = input.Define(check, func(
	ctx *pulumi.Context, name string, args input.Args[Args], opts ...pulumi.ResourceOption,
) (*ModelDeployment, error) {
	return construct(ctx, name, Inputs{
		Workload: input.Part[Workload](args), Placing: input.Part[Placing](args), Access: input.Part[Access](args),
		Identity: input.Part[meta.Identity](args), Metadata: input.Part[meta.Metadata](args),
	}, opts...)
})

// ModelDeployment is a model that runs on clusters.
type ModelDeployment struct {
	pulumi.ResourceState

	Endpoints pulumix.Output[[]endpoint.BackendReference] `pulumi:"endpoints"`
	Placement pulumix.Output[[]placed.Placed]             `pulumi:"placement"`
	URLs      pulumix.Output[map[string]string]           `pulumi:"urls"`
	Namespace pulumix.Output[string]                      `pulumi:"namespace"`
}

// Annotate describes the component for the schema.
func (d *ModelDeployment) Annotate(at infer.Annotator) {
	at.SetToken("index", Kind)
	at.Describe(d, "A model with a number of replicas, on clusters that have room for them. Each cluster that runs replicas gets a Deployment, "+
		"a Service, a PodDisruptionBudget and an HTTPRoute on its own gateway; beside the ModelGateway, it gets a ModelEndpoint. "+
		"A replica stays on its cluster unless that is gone, drained, tainted against it, or has no more room. While a cluster's facts are "+
		"not known, preview shows the objects on all clusters as deleted; `pulumi up` then keeps them."+
		programs.Of("deployment", "Three replicas on two clusters"))
	at.Describe(&d.Endpoints, "An endpoint for each cluster that runs replicas, as a ModelService takes them in `backends[].endpoints`. Each has "+
		"its share by its replicas.")
	at.Describe(&d.Placement, "How many replicas each cluster runs.")
	at.Describe(&d.URLs, "The model's base URL on each cluster that runs replicas, by the cluster's name.")
	at.Describe(&d.Namespace, "The namespace of the objects.")
}

// Inputs are a program's, in parts that may still be unknown in preview.
type Inputs struct {
	Workload value.Value[Workload]
	Placing  value.Value[Placing]
	Access   value.Value[Access]
	Identity value.Value[meta.Identity]
	Metadata value.Value[meta.Metadata]
}

// onCluster is what one cluster gives to the outputs.
type onCluster struct {
	cluster  string
	url      string
	endpoint endpoint.BackendReference
}

func construct(ctx *pulumi.Context, name string, in Inputs, opts ...pulumi.ResourceOption) (*ModelDeployment, error) {
	in.Identity = value.Map(in.Identity, func(i meta.Identity) meta.Identity { return i.Or(name, meta.DefaultNamespace) })
	d := &ModelDeployment{}
	owner, err := child.NewOwner(ctx, Kind, name, d, in.Identity, in.Metadata, opts)
	if err != nil {
		return nil, err
	}
	in.Placing = value.Check(in.Placing, func(p Placing) fault.List {
		var faults fault.List
		for i, c := range p.Clusters {
			if _, connected := in.connection(c.Facts.Name); !connected {
				c.CheckStack(fault.Index("clusters", i), ctx.Project(), ctx.Stack(), &faults)
			}
		}
		return faults
	})
	decided := value.Decide2(value.Join(in.Identity, in.Metadata), value.Join(in.Workload, in.Placing),
		func(of value.Pair[meta.Identity, meta.Metadata], what value.Pair[Workload, Placing]) (plan, fault.List) {
			return decide(of.A, of.B, what.A, what.B)
		})
	where, err := placed.New(ctx, owner.ChildName(), pulumix.Apply(decided.Output(), func(p plan) placed.Args { return p.placing }), pulumi.Parent(d))
	if err != nil {
		return nil, err
	}
	// Only the placement says on which clusters there are objects.
	all := pulumix.Flatten(pulumix.Apply2Err(in.Placing.Output(), where, func(p Placing, placed []placed.Placed) (pulumix.Output[[]onCluster], error) {
		made := pulumix.Val([]onCluster{})
		for _, at := range placed {
			one, err := register(ctx, owner, name, in, decided, p.cluster(at.Cluster), at.Replicas)
			if err != nil {
				return made, err
			}
			made = pulumix.Apply2(made, one, func(made []onCluster, one onCluster) []onCluster { return append(made, one) })
		}
		return made, nil
	}))
	d.Placement = where
	d.Namespace = owner.Namespace()
	d.Endpoints = pulumix.Apply(all, func(all []onCluster) []endpoint.BackendReference {
		references := make([]endpoint.BackendReference, len(all))
		for i, one := range all {
			references[i] = one.endpoint
		}
		return references
	})
	d.URLs = pulumix.Apply(all, func(all []onCluster) map[string]string {
		urls := map[string]string{}
		for _, one := range all {
			urls[one.cluster] = one.url
		}
		return urls
	})
	return d, ctx.RegisterResourceOutputs(d, input.Outputs(d))
}

// register makes what there is of the deployment on one cluster, and the endpoint that leads to it.
func register(
	ctx *pulumi.Context, owner child.Owner, name string, in Inputs, decided value.Value[plan], c cluster.Reference, replicas int,
) (pulumix.Output[onCluster], error) {
	var none pulumix.Output[onCluster]
	way, err := in.wayTo(owner, c)
	if err != nil {
		return none, err
	}
	there := owner.On(way.provider, c.Facts.Name)
	objects, err := there.Register(children(name, in.Identity.Now().Name, c, replicas, decided))
	if err != nil {
		return none, err
	}
	// The route is accepted a moment before Envoy serves it.
	baseURL := pulumix.Apply3(decided.Output(), way.url, there.Settled(objects[routeKey], objects[kserveKey]), func(p plan, gateway string, _ bool) string {
		return p.url(gateway)
	})
	server, credential := way.server(baseURL)
	made, err := endpoint.New(ctx, onClusterName(name, in.Identity.Now().Name, c.Facts.Name), endpoint.Inputs{
		Server: server, Credential: credential,
		Identity: value.Map(in.Identity, func(i meta.Identity) meta.Identity {
			return meta.Identity{Name: endpointName(i.Name, c.Facts.Name), Namespace: i.Namespace}
		}),
		Metadata: value.Map(in.Metadata, func(m meta.Metadata) meta.Metadata { return m.With(c.Facts.Labels) }),
	}, pulumi.Parent(owner.Resource()))
	if err != nil {
		return none, fmt.Errorf("the endpoint for the cluster %s: %w", c.Facts.Name, err)
	}
	return pulumix.Apply2(made.Backend, baseURL, func(reference endpoint.BackendReference, url string) onCluster {
		reference.Share = ptr.To(replicas)
		return onCluster{cluster: c.Facts.Name, url: url, endpoint: reference}
	}), nil
}

// cluster is the one of that name.
func (p Placing) cluster(name string) cluster.Reference {
	for _, c := range p.Clusters {
		if c.Facts.Name == name {
			return c
		}
	}
	return cluster.Reference{}
}
