// Package child registers what components are made of. A component decides on plain values and returns its children as a
// list; this package turns the list into resources of the stack. The list can be read, and tested, without an engine.
package child

import (
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// Child is one Kubernetes object that a component makes.
type Child struct {
	Kind kube.Kind
	// Key is what siblings call the child by, in After and in [Names].
	Key string
	// Omit leaves the child out of the component.
	Omit bool
	// Name is the object's name. Without one, Pulumi makes up a name that starts with the component's, so that a new
	// object can exist beside the old one that it replaces.
	Name Field
	// ResourceName is the child's Pulumi name, where it is not the component's own.
	ResourceName string
	// After are the keys of the siblings that come first. One that is not in the list is passed over.
	After []string
	// Seen are the keys of siblings that come first, and that all replicas of the gateway have had time to see: the object names them,
	// and a replica that saw it before them would answer requests with an error.
	Seen []string
	// Fields are the object's content: spec, data and so on.
	Fields Fields
	// Metadata are further fields of the object's metadata.
	Metadata Fields
	// Labels and Annotations are added to those that all objects of the component carry.
	Labels, Annotations Field
	// Owned puts a label on the object that says who owns it, so that a second stack's write of an object of the same name
	// is refused.
	Owned bool
	// Bare says that the object carries none of the component's labels and annotations, because it is not the component's
	// alone.
	Bare bool
	// Hash is a hash of what the object is made from. Another hash replaces the object, new before old.
	Hash Field
	// Timeout is how long the object is waited for, unless the component's customTimeouts say otherwise.
	Timeout string
	// DeleteTimeout is how long its end is waited for, unless the component's customTimeouts say otherwise.
	DeleteTimeout string
	// Lasting says that nothing ever replaces the object, although Pulumi makes up its name.
	Lasting bool
	// Keep leaves the object in the cluster when it leaves the stack.
	Keep bool
	// IgnoreChanges are fields that are written once, when the object is made.
	IgnoreChanges []string
	// Advice says what to do about a failure, given what Pulumi reported; empty if it knows nothing better. Default: for an
	// owned object, what to do if another stack has it.
	Advice func(failure string) string
	// Retry says what is waited for after a failure that passes by itself; empty for any other. The object is then written again and again
	// for some minutes. An engine that is too old for hooks reports the failure at once.
	Retry func(failure string) string
	// Each is a list of objects in place of one, for where only values say how many there are. Such children are missing
	// from a preview that does not know the values. The sibling that comes after them is registered last.
	Each *value.Value[[]Child]
}

// Fields are fields of an object by their names.
type Fields map[string]Field

// Names are what siblings are called in the cluster, by their keys. A sibling that is not in the list has an empty name.
type Names map[string]string

// Siblings are what the cluster says of siblings, by their keys.
type Siblings map[string]Sibling

// Sibling is what the cluster says of one object.
type Sibling struct {
	Name, UID string
	// Revision is that of a Helm release.
	Revision string
}

func (s Siblings) names() Names {
	names := Names{}
	for key, sibling := range s {
		names[key] = sibling.Name
	}
	return names
}

// replaceable says whether Pulumi replaces the object in the course of ordinary updates. Such an object follows neither
// protect, which would forbid the update, nor retainOnDelete, which would leave each of its predecessors behind.
func (c Child) replaceable() bool { return !c.Name.isSet() && !c.Keep && !c.Lasting }
