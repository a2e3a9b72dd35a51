package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/modelplane/pulumi-modelplane/sdk/go/modelplane"
)

// program is the Pulumi program in which the canary has this share of the traffic.
func program(o options, percent int) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		gateway := pulumi.ToOutput(o.gateway).(modelplane.GatewayReferenceOutput)
		stable, err := modelplane.NewModelEndpoint(ctx, o.name+"-stable", &modelplane.ModelEndpointArgs{Url: pulumi.String(o.stable)})
		if err != nil {
			return err
		}
		canary, err := modelplane.NewModelEndpoint(ctx, o.name+"-canary", &modelplane.ModelEndpointArgs{Url: pulumi.String(o.canary)})
		if err != nil {
			return err
		}

		service, err := modelplane.NewModelService(ctx, o.name, &modelplane.ModelServiceArgs{
			Gateway: gateway,
			Backends: modelplane.ServiceBackendArray{
				modelplane.ServiceBackendArgs{Endpoint: stable.Backend, Weight: pulumi.Int(100 - percent)},
				modelplane.ServiceBackendArgs{Endpoint: canary.Backend, Weight: pulumi.Int(percent)},
			},
		})
		if err != nil {
			return err
		}
		// The canary alone, by the same gateway: probes measure it here, whatever its share of the traffic.
		alone, err := modelplane.NewModelService(ctx, o.name+"-canary", &modelplane.ModelServiceArgs{
			Gateway:  gateway,
			Backends: modelplane.ServiceBackendArray{modelplane.ServiceBackendArgs{Endpoint: canary.Backend}},
		})
		if err != nil {
			return err
		}

		ctx.Export("url", service.Url)
		ctx.Export("canaryUrl", alone.Url)
		// Where the next run goes on.
		ctx.Export("canary", pulumi.String(o.canary))
		ctx.Export("percent", pulumi.Int(percent))
		return nil
	}
}
