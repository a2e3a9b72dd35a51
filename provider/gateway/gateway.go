// Package gateway is the component ModelGateway: Traefik as the one address in front of all services.
package gateway

import (
	"cmp"
	"fmt"
	"maps"

	"github.com/pulumi/pulumi-go-provider/infer"
	kubernetes "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/utilities"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"

	"github.com/modelplane/pulumi-modelplane/provider/examples"
	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
	"github.com/modelplane/pulumi-modelplane/provider/internal/component"
	"github.com/modelplane/pulumi-modelplane/provider/internal/crds"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/object"
)

// Token is the type of a ModelGateway in a Pulumi program.
const Token = "modelplane:index:" + Kind

// Kind is what its objects carry as the label modelplane/component.
const Kind = "ModelGateway"

// readyTimeout is how long Traefik has to run and to get an address.
const readyTimeout = "10m"

// endTimeout is how long its Pods may take to end: their whole grace period, with something to spare.
const endTimeout = "11m"

// Definition is the component as the provider serves it.
var Definition = component.Define(check, construct)

// ModelGateway is Traefik with a Gateway that services attach to.
type ModelGateway struct {
	pulumi.ResourceState

	Address          pulumix.Output[string]    `pulumi:"address"`
	URL              pulumix.Output[string]    `pulumi:"url"`
	GatewayName      pulumix.Output[string]    `pulumi:"gatewayName"`
	GatewayClassName pulumix.Output[string]    `pulumi:"gatewayClassName"`
	Namespace        pulumix.Output[string]    `pulumi:"namespace"`
	Gateway          pulumix.Output[Reference] `pulumi:"gateway"`
}

// Annotate describes the component for the schema.
func (g *ModelGateway) Annotate(at infer.Annotator) {
	at.SetToken("index", Kind)
	at.Describe(g, "The gateway: a Helm release of Traefik with a GatewayClass and a Gateway of its own, in a namespace of its "+
		"own, ready for services of every namespace. Several gateways live side by side in a cluster. `pulumi up` fails when Traefik does not run or has no address after ten minutes (or the "+
		"`customTimeouts` of the component)."+examples.Of("gateway", "Three Traefiks behind an internal load balancer"))
	at.Describe(&g.Address, "The IP address or host name of the load balancer; the ClusterIP where there is none.")
	at.Describe(&g.URL, "The URL of the gateway, without a path.")
	at.Describe(&g.GatewayName, "The name of the Gateway.")
	at.Describe(&g.GatewayClassName, "The name of the GatewayClass, which no other gateway shares.")
	at.Describe(&g.Namespace, "The gateway's namespace.")
	at.Describe(&g.Gateway, "The gateway as a ModelService takes it in `gateway`.")
}

func construct(
	ctx *pulumi.Context, name string, in component.Inputs[Args], opts ...pulumi.ResourceOption,
) (*ModelGateway, error) {
	g := &ModelGateway{}
	children, err := component.Register(ctx, Token, name, g, opts)
	if err != nil {
		return nil, err
	}
	b := builder{
		ctx: ctx, children: children, in: in, name: name, owner: object.Owner(ctx.Organization(), in.URN()),
		meta: in.Only("name", "namespace", "labels", "annotations"),
		plan: component.Decide(in.Except("chart"), func(a Args) (plan, fault.List) { return decide(name, a) }),
	}
	release, err := b.release()
	if err != nil {
		return nil, err
	}
	workload, service, err := b.running(release)
	if err != nil {
		return nil, err
	}
	class, err := b.class(release)
	if err != nil {
		return nil, err
	}
	gateway, err := b.gateway(class, workload, service)
	if err != nil {
		return nil, err
	}
	b.setOutputs(g, service, class, gateway)
	return g, nil
}

// builder makes a gateway's children, all of them with the Pulumi name of the gateway.
type builder struct {
	ctx      *pulumi.Context
	children component.Children
	in       component.Inputs[Args]
	name     string
	owner    string
	meta     pulumix.Output[Args]
	plan     pulumix.Output[plan]
}

// release installs Traefik, after the namespace and the CRDs that it watches. It is not waited for: Helm would tell
// no more than that time ran out.
func (b builder) release() (*helmRelease, error) {
	before, err := b.crds()
	if err != nil {
		return nil, err
	}
	namespace, err := b.namespace()
	if err != nil {
		return nil, err
	}
	advice, err := b.advise("release", adviseOnRelease)
	if err != nil {
		return nil, err
	}
	// Of the chart only the values may be secret.
	source := func(part func(chartSource) any) pulumi.Output {
		return pulumi.Unsecret(pulumix.Apply(b.in.Only("chart"), func(a Args) any { return part(a.chartSource()) }))
	}
	values := pulumix.Apply2(b.in.Only("chart"), b.plan, func(a Args, p plan) map[string]any { return p.values(a) })
	var made helmRelease
	err = b.ctx.RegisterResource("kubernetes:helm.sh/v3:Release", b.name, pulumi.Map{
		"name":           b.objectName(),
		"namespace":      b.namespaceName(),
		"chart":          source(func(c chartSource) any { return c.name }),
		"version":        source(func(c chartSource) any { return c.version }),
		"repositoryOpts": source(func(c chartSource) any { return c.repositoryOpts() }),
		"values":         values,
		"skipCrds":       pulumi.Bool(true),
		"skipAwait":      pulumi.Bool(true),
	}, &made, kubernetes.PkgResourceDefaultOpts(b.children.Options(pulumi.DependsOn(append(before, namespace...)), advice))...)
	return &made, err
}

// helmRelease is the part of a Release that others rest on.
type helmRelease struct {
	pulumi.CustomResourceState

	Status pulumi.MapOutput `pulumi:"status"`
}

// namespace is the gateway's namespace, where it is created. One that is kept is a patch, which creates what is not there and
// takes what is there, with the user's labels and annotations alone: it may have other gateways in it, or none some day.
func (b builder) namespace() ([]pulumi.Resource, error) {
	ownership := namespaceOwnership(b.in.Known.Namespace != "" || b.in.Unknown("namespace"), b.in.Known.CreateNamespace)
	if ownership == existing {
		return nil, nil
	}
	advice, err := b.advise("namespace", adviseOnNamespace)
	if err != nil {
		return nil, err
	}
	kind, name, labels, options := object.Namespace, b.namespaceName(), b.owned(nil), b.children.Options(advice)
	if ownership == kept {
		kind, options = object.NamespacePatch, b.children.Options(advice, pulumi.RetainOnDelete(true))
		labels = pulumix.Apply(b.meta, func(a Args) map[string]string { return a.Labels })
		if b.in.Unknown("namespace") { // the Kubernetes plugin refuses a patch without a name, in preview too
			name = pulumix.Val("not-known-in-preview")
		}
	}
	namespace, err := object.New(b.ctx, kind, b.name, pulumi.Map{"metadata": pulumi.Map{
		"name":        name,
		"labels":      labels,
		"annotations": b.annotations(nil),
	}}, options...)
	return []pulumi.Resource{namespace}, err
}

// crds installs the CRDs. They outlive the gateway: deleting them would delete every route in the cluster. All gateways write
// them under one field manager, so that only what another tool holds in another version is a conflict. A CRD is never
// updated, because Pulumi updates CRDs by overwriting what is there, whoever holds it: each version is a resource of its own,
// and a change that refresh has found is left alone.
func (b builder) crds() ([]pulumi.Resource, error) {
	if !b.in.Known.InstallCRDs {
		return nil, nil
	}
	all, err := crds.All()
	if err != nil {
		return nil, err
	}
	advice, err := component.Advise(b.ctx, b.in, b.children, "crds", adviseOnCRDs)
	if err != nil {
		return nil, err
	}
	var made []pulumi.Resource
	for _, crd := range all {
		installed, err := object.New(b.ctx, object.CRDPatch, b.name+"-"+crd.Name+"-"+crd.Version, pulumi.ToMap(crd.Object),
			b.children.Options(pulumi.RetainOnDelete(true), pulumi.IgnoreChanges([]string{"metadata", "spec"}), advice)...)
		if err != nil {
			return nil, err
		}
		made = append(made, installed)
	}
	return made, nil
}

// running waits, by patches that change nothing that Traefik reads, until this revision of the release runs and has an
// address. Pulumi then says what is missing: which Pod fails and why, or that no load balancer gave an address.
func (b builder) running(release *helmRelease) (workload, service *object.Object, err error) {
	anchor, err := b.anchor(release)
	if err != nil {
		return nil, nil, err
	}
	metadata := pulumi.Map{
		"name":      b.objectName(),
		"namespace": b.namespaceName(),
		"annotations": pulumix.Apply(pulumix.MustConvertTyped[map[string]any](release.Status), func(status map[string]any) map[string]string {
			return map[string]string{revisionAnnotation: fmt.Sprint(status["revision"])}
		}),
	}
	advice, err := b.advise("address", adviseOnAddress)
	if err != nil {
		return nil, nil, err
	}
	service, err = object.New(b.ctx, object.ServicePatch, b.name, pulumi.Map{"metadata": metadata},
		b.children.Awaited(readyTimeout, advice)...)
	if err != nil {
		return nil, nil, err
	}
	owned := maps.Clone(metadata)
	owned["ownerReferences"] = pulumix.Apply2(anchor.Name(), anchor.UID(), func(name, uid string) []any {
		return []any{map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid, "blockOwnerDeletion": true}}
	})
	workload, err = object.New(b.ctx, object.DeploymentPatch, b.name, pulumi.Map{"metadata": owned},
		b.children.Awaited(readyTimeout, pulumi.RetainOnDelete(true))...)
	return workload, service, err
}

// anchor is an object that the Deployment belongs to: deleted before the release, it is gone only when the last Pod has
// ended. Helm itself does not wait for Pods, and a namespace that is deleted while some of them still end is looked at
// again only after half of their grace period, which is five minutes.
func (b builder) anchor(release *helmRelease) (*object.Object, error) {
	name := names.Prefix(string(b.objectName()), b.name) + "-pods"
	return object.New(b.ctx, object.ConfigMap, name, pulumi.Map{
		"metadata": pulumi.Map{
			"namespace":   b.namespaceName(),
			"labels":      b.labels(nil),
			"annotations": b.annotations(nil),
		},
		"data": pulumi.StringMap{"README": pulumi.String("The gateway's Deployment belongs to this object: it is deleted with it.")},
	}, b.children.Ended(endTimeout, pulumi.DependsOn([]pulumi.Resource{release}))...)
}

func (b builder) class(release *helmRelease) (*object.Object, error) {
	advice, err := b.advise("class", adviseOnGateway)
	if err != nil {
		return nil, err
	}
	return object.New(b.ctx, object.GatewayClass, b.name, pulumi.Map{
		"metadata": pulumi.Map{
			"name":        pulumix.Apply(b.names(), func(a Args) string { return className(b.name, a) }),
			"labels":      b.owned(classLabels),
			"annotations": b.annotations(nil),
		},
		"spec": pulumi.Map{"controllerName": pulumi.String(chart.ControllerName)},
	}, b.children.Options(pulumi.DependsOn([]pulumi.Resource{release}), advice)...)
}

// gateway waits until Traefik says that it serves the Gateway.
func (b builder) gateway(class, workload, service *object.Object) (*object.Object, error) {
	advice, err := b.advise("gateway", adviseOnGateway)
	if err != nil {
		return nil, err
	}
	spec := pulumix.ApplyErr(class.Name(), func(class string) (any, error) { return object.Plain(gatewaySpec(class)) })
	return object.New(b.ctx, object.Gateway, b.name, pulumi.Map{
		"metadata": pulumi.Map{
			"name":        b.objectName(),
			"namespace":   b.namespaceName(),
			"labels":      b.owned(nil),
			"annotations": b.annotations(map[string]string{object.WaitForAnnotation: waitFor}),
		},
		"spec": spec,
	}, b.children.Awaited(readyTimeout, pulumi.DependsOn([]pulumi.Resource{workload, service}), advice)...)
}

// setOutputs derives what a service takes from Traefik's own objects and from the Gateway, so that services come after
// both and go before both.
func (b builder) setOutputs(g *ModelGateway, service, class, gateway *object.Object) {
	spec := pulumix.MustConvertTyped[map[string]any](service.Spec)
	status := pulumix.MustConvertTyped[map[string]any](service.Status)
	g.Address = pulumix.Apply2Err(spec, status, address)
	g.GatewayName = gateway.Name()
	g.GatewayClassName = class.Name()
	g.Namespace = b.namespaceName()
	g.URL = pulumix.Apply3(b.plan, g.Address, g.GatewayName, func(p plan, address, _ string) string { return p.url(address) })
	g.Gateway = pulumix.Apply3(g.GatewayName, g.Namespace, g.URL, func(name, namespace, url string) Reference {
		return Reference{Name: name, Namespace: namespace, Listener: Listener, URL: url, Plugin: true}
	})
}

// names are the arguments that names are made of, so that they are known where labels and annotations are not.
func (b builder) names() pulumix.Output[Args] { return b.in.Only("name", "namespace") }

func (b builder) objectName() pulumi.String { return pulumi.String(cmp.Or(b.in.Known.Name, b.name)) }

func (b builder) namespaceName() pulumix.Output[string] {
	return pulumix.Apply(b.names(), func(a Args) string { return namespaceOf(b.name, a) })
}

// labels are those that every object carries, and what more says of the arguments.
func (b builder) labels(more func(name string, a Args) map[string]string) pulumix.Output[map[string]string] {
	return pulumix.Apply(b.meta, func(a Args) map[string]string {
		labels := object.Labels(Kind, string(b.objectName()), a.Labels)
		if more != nil {
			maps.Copy(labels, more(b.name, a))
		}
		return labels
	})
}

// owned are labels of an object with a fixed name, which a gateway of another stack could have, too.
func (b builder) owned(more func(name string, a Args) map[string]string) pulumix.Output[map[string]string] {
	return pulumix.Apply(b.labels(more), func(labels map[string]string) map[string]string {
		labels[object.OwnerLabel] = b.owner
		return labels
	})
}

// advise is an option for children beside whose failure the advice is printed.
func (b builder) advise(about string, advice func(name string, a Args, failure string) string) (pulumi.ResourceOption, error) {
	return component.Advise(b.ctx, b.in, b.children, about, func(failure string) string { return advice(b.name, b.in.Known, failure) })
}

// annotations are the user's and our own; where there are none the field stays away, as the API server would have it.
func (b builder) annotations(own map[string]string) pulumix.Output[map[string]string] {
	return pulumix.Apply(b.meta, func(a Args) map[string]string {
		if len(own) == 0 {
			return a.Annotations
		}
		annotations := maps.Clone(own)
		maps.Copy(annotations, a.Annotations)
		return annotations
	})
}
