// Two teams with keys of their own, and a number of tokens for each by the minute and by the day.
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
	var reference modelplane.GatewayReference
	conf.RequireObject("gateway", &reference)
	gateway := pulumi.ToOutput(reference).(modelplane.GatewayReferenceOutput)

	// A key with models is refused at the services' own URLs, where the catalog's limits do not hold.
	all := pulumi.StringArray{pulumi.String("*")}
	teams, err := modelplane.NewModelCallers(ctx, "teams", &modelplane.ModelCallersArgs{
		Keys: modelplane.CallerKeyArray{
			modelplane.CallerKeyArgs{Name: pulumi.String("search"), Key: conf.RequireSecret("searchKey"), Models: all},
			modelplane.CallerKeyArgs{
				Name: pulumi.String("labs"), Key: conf.RequireSecret("labsKey"), Models: all, RequestsPerMinute: pulumi.Int(30),
			},
		},
	})
	if err != nil {
		return err
	}

	// A price is for a million tokens. That of your own server is for you to say.
	own, err := modelplane.NewModelEndpoint(ctx, "own", &modelplane.ModelEndpointArgs{
		Url:   pulumi.String(conf.Require("ownUrl")),
		Price: modelplane.TokenPriceArgs{Input: pulumi.Float64(0.05), Output: pulumi.Float64(0.2)},
	})
	if err != nil {
		return err
	}
	qwen, err := modelplane.NewModelService(ctx, "qwen", &modelplane.ModelServiceArgs{
		Gateway:  gateway,
		Backends: modelplane.ServiceBackendArray{modelplane.ServiceBackendArgs{Endpoint: own.Backend}},
		Auth:     modelplane.ServiceAuthArgs{Callers: teams.Callers},
	})
	if err != nil {
		return err
	}

	// Groq's price list says what this model costs: write that here.
	groq, err := modelplane.NewModelEndpoint(ctx, "groq", &modelplane.ModelEndpointArgs{
		Url:    pulumi.String(cmp.Or(conf.Get("groqUrl"), "https://api.groq.com/openai/v1")),
		ApiKey: conf.RequireSecret("groqKey"),
		Model:  pulumi.String("llama-3.3-70b-versatile"),
		Price:  modelplane.TokenPriceArgs{Input: pulumi.Float64(0.59), Output: pulumi.Float64(0.79)},
	})
	if err != nil {
		return err
	}
	llama, err := modelplane.NewModelService(ctx, "llama", &modelplane.ModelServiceArgs{
		Gateway:  gateway,
		Backends: modelplane.ServiceBackendArray{modelplane.ServiceBackendArgs{Endpoint: groq.Backend}},
		Auth:     modelplane.ServiceAuthArgs{Callers: teams.Callers},
	})
	if err != nil {
		return err
	}

	catalog, err := modelplane.NewModelCatalog(ctx, "catalog", &modelplane.ModelCatalogArgs{
		Gateway: gateway,
		Models: modelplane.CatalogModelArray{
			modelplane.CatalogModelArgs{Name: pulumi.String("qwen3-8b"), Service: qwen.Service},
			modelplane.CatalogModelArgs{Name: pulumi.String("llama-3.3-70b"), Service: llama.Service},
		},
		Auth: modelplane.ServiceAuthArgs{Callers: teams.Callers},
		// Both models count together, and each replica of the gateway counts for itself.
		Limits: modelplane.ServiceLimitsArgs{
			Tokens: modelplane.TokenLimitArray{
				modelplane.TokenLimitArgs{
					By: modelplane.LimitByCaller, Tokens: pulumi.Int(cmp.Or(conf.GetInt("tokensPerDay"), 1000000)), Seconds: pulumi.Int(86400),
				},
				modelplane.TokenLimitArgs{
					By: modelplane.LimitByCaller, Tokens: pulumi.Int(cmp.Or(conf.GetInt("tokensPerMinute"), 20000)), Seconds: pulumi.Int(60),
				},
			},
		},
	})
	if err != nil {
		return err
	}

	// OPENAI_BASE_URL
	ctx.Export("url", catalog.Url)
	return nil
}
