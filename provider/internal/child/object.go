package child

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"
)

// Object is a child that has been registered.
type Object struct {
	pulumi.CustomResourceState

	// isRelease says that the object is a Helm release, which has a status and no metadata.
	isRelease bool

	Metadata pulumi.MapOutput `pulumi:"metadata"`
	Spec     pulumi.MapOutput `pulumi:"spec"`
	Status   pulumi.MapOutput `pulumi:"status"`
	// Data are those of a Secret.
	Data pulumi.MapOutput `pulumi:"data"`
}

// Name is the name that the object has in the cluster, once it is there; empty if there is no object.
func (o *Object) Name() pulumix.Output[string] {
	if o == nil || o.isRelease {
		return pulumix.Val("")
	}
	return pulumix.Apply(Map(o.Metadata), func(metadata map[string]any) string {
		name, _ := metadata["name"].(string)
		return name
	})
}

// sibling is what the cluster says of the object. It looks at no output that the object lacks: preview takes a missing one for
// unknown, and all that is made of it.
func (o *Object) sibling() pulumix.Output[Sibling] {
	if o.isRelease {
		return pulumix.Apply(Map(o.Status), func(status map[string]any) Sibling {
			return Sibling{Revision: fmt.Sprint(status["revision"])}
		})
	}
	return pulumix.Apply(Map(o.Metadata), func(metadata map[string]any) Sibling {
		var s Sibling
		s.Name, _ = metadata["name"].(string)
		s.UID, _ = metadata["uid"].(string)
		return s
	})
}

// Map is a map output as one that can be applied.
func Map(output pulumi.MapOutput) pulumix.Output[map[string]any] {
	return pulumix.MustConvertTyped[map[string]any](output)
}
