// Package endpoint is the component ModelEndpoint: one base URL, or several that are alike, as a Service that a route
// can send requests to.
package endpoint

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"strings"

	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/modelplane/pulumi-modelplane/provider/examples"
	"github.com/modelplane/pulumi-modelplane/provider/internal/component"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/object"
)

// Token is the type of a ModelEndpoint in a Pulumi program.
const Token = "modelplane:index:" + Kind

// Kind is what its objects carry as the label modelplane/component.
const Kind = "ModelEndpoint"

// Definition is the component as the provider serves it.
var Definition = component.Define(check, construct)

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
	at.Describe(e, "One backend: a model server's base URL, or several that are alike, with its own host, path, TLS and key. "+
		"It is a Service and an EndpointSlice, with a BackendTLSPolicy, a Secret and a Traefik Middleware where they are "+
		"needed. A change of anything that decides how requests reach the server, but for IP addresses, is made beside the "+
		"old objects; services switch over in one write, and no request is lost."+
		examples.Of("endpoint", "Servers of your own, and a provider with a key"))
	at.Describe(&e.ServiceName, "The name of the Service in front of the server's addresses.")
	at.Describe(&e.Namespace, "The namespace of the endpoint's objects.")
	at.Describe(&e.Port, "The port of the URL.")
	at.Describe(&e.Scheme, "The scheme of the URL, http or https.")
	at.Describe(&e.Host, "The host of the URL, the first one of several.")
	at.Describe(&e.BasePath, "The path that a service's own path is replaced with; `/` is the server's root.")
	at.Describe(&e.Backend, "The endpoint as a ModelService takes it in `backends`.")
}

func construct(
	ctx *pulumi.Context, name string, in component.Inputs[Args], opts ...pulumi.ResourceOption,
) (*ModelEndpoint, error) {
	e := &ModelEndpoint{}
	children, err := component.Register(ctx, Token, name, e, opts)
	if err != nil {
		return nil, err
	}
	keyed := in.Has("apiKey") || in.Has("apiKeySecretRef")
	b := builder{
		ctx: ctx, children: children, in: in,
		name: cmp.Or(in.Known.Name, name),
		meta: in.Only("namespace", "labels", "annotations"),
		plan: component.Decide(in.Except("apiKey", "name", "namespace", "labels", "annotations"), func(a Args) (plan, fault.List) {
			return decide(a, keyed)
		}),
	}
	middleware, err := b.key(keyed)
	if err != nil {
		return nil, err
	}
	service, err := b.service(middleware)
	if err != nil {
		return nil, err
	}
	slice, err := b.slice(service)
	if err != nil {
		return nil, err
	}
	policy, err := b.policy(service)
	if err != nil {
		return nil, err
	}
	b.setOutputs(e, service, middleware, slice, policy)
	return e, nil
}

// builder makes an endpoint's children. All but the key's Secret carry the hash of the way, so that another way gets other
// objects, made before the old ones go.
type builder struct {
	ctx      *pulumi.Context
	children component.Children
	in       component.Inputs[Args]
	name     string
	meta     pulumix.Output[Args]
	plan     pulumix.Output[plan]
}

// key keeps the key in a Secret and has a Middleware read it from there.
func (b builder) key(keyed bool) (*object.Object, error) {
	if !keyed {
		return nil, nil
	}
	var secret *object.Object
	if b.in.Has("apiKey") {
		data := pulumix.Apply(b.in.String("apiKey"), func(key string) map[string]string {
			return map[string]string{keyEntry: base64.StdEncoding.EncodeToString([]byte(strings.TrimSpace(key)))}
		})
		var err error
		if secret, err = b.make(object.Secret, pulumi.Map{"type": pulumi.String("Opaque"), "data": data}); err != nil {
			return nil, err
		}
	}
	return b.make(object.Middleware, pulumi.Map{"spec": pulumix.Apply2(b.plan, object.NameOf(secret), plan.middlewareSpec)})
}

// service depends on the Middleware: Traefik reads Middlewares and routes separately, and what is made between the two
// lets it see the Middleware first.
func (b builder) service(middleware *object.Object) (*object.Object, error) {
	spec := pulumix.ApplyErr(b.plan, func(p plan) (any, error) { return object.Plain(p.serviceSpec()) })
	return b.make(object.Service, pulumi.Map{"spec": spec}, middleware)
}

func (b builder) slice(service *object.Object) (*object.Object, error) {
	return b.make(object.EndpointSlice, pulumi.Map{
		"addressType": pulumix.Apply(b.plan, func(p plan) string { return string(p.target.Family) }),
		"endpoints":   pulumix.ApplyErr(b.plan, func(p plan) (any, error) { return object.Plain(p.sliceEndpoints()) }),
		"ports":       pulumix.ApplyErr(b.plan, func(p plan) (any, error) { return object.Plain(p.slicePorts()) }),
	}, service)
}

// policy says how the server's certificate is verified, where that is not the default.
func (b builder) policy(service *object.Object) (*object.Object, error) {
	if !b.in.Has("tls") {
		return nil, nil
	}
	var authorities *object.Object
	if b.in.HasWithin("tls", "caCertificate") {
		data := pulumix.Apply(b.plan, func(p plan) map[string]string { return map[string]string{caEntry: p.tls.caCertificate} })
		var err error
		if authorities, err = b.make(object.ConfigMap, pulumi.Map{"data": data}); err != nil {
			return nil, err
		}
	}
	spec := pulumix.Apply3Err(b.plan, service.Name(), object.NameOf(authorities), func(p plan, service, ca string) (any, error) {
		return object.Plain(p.tls.policySpec(service, ca))
	})
	return b.make(object.BackendTLSPolicy, pulumi.Map{"spec": spec})
}

// make registers a child after the objects that must be there before it.
func (b builder) make(kind object.Kind, content pulumi.Map, after ...*object.Object) (*object.Object, error) {
	opts := b.children.Options()
	for _, before := range after {
		if before != nil {
			opts = append(opts, pulumi.DependsOn([]pulumi.Resource{before}))
		}
	}
	metadata := pulumi.Map{
		"namespace":   pulumix.Apply(b.in.Only("namespace"), func(a Args) string { return a.Namespace }),
		"labels":      pulumix.Apply(b.meta, func(a Args) map[string]string { return object.Labels(Kind, b.name, a.Labels) }),
		"annotations": pulumix.Apply(b.meta, func(a Args) map[string]string { return a.Annotations }),
	}
	content["metadata"] = metadata
	switch kind {
	case object.Secret, object.ConfigMap:
		// The Kubernetes package itself replaces these, new before old, when their data change.
		return object.New(b.ctx, kind, b.name, content, opts...)
	case object.EndpointSlice:
		metadata["labels"] = pulumix.Apply2(b.meta, after[0].Name(), func(a Args, service string) map[string]string {
			labels := object.Labels(Kind, b.name, a.Labels)
			labels[discoveryv1.LabelServiceName] = service
			labels[discoveryv1.LabelManagedBy] = object.ManagedBy
			return labels
		})
	}
	metadata["annotations"] = pulumix.Apply2(b.meta, b.plan, func(a Args, p plan) map[string]string {
		annotations := map[string]string{object.WayAnnotation: p.way()}
		maps.Copy(annotations, a.Annotations)
		return annotations
	})
	opts = append(opts, pulumi.ReplaceOnChanges([]string{fmt.Sprintf("metadata.annotations[%q]", object.WayAnnotation)}))
	return object.New(b.ctx, kind, b.name, content, opts...)
}

// setOutputs has every output wait for all of the objects, so that whoever uses the endpoint comes after them and goes
// before them.
func (b builder) setOutputs(e *ModelEndpoint, service, middleware, slice, policy *object.Object) {
	e.Backend = pulumix.Apply5(b.meta, b.plan, service.Name(), object.NameOf(middleware),
		pulumix.Apply2(slice.Name(), object.NameOf(policy), func(string, string) bool { return true }),
		func(a Args, p plan, service, middleware string, _ bool) BackendReference {
			return p.reference(b.name, a.Namespace, service, middleware)
		})
	e.ServiceName = pulumix.Apply(e.Backend, func(r BackendReference) string { return r.ServiceName })
	e.Namespace = pulumix.Apply(e.Backend, func(r BackendReference) string { return r.Namespace })
	e.Port = pulumix.Apply(b.plan, func(p plan) int { return int(p.target.Port) })
	e.Scheme = pulumix.Apply(b.plan, func(p plan) string { return p.target.Scheme })
	e.Host = pulumix.Apply(b.plan, func(p plan) string { return p.target.Addresses[0] })
	e.BasePath = pulumix.Apply(b.plan, func(p plan) string { return orRoot(p.path) })
}
