// Package provider assembles the Pulumi provider: its components, its schema, and the check that runs before any of
// them is made.
package provider

import (
	"context"
	"sync"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"

	"github.com/modelplane/pulumi-modelplane/provider/callers"
	"github.com/modelplane/pulumi-modelplane/provider/catalog"
	"github.com/modelplane/pulumi-modelplane/provider/cluster"
	"github.com/modelplane/pulumi-modelplane/provider/deployment"
	"github.com/modelplane/pulumi-modelplane/provider/endpoint"
	"github.com/modelplane/pulumi-modelplane/provider/gateway"
	"github.com/modelplane/pulumi-modelplane/provider/internal/input"
	"github.com/modelplane/pulumi-modelplane/provider/placed"
	"github.com/modelplane/pulumi-modelplane/provider/service"
)

// Name is the name of the Pulumi package.
const Name = "modelplane"

// components are all that the package offers, by their types.
var components = map[string]input.Definition{
	"modelplane:index:" + gateway.Kind:    gateway.Definition,
	"modelplane:index:" + endpoint.Kind:   endpoint.Definition,
	"modelplane:index:" + service.Kind:    service.Definition,
	"modelplane:index:" + cluster.Kind:    cluster.Definition,
	"modelplane:index:" + callers.Kind:    callers.Definition,
	"modelplane:index:" + catalog.Kind:    catalog.Definition,
	"modelplane:index:" + deployment.Kind: deployment.Definition,
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
			cluster.Definition.Inferred(),
			deployment.Definition.Inferred(),
			callers.Definition.Inferred(),
			catalog.Definition.Inferred(),
		).
		WithResources(placed.Inferred()).
		Build()
	if err != nil {
		return p.Provider{}, err
	}
	served := inferred
	// The checks of components and of placements need the schema, which is always the same.
	var once sync.Once
	var spec schema.PackageSpec
	var specErr error
	known := func(ctx context.Context) (schema.PackageSpec, error) {
		once.Do(func() { spec, specErr = packageSpec(ctx, inferred) })
		return spec, specErr
	}
	served.GetSchema = func(ctx context.Context, req p.GetSchemaRequest) (p.GetSchemaResponse, error) {
		return getSchema(ctx, inferred, req)
	}
	served.Construct = func(ctx context.Context, req p.ConstructRequest) (p.ConstructResponse, error) {
		definition, ok := components[string(req.Urn.Type())]
		if !ok {
			return inferred.Construct(ctx, req)
		}
		spec, err := known(ctx)
		if err != nil {
			return p.ConstructResponse{}, err
		}
		return definition.Construct(ctx, spec, req)
	}
	placements := placed.Provider{Spec: known}
	served.Check, served.Diff = placements.Check, placements.Diff
	served.Create, served.Update, served.Delete = placements.Create, placements.Update, placements.Delete
	served.Read = placements.Read
	return served, nil
}
