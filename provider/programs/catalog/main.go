//go:build ignore

package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"github.com/modelplane/pulumi-modelplane/sdk/go/modelplane"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		gateway, err := modelplane.NewModelGateway(ctx, "gateway", nil)
		if err != nil {
			return err
		}
		own, err := modelplane.NewModelEndpoint(ctx, "own", &modelplane.ModelEndpointArgs{
			Url:   pulumi.String("http://10.0.0.7:8000/v1"),
			Model: pulumi.String("meta-llama/Llama-3.3-70B-Instruct"),
		})
		if err != nil {
			return err
		}
		groq, err := modelplane.NewModelEndpoint(ctx, "groq", &modelplane.ModelEndpointArgs{
			Url:    pulumi.String("https://api.groq.com/openai/v1"),
			Model:  pulumi.String("llama-3.3-70b-versatile"),
			ApiKey: config.RequireSecret(ctx, "groqKey"),
		})
		if err != nil {
			return err
		}
		llama, err := modelplane.NewModelService(ctx, "llama", &modelplane.ModelServiceArgs{
			Gateway: gateway.Gateway,
			Backends: modelplane.ServiceBackendArray{
				modelplane.ServiceBackendArgs{Endpoint: own.Backend, Weight: pulumi.Int(80)},
				modelplane.ServiceBackendArgs{Endpoint: groq.Backend, Weight: pulumi.Int(20)},
			},
		})
		if err != nil {
			return err
		}
		embedder, err := modelplane.NewModelEndpoint(ctx, "embedder", &modelplane.ModelEndpointArgs{
			Url: pulumi.String("http://10.0.0.8:8000/v1"),
		})
		if err != nil {
			return err
		}
		embeddings, err := modelplane.NewModelService(ctx, "embeddings", &modelplane.ModelServiceArgs{
			Gateway:  gateway.Gateway,
			Backends: modelplane.ServiceBackendArray{modelplane.ServiceBackendArgs{Endpoint: embedder.Backend}},
		})
		if err != nil {
			return err
		}
		catalog, err := modelplane.NewModelCatalog(ctx, "catalog", &modelplane.ModelCatalogArgs{
			Gateway: gateway.Gateway,
			Models: modelplane.CatalogModelArray{
				modelplane.CatalogModelArgs{Name: pulumi.String("llama-3.3-70b"), Service: llama.Service},
				modelplane.CatalogModelArgs{Name: pulumi.String("bge-m3"), Service: embeddings.Service},
			},
		})
		if err != nil {
			return err
		}
		ctx.Export("url", catalog.Url)
		return nil
	})
}
