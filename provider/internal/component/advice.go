package component

import (
	"context"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Advice says what to do about a failure of a child, given what Pulumi reported; empty where it knows nothing better.
type Advice func(failure string) string

// Advise is an option for children beside whose failure the advice is to be printed. An engine that is too old for it
// prints the failure alone.
func Advise[A any](
	ctx *pulumi.Context, in Inputs[A], children Children, about string, advice Advice,
) (pulumi.ResourceOption, error) {
	if !in.errorHooks {
		return pulumi.ResourceHooks(nil), nil
	}
	hook, err := ctx.RegisterErrorHook(in.urn+" "+about, func(args *pulumi.ErrorHookArgs) (retry bool, err error) {
		if len(args.Errors) == 0 {
			return false, nil
		}
		if text := advice(args.Errors[0]); text != "" {
			return false, ctx.Log.Error(text, &pulumi.LogArgs{Resource: children.parent})
		}
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	return pulumi.ResourceHooks(&pulumi.ResourceHookBinding{OnError: []*pulumi.ErrorHook{hook}}), nil
}

// hasErrorHooks asks the engine behind the monitor's endpoint. The SDK knows, but does not tell: a hook that the engine
// cannot take fails the resource that it is meant to help.
func hasErrorHooks(ctx context.Context, endpoint string) bool {
	conn, err := grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return false
	}
	defer conn.Close()
	info, err := pulumirpc.NewResourceMonitorClient(conn).GetDeploymentInfo(ctx, &emptypb.Empty{})
	return err == nil && slices.Contains(info.GetSupportedFeatures(), pulumirpc.ResourceMonitorFeature_RESOURCE_MONITOR_FEATURE_ERROR_HOOKS)
}
