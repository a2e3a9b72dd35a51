// Package meta is what all components have in common: the name and namespace of their objects, and the labels and annotations
// that these carry.
package meta

import (
	"cmp"
	"maps"

	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
)

// DefaultNamespace is where objects go whose component names no namespace.
const DefaultNamespace = "default"

// Identity says what a component's objects are called.
type Identity struct {
	Name      string `pulumi:"name,optional" plain:"true"`
	Namespace string `pulumi:"namespace,optional"`
}

// Or fills in what is not given.
func (i Identity) Or(name, namespace string) Identity {
	return Identity{Name: cmp.Or(i.Name, name), Namespace: cmp.Or(i.Namespace, namespace)}
}

// Metadata is what a component's objects carry beside our own labels and annotations.
type Metadata struct {
	Labels      map[string]string `pulumi:"labels,optional"`
	Annotations map[string]string `pulumi:"annotations,optional"`
}

// LabelsOf are the user's labels and ours, for the objects of a component of this kind and name.
func (m Metadata) LabelsOf(component, name string) map[string]string {
	labels := map[string]string{kube.ManagedByLabel: kube.ManagedBy, kube.NameLabel: name, kube.ComponentLabel: component}
	maps.Copy(labels, m.Labels)
	return labels
}

// With is the metadata with further labels, which give way to those that are there.
func (m Metadata) With(labels map[string]string) Metadata {
	all := maps.Clone(labels)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, m.Labels)
	return Metadata{Labels: all, Annotations: m.Annotations}
}
