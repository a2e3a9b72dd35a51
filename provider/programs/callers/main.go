//go:build ignore

package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"github.com/modelplane/pulumi-modelplane/sdk/go/modelplane"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		gateway, err := modelplane.NewModelGateway(ctx, "gateway", nil)
		if err != nil {
			return err
		}
		server, err := modelplane.NewModelEndpoint(ctx, "server", &modelplane.ModelEndpointArgs{
			Url: pulumi.String("http://10.0.0.7:8000/v1"),
		})
		if err != nil {
			return err
		}
		teams, err := modelplane.NewModelCallers(ctx, "teams", &modelplane.ModelCallersArgs{
			Keys: modelplane.CallerKeyArray{
				modelplane.CallerKeyArgs{
					Name: pulumi.String("search"),
					Key:  config.RequireSecret(ctx, "searchKey"),
				},
				modelplane.CallerKeyArgs{
					Name:    pulumi.String("billing"),
					Sha256:  pulumi.String("5b92f7f0a02a0d9ba0b7d3e7ee2bd5a5d6f1a1ba0e0b0ab3e2ad4bd7d1a7b0e6"),
					Expires: pulumi.String("2027-01-31T00:00:00Z"),
				},
			},
		})
		if err != nil {
			return err
		}
		chat, err := modelplane.NewModelService(ctx, "chat", &modelplane.ModelServiceArgs{
			Gateway:  gateway.Gateway,
			Backends: modelplane.ServiceBackendArray{modelplane.ServiceBackendArgs{Endpoint: server.Backend}},
			Auth:     modelplane.ServiceAuthArgs{Callers: teams.Callers},
			Limits: modelplane.ServiceLimitsArgs{
				Requests: modelplane.RequestLimitArray{modelplane.RequestLimitArgs{
					By: modelplane.LimitByCaller, Requests: pulumi.Int(60), Seconds: pulumi.Int(60),
				}},
			},
		})
		if err != nil {
			return err
		}
		ctx.Export("url", chat.Url)
		return nil
	})
}
