package child

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"
)

// Object is a child that has been registered.
type Object struct {
	pulumi.CustomResourceState

	Metadata pulumi.MapOutput `pulumi:"metadata"`
	Spec     pulumi.MapOutput `pulumi:"spec"`
	Status   pulumi.MapOutput `pulumi:"status"`
}

// Name is the name that the object has in the cluster, once it is there; empty if there is no object.
func (o *Object) Name() pulumix.Output[string] {
	if o == nil {
		return pulumix.Val("")
	}
	return pulumix.Apply(Map(o.Metadata), func(metadata map[string]any) string {
		name, _ := metadata["name"].(string)
		return name
	})
}

// sibling is what the cluster says of the object.
func (o *Object) sibling() pulumix.Output[Sibling] {
	return pulumix.Apply2(Map(o.Metadata), Map(o.Status), func(metadata, status map[string]any) Sibling {
		var s Sibling
		s.Name, _ = metadata["name"].(string)
		s.UID, _ = metadata["uid"].(string)
		if revision, ok := status["revision"]; ok {
			s.Revision = fmt.Sprint(revision)
		}
		return s
	})
}

// Map is a map output as one that can be applied.
func Map(output pulumi.MapOutput) pulumix.Output[map[string]any] {
	return pulumix.MustConvertTyped[map[string]any](output)
}
