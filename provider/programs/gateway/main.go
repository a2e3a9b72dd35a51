//go:build ignore

package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/modelplane/pulumi-modelplane/sdk/go/modelplane"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		gateway, err := modelplane.NewModelGateway(ctx, "gateway", &modelplane.ModelGatewayArgs{
			Replicas: pulumi.Int(3),
			Service: modelplane.GatewayServiceArgs{
				Annotations: pulumi.StringMap{"networking.gke.io/load-balancer-type": pulumi.String("Internal")},
			},
		})
		if err != nil {
			return err
		}
		ctx.Export("url", gateway.Url)
		return nil
	})
}
