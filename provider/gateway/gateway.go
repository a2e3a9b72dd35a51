// Package gateway is the component ModelGateway: Traefik as the one address in front of all services.
package gateway

import (
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/input"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
	"github.com/modelplane/pulumi-modelplane/provider/programs"
)

// Kind is the component's type without the package, and what its objects carry as the label modelplane/component.
const Kind = "ModelGateway"

// Definition is the component as the provider serves it.
var Definition = input.Define(check, func(
	ctx *pulumi.Context, name string, args input.Args[Args], opts ...pulumi.ResourceOption,
) (*ModelGateway, error) {
	return construct(ctx, name, Inputs{
		Install: input.Part[Install](args), Source: input.Part[Source](args), Serving: input.Part[Serving](args),
		Secure: input.Part[Secure](args), Observe: input.Part[Observe](args), Sharing: input.Part[Sharing](args), Operating: input.Part[Operating](args),
		Proxied: input.Part[Proxied](args), Identity: input.Part[meta.Identity](args), Metadata: input.Part[meta.Metadata](args),
	}, opts...)
})

// ModelGateway is Traefik with a Gateway that services attach to.
type ModelGateway struct {
	pulumi.ResourceState

	Address          pulumix.Output[string]    `pulumi:"address"`
	URL              pulumix.Output[string]    `pulumi:"url"`
	ClusterURL       pulumix.Output[string]    `pulumi:"clusterUrl"`
	ServiceName      pulumix.Output[string]    `pulumi:"serviceName"`
	TraefikVersion   pulumix.Output[string]    `pulumi:"traefikVersion"`
	GatewayName      pulumix.Output[string]    `pulumi:"gatewayName"`
	GatewayClassName pulumix.Output[string]    `pulumi:"gatewayClassName"`
	Namespace        pulumix.Output[string]    `pulumi:"namespace"`
	Gateway          pulumix.Output[Reference] `pulumi:"gateway"`
}

// Annotate describes the component for the schema.
func (g *ModelGateway) Annotate(at infer.Annotator) {
	at.SetToken("index", Kind)
	at.Describe(g, "The gateway: a Helm release of Traefik with its own GatewayClass and Gateway, in its own namespace, ready for "+
		"services of every namespace. A cluster can have several gateways, which share the CRDs. `pulumi up` fails when Traefik "+
		"does not run or has no address after ten minutes (or the `customTimeouts` of the component)."+programs.Of("gateway", "Three Traefiks behind an internal load balancer"))
	at.Describe(&g.Address, "The IP address or host name of the load balancer; the ClusterIP where there is none.")
	at.Describe(&g.URL, "The URL of the gateway, without a path.")
	at.Describe(&g.ClusterURL, "The URL of the gateway for clients inside the cluster, without a path. It is empty where plain HTTP is not served "+
		"and no certificate holds the Service's name.")
	at.Describe(&g.ServiceName, "The name of Traefik's Service.")
	at.Describe(&g.TraefikVersion, "The version of Traefik that runs, as the image's tag or `chart.traefikVersion` states it.")
	at.Describe(&g.GatewayName, "The name of the Gateway.")
	at.Describe(&g.GatewayClassName, "The name of the GatewayClass, which no other gateway shares.")
	at.Describe(&g.Namespace, "The gateway's namespace.")
	at.Describe(&g.Gateway, "The gateway as a ModelService takes it in `gateway`.")
}

// Inputs are a program's, in parts that may still be unknown in preview.
type Inputs struct {
	Install   value.Value[Install]
	Source    value.Value[Source]
	Serving   value.Value[Serving]
	Secure    value.Value[Secure]
	Observe   value.Value[Observe]
	Sharing   value.Value[Sharing]
	Operating value.Value[Operating]
	Proxied   value.Value[Proxied]
	Identity  value.Value[meta.Identity]
	Metadata  value.Value[meta.Metadata]
}

func construct(ctx *pulumi.Context, name string, in Inputs, opts ...pulumi.ResourceOption) (*ModelGateway, error) {
	// The name is always known, so that only the namespace can be missing.
	isNamed := in.Identity.Now().Namespace != "" || !in.Identity.Complete()
	ownership := namespaceOwnership(isNamed, in.Install.Now().CreateNamespace)
	in.Identity = value.Map(in.Identity, func(i meta.Identity) meta.Identity { return i.OrOwn(name) })
	g := &ModelGateway{}
	owner, err := child.NewOwner(ctx, Kind, name, g, in.Identity, in.Metadata, opts)
	if err != nil {
		return nil, err
	}
	decided := value.Decide2(value.Join(in.Identity, in.Metadata), in.Serving,
		func(of value.Pair[meta.Identity, meta.Metadata], s Serving) (plan, fault.List) {
			return decide(of.A, of.B, s)
		})
	decided = value.Check(value.Decide2(decided, value.Public(in.Secure), plan.withHTTPS), func(p plan) fault.List { return warnOfHTTPS(owner, p) })
	decided = value.Map2(decided, value.Public(value.Map(in.Observe, Observe.settings)), plan.observing)
	decided = value.Map2(decided, value.Public(value.Map(in.Sharing, Sharing.shared)), plan.sharing)
	decided = value.Decide2(value.Decide2(decided, in.Operating, plan.withOperating), in.Proxied, plan.withProxied)
	list, err := children(name, ownership, in, decided)
	if err != nil {
		return nil, err
	}
	objects, err := owner.Register(list)
	if err != nil {
		return nil, err
	}
	g.setOutputs(in, owner, decided, objects)
	return g, ctx.RegisterResourceOutputs(g, input.Outputs(g))
}

// setOutputs derives what a service takes from Traefik's own objects and from the Gateway, so that services are created after
// both and deleted before both.
func (g *ModelGateway) setOutputs(in Inputs, owner child.Owner, decided value.Value[plan], objects child.Objects) {
	service := objects[serviceKey]
	g.Address = pulumix.Apply2Err(child.Map(service.Spec), child.Map(service.Status), address)
	g.GatewayName = in.servedHTTPS(owner, objects, objects[gatewayKey].Name())
	g.GatewayClassName = objects[classKey].Name()
	g.Namespace = owner.Namespace()
	g.URL = pulumix.Apply3(decided.Output(), g.Address, g.GatewayName, func(p plan, address, _ string) string { return p.url(address) })
	g.ClusterURL = pulumix.Apply2(decided.Output(), g.GatewayName, func(p plan, _ string) string { return p.clusterURL() })
	g.ServiceName = service.Name()
	// It is read beside the chart's values, which may be secret.
	g.TraefikVersion = pulumix.MustConvertTyped[string](pulumi.Unsecret(pulumix.Apply(in.Source.Output(), Source.traefikVersion)))
	inner := objects[innerKey].Name()
	g.Gateway = pulumix.Apply5(decided.Output(), g.GatewayName, inner, g.URL, g.Address, func(p plan, name, inner, url, address string) Reference {
		return p.listeners(Reference{
			Name: name, Namespace: p.identity.Namespace, Listener: Listener, URL: url, ClusterURL: p.clusterURL(),
			PluginVersion: plugin.Version, Inner: inner, Public: p.isPublic(address), AllowAnyPath: p.allowAnyPath,
			Observed:       p.isObserved(),
			Tokens:         p.settings.Observability.Tokens,
			SharedLimits:   p.settings.Shared.URL != "",
			TrustedProxies: p.settings.Clients.TrustedProxies,
		})
	})
}
