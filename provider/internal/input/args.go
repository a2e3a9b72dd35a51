package input

import (
	"maps"
	"reflect"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/mapper"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// Args are a component's arguments as a program gave them. Any of them may be unknown in preview.
type Args[A any] struct {
	shape shape
	// known are the arguments as far as they are known, defaults included: one that is not is present and empty.
	known A
	// unknown are the paths of what is not known yet, or is faulty.
	unknown []string
	values  pulumi.Map
}

// read checks a program's inputs against the schema and reads what is known of them.
func read[A any](s shape, inputs property.Map) (Args[A], fault.List) {
	faults := s.check(inputs)
	args := Args[A]{shape: s}
	for _, f := range faults {
		args.unknown = append(args.unknown, f.Path)
	}
	r := reader{shape: s, unknown: args.unknown}
	known := r.object("", s.root, inputs)
	args.unknown = r.unknown
	var err error
	if args.known, err = decode[A](s, known); err != nil {
		faults.AddErr("inputs", err)
	}
	return args, faults
}

// Part is the part of the arguments that G, a struct embedded in A, describes. It is known once each of them is.
func Part[G, A any](args Args[A]) value.Value[G] {
	now := reflect.ValueOf(args.known).FieldByName(reflect.TypeFor[G]().Name()).Interface().(G)
	chosen, complete := pulumi.Map{}, true
	for name := range properties(reflect.TypeFor[G]()) {
		if given, has := args.values[name]; has {
			chosen[name] = given
		}
		complete = complete && !slices.ContainsFunc(args.unknown, func(path string) bool { return fault.Within(path, name) })
	}
	values := pulumix.MustConvertTyped[map[string]any](chosen.ToMapOutput())
	if complete {
		return value.Wholly(now, pulumix.Apply(values, func(map[string]any) G { return now }))
	}
	return value.Partly(now, pulumix.ApplyErr(values, func(values map[string]any) (G, error) { return decode[G](args.shape, values) }))
}

// Unknown names the properties of a part that is not known as a whole.
func Unknown[G any](part value.Value[G]) []string {
	if part.Complete() {
		return nil
	}
	return slices.Collect(maps.Keys(properties(reflect.TypeFor[G]())))
}

// decode makes A, all of the arguments or a part of them, of plain values, with the schema's defaults where one is absent.
func decode[A any](s shape, values map[string]any) (A, error) {
	var args A
	values = clone(values).(map[string]any)
	s.setDefaults(values)
	if err := mapper.MapIU(values, &args); err != nil {
		return args, err
	}
	return args, nil
}

// clone copies maps and lists and drops nulls, which the mapper takes for values.
func clone(value any) any {
	switch value := value.(type) {
	case map[string]any:
		copied := make(map[string]any, len(value))
		for key, element := range value {
			if element != nil {
				copied[key] = clone(element)
			}
		}
		return copied
	case []any:
		copied := make([]any, len(value))
		for i, element := range value {
			copied[i] = clone(element)
		}
		return copied
	default:
		return value
	}
}
