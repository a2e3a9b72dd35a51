package component

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Advice says what to do about a failure of a child, given what Pulumi reported; empty where it knows nothing better.
type Advice func(failure string) string

// Advise has the advice printed beside the failure of the children that take the option. It is known by name, which no
// other component may use: a URN and what the advice is about.
func (c Children) Advise(ctx *pulumi.Context, name string, advice Advice) (pulumi.ResourceOption, error) {
	hook, err := ctx.RegisterErrorHook(name, func(args *pulumi.ErrorHookArgs) (retry bool, err error) {
		if len(args.Errors) == 0 {
			return false, nil
		}
		if text := advice(args.Errors[0]); text != "" {
			return false, ctx.Log.Error(text, &pulumi.LogArgs{Resource: c.parent})
		}
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	return pulumi.ResourceHooks(&pulumi.ResourceHookBinding{OnError: []*pulumi.ErrorHook{hook}}), nil
}
