//go:build ignore

package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/modelplane/pulumi-modelplane/sdk/go/modelplane"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		gateway, err := modelplane.NewModelGateway(ctx, "gateway", nil)
		if err != nil {
			return err
		}
		stable, err := modelplane.NewModelEndpoint(ctx, "stable", &modelplane.ModelEndpointArgs{
			Url: pulumi.String("http://10.0.0.7:8000/v1"),
		})
		if err != nil {
			return err
		}
		canary, err := modelplane.NewModelEndpoint(ctx, "canary", &modelplane.ModelEndpointArgs{
			Url: pulumi.String("http://10.0.0.8:8000/v1"),
		})
		if err != nil {
			return err
		}
		chat, err := modelplane.NewModelService(ctx, "chat", &modelplane.ModelServiceArgs{
			Gateway: gateway.Gateway,
			Backends: modelplane.ServiceBackendArray{
				modelplane.ServiceBackendArgs{Endpoint: stable.Backend, Weight: pulumi.Int(95)},
				modelplane.ServiceBackendArgs{Endpoint: canary.Backend, Weight: pulumi.Int(5)},
			},
		})
		if err != nil {
			return err
		}
		ctx.Export("url", chat.Url)
		return nil
	})
}
