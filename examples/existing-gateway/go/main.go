// One URL on a Gateway that is there already.
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
		Gateway: modelplane.GatewayReferenceArgs{
			Name:      pulumi.String(cmp.Or(conf.Get("gatewayName"), "shared")),
			Namespace: pulumi.String(cmp.Or(conf.Get("gatewayNamespace"), "infra")),
			Listener:  pulumi.String(cmp.Or(conf.Get("gatewayListener"), "web")),
			// The URL that clients reach the listener by.
			Url: pulumi.String(conf.Require("gatewayUrl")),
			// Its Traefik runs this version of the modelplane plugin, which sends the key and hides callers. Without it, leave this out.
			PluginVersion: pulumi.String("1"),
		},
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
