// A gateway in each of two clusters, each cluster with its own provider.
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

	// The two clusters, by contexts of your kubeconfig. A component hands its provider to all that it makes.
	hub, err := kubernetes.NewProvider(ctx, "hub", &kubernetes.ProviderArgs{
		Context: pulumi.String(cmp.Or(conf.Get("hubContext"), "hub")),
	})
	if err != nil {
		return err
	}
	far, err := kubernetes.NewProvider(ctx, "far", &kubernetes.ProviderArgs{
		Context: pulumi.String(cmp.Or(conf.Get("farContext"), "far")),
	})
	if err != nil {
		return err
	}

	gateways, err := gatewayArgs(conf)
	if err != nil {
		return err
	}
	farURL, err := farCluster(ctx, gateways, urls(conf, "farUrls"), pulumi.Providers(far))
	if err != nil {
		return err
	}
	url, err := hubCluster(ctx, gateways, urls(conf, "hubUrls"), farURL, pulumi.Providers(hub))
	if err != nil {
		return err
	}

	// What an OpenAI client takes as its base URL.
	ctx.Export("url", url)
	ctx.Export("farUrl", farURL)
	return nil
}

// gatewayArgs are those of both gateways: where Traefik's chart comes from and its values, if not the published chart as it is.
func gatewayArgs(conf *config.Config) (*modelplane.ModelGatewayArgs, error) {
	var chart struct {
		Name   string
		Values map[string]any
	}
	if err := conf.GetObject("chart", &chart); err != nil {
		return nil, err
	}
	return &modelplane.ModelGatewayArgs{
		Chart: modelplane.GatewayChartArgs{
			Name:   pulumi.String(cmp.Or(chart.Name, "traefik")),
			Values: pulumi.ToMap(chart.Values),
		},
		// False where the clusters already have the CRDs of the Gateway API and of Traefik.
		InstallCrds: pulumi.BoolRef(conf.Get("installCrds") != "false"),
	}, nil
}

// urls are the base URLs of a cluster's model servers.
func urls(conf *config.Config, key string) pulumi.StringArray {
	var urls []string
	conf.RequireObject(key, &urls)
	return pulumi.ToStringArray(urls)
}

// farCluster has a gateway in front of its own replicas.
func farCluster(
	ctx *pulumi.Context, gateways *modelplane.ModelGatewayArgs, urls pulumi.StringArray, far pulumi.ResourceOption,
) (pulumi.StringOutput, error) {
	gateway, err := modelplane.NewModelGateway(ctx, "far-gateway", gateways, far)
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	replicas, err := modelplane.NewModelEndpoint(ctx, "far-replicas", &modelplane.ModelEndpointArgs{Urls: urls}, far)
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	chat, err := modelplane.NewModelService(ctx, "far-chat", &modelplane.ModelServiceArgs{
		Gateway:  gateway.Gateway,
		Backends: modelplane.ServiceBackendArray{modelplane.ServiceBackendArgs{Endpoint: replicas.Backend}},
	}, far)
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	return chat.Url, nil
}

// hubCluster is what clients use, over its own replicas and all of the far cluster.
func hubCluster(
	ctx *pulumi.Context, gateways *modelplane.ModelGatewayArgs, urls pulumi.StringArray, farURL pulumi.StringInput,
	hub pulumi.ResourceOption,
) (pulumi.StringOutput, error) {
	gateway, err := modelplane.NewModelGateway(ctx, "hub-gateway", gateways, hub)
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	replicas, err := modelplane.NewModelEndpoint(ctx, "hub-replicas", &modelplane.ModelEndpointArgs{Urls: urls}, hub)
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	// A base URL comes out of the far cluster's service, and goes into the hub's endpoint.
	toFar, err := modelplane.NewModelEndpoint(ctx, "hub-to-far", &modelplane.ModelEndpointArgs{Url: farURL}, hub)
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	chat, err := modelplane.NewModelService(ctx, "hub-chat", &modelplane.ModelServiceArgs{
		Gateway: gateway.Gateway,
		Backends: modelplane.ServiceBackendArray{
			modelplane.ServiceBackendArgs{Endpoint: replicas.Backend, Weight: pulumi.Int(75)},
			modelplane.ServiceBackendArgs{Endpoint: toFar.Backend, Weight: pulumi.Int(25)},
		},
	}, hub)
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	return chat.Url, nil
}
