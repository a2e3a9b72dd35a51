// One URL over a stable server and a canary, whose share is a setting of the stack.
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"github.com/modelplane/pulumi-modelplane/sdk/go/modelplane"
)

func main() {
	pulumi.Run(program)
}

func program(ctx *pulumi.Context) error {
	conf := config.New(ctx, "")
	// How many of 100 requests the canary gets.
	canaryPercent := conf.GetInt("canaryPercent")
	// The Gateway that serves the URL, which is not this stack's.
	var gateway modelplane.GatewayReference
	conf.RequireObject("gateway", &gateway)

	stable, err := modelplane.NewModelEndpoint(ctx, "stable", &modelplane.ModelEndpointArgs{
		Url: pulumi.String(conf.Require("stableUrl")),
	})
	if err != nil {
		return err
	}
	canary, err := modelplane.NewModelEndpoint(ctx, "canary", &modelplane.ModelEndpointArgs{
		Url: pulumi.String(conf.Require("canaryUrl")),
	})
	if err != nil {
		return err
	}

	chat, err := modelplane.NewModelService(ctx, "chat", &modelplane.ModelServiceArgs{
		Gateway: pulumi.ToOutput(gateway).(modelplane.GatewayReferenceOutput),
		Backends: modelplane.ServiceBackendArray{
			modelplane.ServiceBackendArgs{Endpoint: stable.Backend, Weight: pulumi.Int(100 - canaryPercent)},
			modelplane.ServiceBackendArgs{Endpoint: canary.Backend, Weight: pulumi.Int(canaryPercent)},
		},
	})
	if err != nil {
		return err
	}

	// What an OpenAI client takes as its base URL.
	ctx.Export("url", chat.Url)
	ctx.Export("shares", chat.Shares)
	return nil
}
