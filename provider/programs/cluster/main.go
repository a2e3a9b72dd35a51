//go:build ignore

package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"github.com/modelplane/pulumi-modelplane/sdk/go/modelplane"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		east, err := modelplane.NewInferenceCluster(ctx, "east", &modelplane.InferenceClusterArgs{
			Kubeconfig: config.New(ctx, "").RequireSecret("eastKubeconfig"),
			Labels:     pulumi.StringMap{"region": pulumi.String("us")},
			Pools: modelplane.ClusterPoolArray{
				modelplane.ClusterPoolArgs{
					Name:  pulumi.String("h100"),
					Nodes: pulumi.Int(4),
					Devices: modelplane.ClusterDeviceArray{
						modelplane.ClusterDeviceArgs{
							Resource: pulumi.String("nvidia.com/gpu"),
							Count:    pulumi.Int(8),
							Memory:   pulumi.String("80Gi"),
							Type:     pulumi.String("H100"),
						},
					},
				},
			},
		})
		if err != nil {
			return err
		}
		ctx.Export("url", east.Url)
		return nil
	})
}
