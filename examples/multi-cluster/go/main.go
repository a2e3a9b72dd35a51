// One URL over a model on two clusters and a provider that has it, too.
package main

import (
	"cmp"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"github.com/modelplane/pulumi-modelplane/sdk/go/modelplane"
)

func main() {
	pulumi.Run(program)
}

func program(ctx *pulumi.Context) error {
	conf := config.New(ctx, "")

	// Where Traefik's Helm chart comes from and its values, if not the published chart as it is.
	var chart helmChart
	if err := conf.GetObject("chart", &chart); err != nil {
		return err
	}
	// The gateway for clients, in the cluster that your kubectl reaches.
	gateway, err := modelplane.NewModelGateway(ctx, "gateway", &modelplane.ModelGatewayArgs{
		Chart: modelplane.GatewayChartArgs{Name: pulumi.String(cmp.Or(chart.Name, "traefik")), Values: pulumi.ToMap(chart.Values)},
	})
	if err != nil {
		return err
	}

	clusters, err := inferenceClusters(ctx, conf)
	if err != nil {
		return err
	}

	// The model, started by vLLM. Clients call it openai/gpt-oss-120b, as Groq does.
	gptOss, err := modelplane.NewModelDeployment(ctx, "gpt-oss", &modelplane.ModelDeploymentArgs{
		Model: pulumi.String("hf://openai/gpt-oss-120b"),
		// On both clusters together.
		Replicas: pulumi.Int(3),
		Clusters: clusters,
		Devices: modelplane.DeploymentDeviceArray{
			modelplane.DeploymentDeviceArgs{Resource: pulumi.String("nvidia.com/gpu"), Count: pulumi.Int(1), Type: pulumi.String("H100")},
		},
	})
	if err != nil {
		return err
	}

	groq, err := modelplane.NewModelEndpoint(ctx, "groq", &modelplane.ModelEndpointArgs{
		Url:    pulumi.String(cmp.Or(conf.Get("groqUrl"), "https://api.groq.com/openai/v1")),
		ApiKey: conf.RequireSecret("groqKey"),
	})
	if err != nil {
		return err
	}

	chat, err := modelplane.NewModelService(ctx, "chat", &modelplane.ModelServiceArgs{
		Gateway: gateway.Gateway,
		Backends: modelplane.ServiceBackendArray{
			// All replicas together get 80 %, wherever they are.
			modelplane.ServiceBackendArgs{Endpoints: gptOss.Endpoints, Weight: pulumi.Int(80)},
			modelplane.ServiceBackendArgs{Endpoint: groq.Backend, Weight: pulumi.Int(20)},
		},
	})
	if err != nil {
		return err
	}

	// What an OpenAI client takes as its base URL.
	ctx.Export("url", chat.Url)
	ctx.Export("placement", gptOss.Placement)
	ctx.Export("urls", gptOss.Urls)
	ctx.Export("shares", chat.Shares)
	return nil
}

// helmChart is where a Helm chart comes from, and its values.
type helmChart struct {
	Name   string
	Values map[string]any
}

// inferenceClusters are the clusters that run the model, by their kubeconfigs.
func inferenceClusters(ctx *pulumi.Context, conf *config.Config) (modelplane.ClusterReferenceArray, error) {
	// Where Envoy Gateway's Helm chart comes from and its values, if not the published chart as it is.
	var chart helmChart
	if err := conf.GetObject("envoyChart", &chart); err != nil {
		return nil, err
	}
	var clusters modelplane.ClusterReferenceArray
	for _, name := range []string{"east", "west"} {
		cluster, err := modelplane.NewInferenceCluster(ctx, name, &modelplane.InferenceClusterArgs{
			Kubeconfig: conf.RequireSecret(name + "Kubeconfig"),
			// The key that the cluster's gateway asks for. Only the endpoints send it.
			ApiKeys: pulumi.StringArray{conf.RequireSecret(name + "Key")},
			Labels:  pulumi.StringMap{"region": pulumi.String("us-" + name)},
			// What the cluster has. Placement counts these GPUs; it does not ask the cluster.
			Pools: modelplane.ClusterPoolArray{modelplane.ClusterPoolArgs{
				Name:  pulumi.String("h100"),
				Nodes: pulumi.Int(2),
				Devices: modelplane.ClusterDeviceArray{modelplane.ClusterDeviceArgs{
					Resource: pulumi.String("nvidia.com/gpu"), Count: pulumi.Int(8), Type: pulumi.String("H100"), Memory: pulumi.String("80Gi"),
				}},
			}},
			// True moves all replicas away from the cluster, without a lost request.
			Drain: pulumi.Bool(conf.GetBool(name + "Drain")),
			Chart: modelplane.ClusterChartArgs{
				Name:   pulumi.String(cmp.Or(chart.Name, "oci://docker.io/envoyproxy/gateway-helm")),
				Values: pulumi.ToMap(chart.Values),
			},
		})
		if err != nil {
			return nil, err
		}
		clusters = append(clusters, cluster.Cluster)
	}
	return clusters, nil
}
