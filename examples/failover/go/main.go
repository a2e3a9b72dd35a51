// Two servers of your own, and a provider that answers when they do not.
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
	// The Gateway that serves the URL, which is not this stack's.
	var gateway modelplane.GatewayReference
	conf.RequireObject("gateway", &gateway)

	first, err := modelplane.NewModelEndpoint(ctx, "first", &modelplane.ModelEndpointArgs{
		Url: pulumi.String(conf.Require("firstUrl")),
	})
	if err != nil {
		return err
	}
	second, err := modelplane.NewModelEndpoint(ctx, "second", &modelplane.ModelEndpointArgs{
		Url: pulumi.String(conf.Require("secondUrl")),
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
		Gateway: pulumi.ToOutput(gateway).(modelplane.GatewayReferenceOutput),
		Backends: modelplane.ServiceBackendArray{
			modelplane.ServiceBackendArgs{Endpoint: first.Backend},
			modelplane.ServiceBackendArgs{Endpoint: second.Backend},
			// Asked when the two have failed a request, or are out.
			modelplane.ServiceBackendArgs{Endpoint: groq.Backend, Priority: pulumi.Int(1)},
		},
		Failover: modelplane.ServiceFailoverArgs{
			HeaderTimeout:     pulumi.String("60s"),
			FirstTokenTimeout: pulumi.String("10s"),
		},
		// A server that fails three times in a row is not asked for 30 seconds.
		OutlierEjection: modelplane.OutlierEjectionArgs{Failures: pulumi.Int(3), Duration: pulumi.String("30s")},
		// A conversation stays at the server that has its prompt in its cache.
		Affinity: modelplane.ServiceAffinityArgs{By: modelplane.AffinityByPrompt},
	})
	if err != nil {
		return err
	}

	// What an OpenAI client takes as its base URL.
	ctx.Export("url", chat.Url)
	return nil
}
