package child

import (
	kubernetes "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/utilities"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"
)

// providerToken is the type of a Kubernetes provider in Pulumi.
const providerToken = "pulumi:providers:kubernetes"

// Provider is a Kubernetes provider of the stack: the cluster that objects are in.
type Provider struct{ pulumi.ProviderResourceState }

// On is the component with another cluster for the children that it registers: by this provider, and under this name.
func (o Owner) On(provider *Provider, cluster string) Owner {
	o.provider, o.cluster = provider, cluster
	return o
}

// NewProvider registers a provider for the cluster of a kubeconfig. Identifier is the cluster's name for good: without one, Pulumi takes
// another kubeconfig for another cluster, and replaces all objects in it.
func (o Owner) NewProvider(name string, kubeconfig pulumix.Output[string], identifier string, deleteUnreachable bool) (*Provider, error) {
	made := &Provider{}
	inputs := pulumi.Map{
		"kubeconfig":        kubeconfig,
		"clusterIdentifier": pulumi.String(identifier),
		"deleteUnreachable": pulumi.Bool(deleteUnreachable),
	}
	opts := kubernetes.PkgResourceDefaultOpts([]pulumi.ResourceOption{pulumi.Parent(o.resource), pulumi.DependsOn(o.given.DependsOn)})
	return made, o.ctx.RegisterResource(providerToken, name, inputs, made, opts...)
}

// ProviderURN is the URN of the Kubernetes provider that the program gave the component; empty if it gave none.
func (o Owner) ProviderURN() string { return o.engine().ProviderURN }

// ProviderOf is the provider that the stack has under this URN.
func (o Owner) ProviderOf(urn string) (*Provider, error) {
	known := &Provider{}
	return known, o.ctx.RegisterResource(providerToken, resource.URN(urn).Name(), nil, known, pulumi.URN_(urn))
}

// ObjectOf is the object that the stack has under this URN.
func (o Owner) ObjectOf(urn, token string) (*Object, error) {
	known := &Object{}
	return known, o.ctx.RegisterResource(token, resource.URN(urn).Name(), nil, known, pulumi.URN_(urn))
}
