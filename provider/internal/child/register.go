package child

import (
	"fmt"
	"maps"
	"slices"

	kubernetes "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/utilities"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"

	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
)

// hashPath is where the hash is in an object.
var hashPath = fmt.Sprintf("metadata.annotations[%q]", kube.HashAnnotation)

// Objects are registered children by their keys. There is none for a key that was not in the list.
type Objects map[string]*Object

// siblings are what these objects are called, and all that the cluster says of them.
func (o Objects) siblings() siblings {
	names, all := pulumix.Val(Names{}), pulumix.Val(Siblings{})
	for key, object := range o {
		names = pulumix.Apply2(names, object.Name(), func(names Names, name string) Names {
			names = maps.Clone(names)
			names[key] = name
			return names
		})
		all = pulumix.Apply2(all, object.sibling(), func(all Siblings, sibling Sibling) Siblings {
			all = maps.Clone(all)
			all[key] = sibling
			return all
		})
	}
	return siblings{names: names, all: all}
}

// Register registers the children in the order of the list.
func (o Owner) Register(children []Child) (Objects, error) {
	objects, groups := Objects{}, map[string]group{}
	for _, c := range children {
		if c.Omit {
			continue
		}
		if c.Each != nil {
			// Its children are registered later, when these maps have more.
			groups[c.Key] = o.each(c, maps.Clone(objects), maps.Clone(groups))
			continue
		}
		object, err := o.register(c, objects, groups)
		if err != nil {
			return nil, err
		}
		objects[c.Key] = object
	}
	return objects, nil
}

// group are objects of which only values say how many there are: their names as one text, and the same once all replicas have seen them.
type group struct{ made, seen pulumix.Output[string] }

// each registers the children of a group once they are known. Others and groups are those that have been registered before it.
func (o Owner) each(of Child, others Objects, groups map[string]group) group {
	registered := pulumix.ApplyErr(of.Each.Output(), func(children []Child) ([]*Object, error) {
		objects := make([]*Object, len(children))
		for i, c := range children {
			var err error
			if objects[i], err = o.register(c, others, groups); err != nil {
				return nil, err
			}
		}
		return objects, nil
	})
	return group{
		made: pulumix.Flatten(pulumix.Apply(registered, namesOf)),
		seen: pulumix.Flatten(pulumix.Apply(registered, func(objects []*Object) pulumix.Output[string] {
			return pulumix.Apply2(namesOf(objects), o.Settled(objects...), func(names string, _ bool) string { return names })
		})),
	}
}

// namesOf are the objects' names as one text.
func namesOf(objects []*Object) pulumix.Output[string] {
	all := pulumix.Val("")
	for _, object := range objects {
		all = pulumix.Apply2(all, object.Name(), func(all, name string) string { return all + " " + name })
	}
	return all
}

func (o Owner) register(c Child, others Objects, groups map[string]group) (*Object, error) {
	first := Objects{}
	var after []pulumi.Resource
	for _, key := range slices.Concat(c.After, c.Seen) {
		if sibling := others[key]; sibling != nil {
			first[key] = sibling
			after = append(after, sibling)
		}
		if group, ok := groups[key]; ok {
			c.Fields = c.Fields.after(group.made)
		}
	}
	for _, key := range c.Seen {
		if sibling := others[key]; sibling != nil {
			c.Fields = c.Fields.after(pulumix.Apply(o.Settled(sibling), func(bool) string { return "" }))
		}
		if group, ok := groups[key]; ok {
			c.Fields = c.Fields.after(group.seen)
		}
	}
	known := first.siblings()
	inputs := pulumi.Map{}
	if c.Kind.APIVersion != "" {
		inputs["apiVersion"], inputs["kind"] = pulumi.String(c.Kind.APIVersion), pulumi.String(c.Kind.Name)
		inputs["metadata"] = o.objectMeta(c, known)
	}
	for name, field := range c.Fields {
		inputs[name] = field.later(known)
	}
	opts := o.options(c, after)
	if c.Advice == nil && c.Owned {
		c.Advice = func(failure string) string { return o.adviseOnOwner(c.Kind.Name, failure) }
	}
	if o.cluster != "" {
		c.Advice = o.orOnCluster(c.Advice)
	}
	if c.Advice != nil || c.Retry != nil {
		hooks, err := o.onError(c)
		if err != nil {
			return nil, err
		}
		opts = append(opts, hooks)
	}
	made := Object{isRelease: c.Kind.Token == kube.Release.Token}
	err := o.ctx.RegisterResource(c.Kind.Token, o.childName(c), inputs, &made, kubernetes.PkgResourceDefaultOpts(opts)...)
	return &made, err
}

// objectMeta is the object's metadata. Without annotations the field is left out, as the API server leaves it out.
func (o Owner) objectMeta(c Child, known siblings) pulumi.Map {
	metadata := pulumi.Map{}
	if c.Name.isSet() {
		metadata["name"] = c.Name.later(known)
	}
	if c.Kind.Namespaced {
		metadata["namespace"] = o.Namespace()
	}
	own := c.annotations(known)
	if c.Bare {
		if c.Annotations.isSet() {
			metadata["annotations"] = own
		}
	} else {
		metadata["labels"] = pulumix.Apply2(o.metadata.Output(), texts(c.Labels, known), func(m meta.Metadata, more map[string]string) map[string]string {
			labels := m.LabelsOf(o.kind, o.identity.Now().Name)
			maps.Copy(labels, more)
			if c.Owned {
				labels[kube.OwnerLabel] = ownerLabel(o.ctx.Organization(), o.engine().URN, o.kind, o.name)
			}
			return labels
		})
		metadata["annotations"] = pulumix.Apply2(o.metadata.Output(), own, func(m meta.Metadata, own map[string]string) map[string]string {
			if len(own) == 0 {
				return m.Annotations
			}
			own = maps.Clone(own)
			maps.Copy(own, m.Annotations)
			return own
		})
	}
	for name, field := range c.Metadata {
		metadata[name] = field.later(known)
	}
	return metadata
}

// annotations are the child's own, with its hash.
func (c Child) annotations(known siblings) pulumix.Output[map[string]string] {
	own := texts(c.Annotations, known)
	if !c.Hash.isSet() {
		return own
	}
	return pulumix.Apply2(own, c.Hash.later(known), func(own map[string]string, hash any) map[string]string {
		annotations := map[string]string{kube.HashAnnotation: fmt.Sprint(hash)}
		maps.Copy(annotations, own)
		return annotations
	})
}

// texts is a field of labels or annotations; nil where there is none.
func texts(f Field, known siblings) pulumix.Output[map[string]string] {
	if !f.isSet() {
		return pulumix.Val[map[string]string](nil)
	}
	return pulumix.Apply(f.later(known), func(field any) map[string]string {
		texts := map[string]string{}
		entries, _ := field.(map[string]any)
		for key, entry := range entries {
			texts[key] = fmt.Sprint(entry)
		}
		return texts
	})
}
