// Package provider assembles the Pulumi provider: its components, its schema, and the check that runs before any of
// them is made.
package provider

import (
	"context"
	"sync"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"

	"github.com/modelplane/pulumi-modelplane/provider/endpoint"
	"github.com/modelplane/pulumi-modelplane/provider/gateway"
	"github.com/modelplane/pulumi-modelplane/provider/internal/input"
	"github.com/modelplane/pulumi-modelplane/provider/service"
)

// Name is the name of the Pulumi package.
const Name = "modelplane"

// components are all that the package offers, by their types.
var components = map[string]input.Definition{
	"modelplane:index:" + gateway.Kind:  gateway.Definition,
	"modelplane:index:" + endpoint.Kind: endpoint.Definition,
	"modelplane:index:" + service.Kind:  service.Definition,
}

// New makes the provider.
func New() (p.Provider, error) {
	inferred, err := infer.NewProviderBuilder().
		WithDisplayName("Modelplane").
		WithDescription("One OpenAI-compatible URL in front of many model servers, each with its own host, path, TLS, key and weight.").
		WithKeywords("pulumi", "modelplane", "kubernetes", "gateway-api", "llm", "openai", "category/infrastructure", "kind/component").
		WithHomepage("https://github.com/modelplane/pulumi-modelplane").
		WithRepository("https://github.com/modelplane/pulumi-modelplane").
		WithPublisher("modelplane").
		WithLicense("Apache-2.0").
		WithPluginDownloadURL("github://api.github.com/modelplane/pulumi-modelplane").
		WithLanguageMap(languages).
		WithComponents(
			gateway.Definition.Inferred(),
			endpoint.Definition.Inferred(),
			service.Definition.Inferred(),
		).
		Build()
	if err != nil {
		return p.Provider{}, err
	}
	served := inferred
	// Each Construct needs the schema, which is always the same.
	var spec schema.PackageSpec
	var specErr error
	var made sync.Once
	served.GetSchema = func(ctx context.Context, req p.GetSchemaRequest) (p.GetSchemaResponse, error) {
		return getSchema(ctx, inferred, req)
	}
	served.Construct = func(ctx context.Context, req p.ConstructRequest) (p.ConstructResponse, error) {
		definition, ok := components[string(req.Urn.Type())]
		if !ok {
			return inferred.Construct(ctx, req)
		}
		made.Do(func() { spec, specErr = packageSpec(ctx, inferred) })
		if specErr != nil {
			return p.ConstructResponse{}, specErr
		}
		return definition.Construct(ctx, spec, req)
	}
	return served, nil
}
