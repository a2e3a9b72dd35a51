// One OpenAI-compatible URL over a model server of your own and Groq.
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

	gateway, err := modelplane.NewModelGateway(ctx, "gateway", &modelplane.ModelGatewayArgs{
		// Traefik's Helm chart: its name in Traefik's repository, an OCI reference, or a path.
		Chart: modelplane.GatewayChartArgs{Name: pulumi.String(cmp.Or(conf.Get("chart"), "traefik"))},
	})
	if err != nil {
		return err
	}

	// A model server of your own.
	own, err := modelplane.NewModelEndpoint(ctx, "own", &modelplane.ModelEndpointArgs{
		Url: pulumi.String(conf.Require("ownUrl")),
	})
	if err != nil {
		return err
	}

	// A provider: another host, another path, TLS and a key.
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
			modelplane.ServiceBackendArgs{Endpoint: own.Backend, Weight: pulumi.Int(80)},
			modelplane.ServiceBackendArgs{Endpoint: groq.Backend, Weight: pulumi.Int(20)},
		},
	})
	if err != nil {
		return err
	}

	// What an OpenAI client takes as its base URL.
	ctx.Export("url", chat.Url)
	return nil
}
