// Package input takes a component's inputs from a program: they are checked against the schema and the component's own rules
// before any child exists, then reach its constructor in parts that may still be unknown in preview.
package input

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumiprovider "github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"

	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
)

// Definition is a component as the provider serves it.
type Definition interface {
	// Inferred describes the component for the schema.
	Inferred() infer.InferredComponent
	// Plain names the inputs that must be known when the program runs.
	Plain() []string
	// Construct checks a request's inputs against spec and the component's rules, and makes the component.
	Construct(context.Context, schema.PackageSpec, p.ConstructRequest) (p.ConstructResponse, error)
}

// Check finds what is wrong with a component's arguments. An argument that is not known yet is present and empty; the faults
// that depend on it are left out afterwards.
type Check[A any] func(name string, args A) fault.List

// Constructor makes a component called name, and its children, from arguments that have passed the check.
type Constructor[A any, O pulumi.ComponentResource] func(*pulumi.Context, string, Args[A], ...pulumi.ResourceOption) (O, error)

// Define joins a component's parts. A is a struct whose pulumi tags name the inputs and whose plain:"true" tags mark those
// that must be known when the program runs; the structs embedded in it are the parts that become known together. O is the
// component with its outputs.
func Define[A any, O pulumi.ComponentResource](check Check[A], construct Constructor[A, O]) Definition {
	return definition[A, O]{check: check, construct: construct}
}

type definition[A any, O pulumi.ComponentResource] struct {
	check     Check[A]
	construct Constructor[A, O]
}

func (d definition[A, O]) Inferred() infer.InferredComponent {
	return infer.ComponentF(func(*pulumi.Context, string, A, ...pulumi.ResourceOption) (o O, err error) {
		return o, fmt.Errorf("%T is made by the Construct of its definition", o)
	})
}

func (d definition[A, O]) Plain() []string {
	var plain []string
	for name, field := range properties(reflect.TypeFor[A]()) {
		if field.Tag.Get("plain") == "true" {
			plain = append(plain, name)
		}
	}
	return plain
}

func (d definition[A, O]) Construct(
	ctx context.Context, spec schema.PackageSpec, req p.ConstructRequest,
) (p.ConstructResponse, error) {
	args, faults := read[A](shapeOf(spec, string(req.Urn.Type())), req.Inputs)
	faults = append(faults, d.check(req.Urn.Name(), args.known).Known(args.unknown)...)
	faults = append(faults, checkAutonaming(req.Config, req.Urn, req.Organization, childName(req))...)
	if len(faults) > 0 {
		return p.ConstructResponse{}, refuse(args.shape, req.Inputs, faults)
	}
	engine := engineOf(ctx, req.MonitorEndpoint)
	ctx = child.WithEngine(ctx, child.Engine{
		URN: string(req.Urn), ErrorHooks: engine.errorHooks(), Claims: &engine.claims,
		ProviderURN: string(req.Providers["kubernetes"].Urn),
	})
	return p.ProgramConstruct(ctx, req, func(
		ctx *pulumi.Context, _, name string, inputs pulumiprovider.ConstructInputs, opts pulumi.ResourceOption,
	) (*pulumiprovider.ConstructResult, error) {
		var err error
		if args.values, err = inputs.Map(); err != nil {
			return nil, err
		}
		made, err := d.construct(ctx, name, args, opts)
		if err != nil {
			return nil, err
		}
		return pulumiprovider.NewConstructResult(made)
	})
}

// childName is the Pulumi name of most of the component's children.
func childName(req p.ConstructRequest) string {
	if name := req.Inputs.Get("name"); name.IsString() && name.AsString() != "" {
		return names.Child(name.AsString(), req.Urn.Name())
	}
	return req.Urn.Name()
}

// Outputs are a component's outputs by their names.
func Outputs(component any) pulumi.Map {
	result := pulumi.Map{}
	value := reflect.ValueOf(component).Elem()
	for name, field := range properties(value.Type()) {
		result[name] = value.FieldByIndex(field.Index).Interface().(pulumi.Output)
	}
	return result
}

// properties are the exported fields of a struct, and of those embedded in it, by the names in their pulumi tags.
func properties(t reflect.Type) map[string]reflect.StructField {
	named := map[string]reflect.StructField{}
	for _, field := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(field.Tag.Get("pulumi"), ",")
		if name != "" && field.IsExported() {
			named[name] = field
		}
	}
	return named
}
