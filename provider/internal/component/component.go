// Package component is what every component of the package shares: its inputs are held against the schema and its own
// rules before any child exists, then reach its constructor as plain values that may still be unknown in preview.
package component

import (
	"context"
	"fmt"
	"reflect"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumiprovider "github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
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

// Check finds what is wrong with a component's arguments. An argument that is not known yet is at its default; the
// faults that rest on it are left out afterwards.
type Check[A any] func(name string, args A) fault.List

// Constructor makes a component called name, and its children, from inputs that have passed the check.
type Constructor[A any, O pulumi.ComponentResource] func(*pulumi.Context, string, Inputs[A], ...pulumi.ResourceOption) (O, error)

// Define joins a component's parts. A is a struct whose pulumi tags name the inputs and whose plain:"true" tags mark
// those that must be known when the program runs; O is the component with its outputs.
func Define[A any, O pulumi.ComponentResource](check Check[A], construct Constructor[A, O]) Definition {
	return definition[A, O]{check: check, construct: construct}
}

type definition[A any, O pulumi.ComponentResource] struct {
	check     Check[A]
	construct Constructor[A, O]
}

func (d definition[A, O]) Inferred() infer.InferredComponent {
	return infer.ComponentF(func(*pulumi.Context, string, A, ...pulumi.ResourceOption) (o O, err error) {
		return o, fmt.Errorf("%T is made by its definition", o)
	})
}

func (d definition[A, O]) Plain() []string {
	var plain []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[A]()) {
		if field.Tag.Get("plain") == "true" {
			name, _ := splitTag(field.Tag.Get("pulumi"))
			plain = append(plain, name)
		}
	}
	return plain
}

func (d definition[A, O]) Construct(
	ctx context.Context, spec schema.PackageSpec, req p.ConstructRequest,
) (p.ConstructResponse, error) {
	s := shapeOf(spec, string(req.Urn.Type()))
	args, faults := d.judge(s, req.Urn.Name(), req.Inputs)
	if len(faults) > 0 {
		return p.ConstructResponse{}, refuse(req.Inputs, faults)
	}
	errorHooks := hasErrorHooks(ctx, req.MonitorEndpoint)
	return p.ProgramConstruct(ctx, req, func(
		ctx *pulumi.Context, _, name string, inputs pulumiprovider.ConstructInputs, opts pulumi.ResourceOption,
	) (*pulumiprovider.ConstructResult, error) {
		values, err := inputs.Map()
		if err != nil {
			return nil, err
		}
		made, err := d.construct(ctx, name, Inputs[A]{
			Known: args, urn: string(req.Urn), errorHooks: errorHooks, shape: s, raw: req.Inputs, values: values,
		}, opts)
		if err != nil {
			return nil, err
		}
		if err := ctx.RegisterResourceOutputs(made, outputs(made)); err != nil {
			return nil, err
		}
		return pulumiprovider.NewConstructResult(made)
	})
}

// judge holds raw inputs against schema and rules. What the schema finds fault with, the rules do not see.
func (d definition[A, O]) judge(s shape, name string, raw property.Map) (A, fault.List) {
	faults := s.check(raw)
	var faulty []string
	for _, f := range faults {
		faulty = append(faulty, f.Path)
	}
	values, missing := known(raw, faulty)
	args, err := decode[A](s, values)
	if err != nil {
		faults.Addf("inputs", "%s", err)
		return args, faults
	}
	return args, append(faults, d.check(name, args).Settled(missing)...)
}

func outputs(component any) pulumi.Map {
	result := pulumi.Map{}
	value := reflect.ValueOf(component).Elem()
	for _, field := range reflect.VisibleFields(value.Type()) {
		if name, tagged := splitTag(field.Tag.Get("pulumi")); tagged && field.IsExported() {
			result[name] = value.FieldByIndex(field.Index).Interface().(pulumi.Output)
		}
	}
	return result
}
