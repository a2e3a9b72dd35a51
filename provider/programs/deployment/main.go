//go:build ignore

package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"github.com/modelplane/pulumi-modelplane/sdk/go/modelplane"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		settings := config.New(ctx, "")
		gateway, err := modelplane.NewModelGateway(ctx, "gateway", nil)
		if err != nil {
			return err
		}
		east, err := modelplane.NewInferenceCluster(ctx, "east", &modelplane.InferenceClusterArgs{
			Kubeconfig: settings.RequireSecret("eastKubeconfig"),
		})
		if err != nil {
			return err
		}
		west, err := modelplane.NewInferenceCluster(ctx, "west", &modelplane.InferenceClusterArgs{
			Kubeconfig: settings.RequireSecret("westKubeconfig"),
		})
		if err != nil {
			return err
		}
		qwen, err := modelplane.NewModelDeployment(ctx, "qwen", &modelplane.ModelDeploymentArgs{
			Model:    pulumi.String("hf://Qwen/Qwen3-0.6B"),
			Replicas: pulumi.Int(3),
			Clusters: modelplane.ClusterReferenceArray{east.Cluster, west.Cluster},
		})
		if err != nil {
			return err
		}
		chat, err := modelplane.NewModelService(ctx, "chat", &modelplane.ModelServiceArgs{
			Gateway:  gateway.Gateway,
			Backends: modelplane.ServiceBackendArray{modelplane.ServiceBackendArgs{Endpoints: qwen.Endpoints}},
		})
		if err != nil {
			return err
		}
		ctx.Export("url", chat.Url)
		ctx.Export("placement", qwen.Placement)
		return nil
	})
}
