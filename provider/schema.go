package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// getSchema is the inferred schema, corrected.
func getSchema(ctx context.Context, inferred p.Provider, req p.GetSchemaRequest) (p.GetSchemaResponse, error) {
	if req.Version != 0 {
		return p.GetSchemaResponse{}, fmt.Errorf("schema version %d is not known; ask for version 0", req.Version)
	}
	spec, err := packageSpec(ctx, inferred)
	if err != nil {
		return p.GetSchemaResponse{}, err
	}
	text, err := json.Marshal(spec)
	return p.GetSchemaResponse{Schema: string(text)}, err
}

// packageSpec corrects what infer takes from the plain types of our arguments: every input may be an output of another
// resource, except those that say otherwise.
func packageSpec(ctx context.Context, inferred p.Provider) (schema.PackageSpec, error) {
	var spec schema.PackageSpec
	response, err := inferred.GetSchema(ctx, p.GetSchemaRequest{})
	if err != nil {
		return spec, err
	}
	if err := json.Unmarshal([]byte(response.Schema), &spec); err != nil {
		return spec, err
	}
	for token, definition := range components {
		plain := definition.Plain()
		for name, property := range spec.Resources[token].InputProperties {
			setPlain(&property.TypeSpec, slices.Contains(plain, name))
			spec.Resources[token].InputProperties[name] = property
		}
	}
	return spec, nil
}

func setPlain(spec *schema.TypeSpec, plain bool) {
	spec.Plain = plain
	for _, inner := range []*schema.TypeSpec{spec.Items, spec.AdditionalProperties} {
		if inner != nil {
			setPlain(inner, plain)
		}
	}
}
