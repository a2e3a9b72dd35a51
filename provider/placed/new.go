package placed

import (
	"encoding/json"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"

	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
)

// made is the resource as the engine answers for it.
type made struct {
	pulumi.CustomResourceState
	Placed pulumi.ArrayOutput `pulumi:"placed"`
}

// New makes a ModelPlacement as the child of a component. Its result is known in preview, too, if the request is.
func New(
	ctx *pulumi.Context, name string, args pulumix.Output[Args], opts ...pulumi.ResourceOption,
) (pulumix.Output[[]Placed], error) {
	request := pulumix.ApplyErr(args, func(a Args) (any, error) { return kube.Plain(a.Request) })
	clusters := pulumix.ApplyErr(args, func(a Args) (any, error) { return kube.Plain(a.Clusters) })
	resource := &made{}
	if err := ctx.RegisterResource(Token, name, pulumi.Map{"request": request, "clusters": clusters}, resource, opts...); err != nil {
		return pulumix.Output[[]Placed]{}, err
	}
	return pulumix.ApplyErr(pulumix.MustConvertTyped[[]any](resource.Placed), func(list []any) ([]Placed, error) {
		text, err := json.Marshal(list)
		if err != nil {
			return nil, err
		}
		var placed []Placed
		return placed, json.Unmarshal(text, &placed)
	}), nil
}
