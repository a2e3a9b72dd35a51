// Package object registers Kubernetes objects that were decided as plain values of the API's own types.
package object

import (
	"encoding/json"
	"fmt"
	"maps"

	kubernetes "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/utilities"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"
)

// The labels that every object carries, and the annotation that holds the hash of an endpoint's way.
const (
	ManagedByLabel = "app.kubernetes.io/managed-by"
	ManagedBy      = "modelplane"
	NameLabel      = "app.kubernetes.io/name"
	ComponentLabel = "modelplane/component"
	WayAnnotation  = "modelplane/way"

	// WaitForAnnotation has Pulumi's Kubernetes package wait for JSONPath conditions of an object.
	WaitForAnnotation = "pulumi.com/waitFor"
)

// Kind is an API version and kind as Pulumi's Kubernetes package names them.
type Kind struct{ APIVersion, Name, token string }

// The kinds that components are made of.
var (
	ConfigMap        = kind("v1", "ConfigMap", "core/v1")
	CRDPatch         = Kind{"apiextensions.k8s.io/v1", "CustomResourceDefinition", "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinitionPatch"}
	BackendTLSPolicy = kind("gateway.networking.k8s.io/v1", "BackendTLSPolicy", "")
	DeploymentPatch  = Kind{"apps/v1", "Deployment", "kubernetes:apps/v1:DeploymentPatch"}
	EndpointSlice    = kind("discovery.k8s.io/v1", "EndpointSlice", "")
	Gateway          = kind("gateway.networking.k8s.io/v1", "Gateway", "")
	GatewayClass     = kind("gateway.networking.k8s.io/v1", "GatewayClass", "")
	HTTPRoute        = kind("gateway.networking.k8s.io/v1", "HTTPRoute", "")
	Middleware       = kind("traefik.io/v1alpha1", "Middleware", "")
	Namespace        = kind("v1", "Namespace", "core/v1")
	NamespacePatch   = Kind{"v1", "Namespace", "kubernetes:core/v1:NamespacePatch"}
	ReferenceGrant   = kind("gateway.networking.k8s.io/v1beta1", "ReferenceGrant", "")
	Secret           = kind("v1", "Secret", "core/v1")
	Service          = kind("v1", "Service", "core/v1")
	ServicePatch     = Kind{"v1", "Service", "kubernetes:core/v1:ServicePatch"}
)

func kind(apiVersion, name, module string) Kind {
	if module == "" {
		module = apiVersion
	}
	return Kind{apiVersion, name, fmt.Sprintf("kubernetes:%s:%s", module, name)}
}

// Object is a Kubernetes object in the stack.
type Object struct {
	pulumi.CustomResourceState

	Metadata pulumi.MapOutput `pulumi:"metadata"`
	Spec     pulumi.MapOutput `pulumi:"spec"`
	Status   pulumi.MapOutput `pulumi:"status"`
}

// New registers an object under a Pulumi name. Without a metadata.name, Pulumi names it after that name, and replaces it
// new before old.
func New(ctx *pulumi.Context, kind Kind, name string, content pulumi.Map, opts ...pulumi.ResourceOption) (*Object, error) {
	inputs := pulumi.Map{"apiVersion": pulumi.String(kind.APIVersion), "kind": pulumi.String(kind.Name)}
	maps.Copy(inputs, content)
	var made Object
	err := ctx.RegisterResource(kind.token, name, inputs, &made, kubernetes.PkgResourceDefaultOpts(opts)...)
	return &made, err
}

// Name is the name that the object has in the cluster, once it is there.
func (o *Object) Name() pulumix.Output[string] { return o.metadata("name") }

// UID tells the object from others that had, or will have, its name.
func (o *Object) UID() pulumix.Output[string] { return o.metadata("uid") }

func (o *Object) metadata(field string) pulumix.Output[string] {
	return pulumix.Apply(pulumix.MustConvertTyped[map[string]any](o.Metadata), func(metadata map[string]any) string {
		value, _ := metadata[field].(string)
		return value
	})
}

// NameOf is the object's name, or empty where there is no object.
func NameOf(o *Object) pulumix.Output[string] {
	if o == nil {
		return pulumix.Val("")
	}
	return o.Name()
}

// Labels are the user's labels and ours, for the objects of a component's kind with this name.
func Labels(component, name string, user map[string]string) map[string]string {
	labels := map[string]string{ManagedByLabel: ManagedBy, NameLabel: name, ComponentLabel: component}
	for key, value := range user {
		labels[key] = value
	}
	return labels
}

// Plain is a value of an API type as the maps and lists that Pulumi sends.
func Plain(value any) (any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var plain any
	return plain, json.Unmarshal(text, &plain)
}
