package child

import (
	"fmt"
	"maps"

	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
)

// Rendered is an object as the cluster gets it where everything is known.
type Rendered struct {
	Child
	Object map[string]any
}

// Render is what the children of a component are where everything is known, without an engine. Kind and name are the
// component's type and its Pulumi name. The made-up part of a name is "-0fbc81a4", and a UID is "uid-of-" and the key.
func Render(kind, name string, identity meta.Identity, metadata meta.Metadata, children []Child) ([]Rendered, error) {
	all := Siblings{}
	var rendered []Rendered
	for _, c := range flatten(children) {
		prefix := c.ResourceName
		if prefix == "" {
			prefix = names.Child(identity.Name, name)
		}
		objectName := prefix + "-0fbc81a4"
		if c.Name.isSet() {
			objectName = fmt.Sprint(c.Name.now(all))
		}
		object := map[string]any{}
		if c.Kind.APIVersion != "" {
			meta := map[string]any{"name": objectName}
			if c.Kind.Namespaced {
				meta["namespace"] = identity.Namespace
			}
			var own, labels map[string]string
			if !c.Bare {
				own, labels = metadata.Annotations, metadata.LabelsOf(kind, identity.Name)
			}
			meta["labels"] = overlaid(labels, c.Labels, all)
			meta["annotations"] = overlaid(own, c.Annotations, all)
			if c.Hash.isSet() {
				meta["annotations"].(map[string]string)[kube.HashAnnotation] = fmt.Sprint(c.Hash.now(all))
			}
			for key, field := range c.Metadata {
				meta[key] = field.now(all)
			}
			object["apiVersion"], object["kind"], object["metadata"] = c.Kind.APIVersion, c.Kind.Name, meta
		}
		for key, field := range c.Fields {
			object[key] = field.now(all)
		}
		plain, err := kube.Plain(object)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Key, err)
		}
		all[c.Key] = Sibling{Name: objectName, UID: "uid-of-" + c.Key, Revision: "1"}
		rendered = append(rendered, Rendered{Child: c, Object: plain.(map[string]any)})
	}
	return rendered, nil
}

// flatten is the list without what is left out, and with the children of groups in it.
func flatten(children []Child) []Child {
	var all []Child
	for _, c := range children {
		switch {
		case c.Omit:
		case c.Each != nil:
			all = append(all, c.Each.Now()...)
		default:
			all = append(all, c)
		}
	}
	return all
}

func overlaid(base map[string]string, f Field, all Siblings) map[string]string {
	merged := map[string]string{}
	maps.Copy(merged, base)
	if f.isSet() {
		plain, _ := kube.Plain(f.now(all))
		entries, _ := plain.(map[string]any)
		for key, entry := range entries {
			merged[key] = fmt.Sprint(entry)
		}
	}
	return merged
}
