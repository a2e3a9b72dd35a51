package input

import (
	"context"
	"slices"
	"sync"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
)

// engines are those that have asked for components, by the endpoints of their monitors. There is one for each run of a program,
// and it asks for many components.
var engines sync.Map

type engine struct {
	errorHooks func() bool
	claims     child.Claims
}

func engineOf(ctx context.Context, endpoint string) *engine {
	// The engine outlives the request that comes first.
	ctx = context.WithoutCancel(ctx)
	known, _ := engines.LoadOrStore(endpoint, &engine{errorHooks: sync.OnceValue(func() bool { return hasErrorHooks(ctx, endpoint) })})
	return known.(*engine)
}

// hasErrorHooks asks the engine behind the monitor's endpoint. The SDK knows, but does not tell.
func hasErrorHooks(ctx context.Context, endpoint string) bool {
	conn, err := grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return false
	}
	defer conn.Close()
	info, err := pulumirpc.NewResourceMonitorClient(conn).GetDeploymentInfo(ctx, &emptypb.Empty{})
	return err == nil && slices.Contains(info.GetSupportedFeatures(), pulumirpc.ResourceMonitorFeature_RESOURCE_MONITOR_FEATURE_ERROR_HOOKS)
}
