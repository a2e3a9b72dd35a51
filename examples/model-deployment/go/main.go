// A model on a cluster with GPUs, behind a gateway on another.
package main

import (
	"cmp"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"github.com/modelplane/pulumi-modelplane/sdk/go/modelplane"
)

func main() {
	pulumi.Run(program)
}

func program(ctx *pulumi.Context) error {
	conf := config.New(ctx, "")

	// Where the Helm charts of Traefik and of Envoy Gateway come from and their values, if not the published charts as they are.
	var traefik, envoy struct {
		Name   string
		Values map[string]any
	}
	if err := conf.GetObject("chart", &traefik); err != nil {
		return err
	}
	if err := conf.GetObject("envoyChart", &envoy); err != nil {
		return err
	}

	gateway, err := modelplane.NewModelGateway(ctx, "gateway", &modelplane.ModelGatewayArgs{
		Chart: modelplane.GatewayChartArgs{Name: pulumi.String(cmp.Or(traefik.Name, "traefik")), Values: pulumi.ToMap(traefik.Values)},
	})
	if err != nil {
		return err
	}

	// The cluster with GPUs, by a context of your kubeconfig. The gateway is in that of the current context.
	provider, err := kubernetes.NewProvider(ctx, "gpu-provider", &kubernetes.ProviderArgs{
		Context: pulumi.String(cmp.Or(conf.Get("gpuContext"), "gpu")),
	})
	if err != nil {
		return err
	}

	// The cluster that runs models. A component passes its provider to all that it makes.
	gpu, err := modelplane.NewInferenceCluster(ctx, "gpu", &modelplane.InferenceClusterArgs{
		// Placement counts these GPUs; it does not ask the cluster.
		Pools: modelplane.ClusterPoolArray{modelplane.ClusterPoolArgs{
			Name:  pulumi.String("l4"),
			Nodes: pulumi.Int(4),
			Devices: modelplane.ClusterDeviceArray{modelplane.ClusterDeviceArgs{
				Resource: pulumi.String("nvidia.com/gpu"), Count: pulumi.Int(1), Type: pulumi.String("L4"), Memory: pulumi.String("24Gi"),
			}},
		}},
		Chart: modelplane.ClusterChartArgs{
			Name:   pulumi.String(cmp.Or(envoy.Name, "oci://docker.io/envoyproxy/gateway-helm")),
			Values: pulumi.ToMap(envoy.Values),
		},
	}, pulumi.Providers(provider))
	if err != nil {
		return err
	}

	// The model, started by vLLM. Its replicas go to the cluster; its endpoint is beside the gateway.
	qwen, err := modelplane.NewModelDeployment(ctx, "qwen", &modelplane.ModelDeploymentArgs{
		Model:    pulumi.String("hf://Qwen/Qwen3-8B"),
		Replicas: pulumi.Int(2),
		Clusters: modelplane.ClusterReferenceArray{gpu.Cluster},
		Devices: modelplane.DeploymentDeviceArray{
			modelplane.DeploymentDeviceArgs{Resource: pulumi.String("nvidia.com/gpu"), Count: pulumi.Int(1)},
		},
		Engine: modelplane.DeploymentEngineArgs{Args: pulumi.ToStringArray([]string{"--max-model-len", "16384"})},
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

	// What an OpenAI client takes as its base URL.
	ctx.Export("url", chat.Url)
	ctx.Export("placement", qwen.Placement)
	return nil
}
