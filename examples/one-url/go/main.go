// Two models by one URL, each server asked by its own name, and a key for one of them.
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

	// Services keep their own URLs, so they ask for keys, too.
	teams, err := modelplane.NewModelCallers(ctx, "teams", &modelplane.ModelCallersArgs{
		Keys: modelplane.CallerKeyArray{
			modelplane.CallerKeyArgs{Name: pulumi.String("search"), Key: conf.RequireSecret("searchKey")},
			modelplane.CallerKeyArgs{
				Name: pulumi.String("labs"), Key: conf.RequireSecret("labsKey"), Models: pulumi.StringArray{pulumi.String("qwen3-8b")},
			},
		},
	})
	if err != nil {
		return err
	}

	// What each server calls the large model.
	own, err := modelplane.NewModelEndpoint(ctx, "own", &modelplane.ModelEndpointArgs{
		Url:   pulumi.String(conf.Require("largeUrl")),
		Model: pulumi.String("meta-llama/Llama-3.3-70B-Instruct"),
	})
	if err != nil {
		return err
	}
	groq, err := modelplane.NewModelEndpoint(ctx, "groq", &modelplane.ModelEndpointArgs{
		Url:    pulumi.String(cmp.Or(conf.Get("groqUrl"), "https://api.groq.com/openai/v1")),
		ApiKey: conf.RequireSecret("groqKey"),
		Model:  pulumi.String("llama-3.3-70b-versatile"),
	})
	if err != nil {
		return err
	}
	llama, err := modelplane.NewModelService(ctx, "llama", &modelplane.ModelServiceArgs{
		Gateway: gateway,
		Backends: modelplane.ServiceBackendArray{
			modelplane.ServiceBackendArgs{Endpoint: own.Backend, Weight: pulumi.Int(80)},
			modelplane.ServiceBackendArgs{Endpoint: groq.Backend, Weight: pulumi.Int(20)},
		},
		Auth: modelplane.ServiceAuthArgs{Callers: teams.Callers},
	})
	if err != nil {
		return err
	}

	// The server of the small model is asked by the name in the catalog.
	small, err := modelplane.NewModelEndpoint(ctx, "small", &modelplane.ModelEndpointArgs{
		Url: pulumi.String(conf.Require("smallUrl")),
	})
	if err != nil {
		return err
	}
	qwen, err := modelplane.NewModelService(ctx, "qwen", &modelplane.ModelServiceArgs{
		Gateway:  gateway,
		Backends: modelplane.ServiceBackendArray{modelplane.ServiceBackendArgs{Endpoint: small.Backend}},
		Auth:     modelplane.ServiceAuthArgs{Callers: teams.Callers},
	})
	if err != nil {
		return err
	}

	catalog, err := modelplane.NewModelCatalog(ctx, "catalog", &modelplane.ModelCatalogArgs{
		Gateway: gateway,
		Models: modelplane.CatalogModelArray{
			modelplane.CatalogModelArgs{
				Name: pulumi.String("llama-3.3-70b"), Aliases: pulumi.StringArray{pulumi.String("llama")}, Service: llama.Service,
			},
			modelplane.CatalogModelArgs{Name: pulumi.String("qwen3-8b"), Service: qwen.Service},
		},
		Auth: modelplane.ServiceAuthArgs{Callers: teams.Callers},
	})
	if err != nil {
		return err
	}

	// OPENAI_BASE_URL
	ctx.Export("url", catalog.Url)
	return nil
}
