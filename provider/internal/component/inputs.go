package component

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/mapper"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
)

// Inputs are a component's arguments on their way in: A describes them as plain values, and any of them may be unknown
// in preview.
type Inputs[A any] struct {
	// Known holds the arguments as far as they are known, defaults included. It decides what must not wait: which
	// children there are, and what they are called.
	Known A

	urn        string
	errorHooks bool
	shape      shape
	raw        property.Map
	values     pulumi.Map
}

// Has says whether the program gave the property, known or not.
func (in Inputs[A]) Has(name string) bool {
	return !in.raw.Get(name).IsNull()
}

// Unknown says whether the program gave the property with a value that preview does not know.
func (in Inputs[A]) Unknown(name string) bool {
	return in.raw.Get(name).IsComputed()
}

// URN is the component's own, which names its project and stack as well.
func (in Inputs[A]) URN() string { return in.urn }

// HasWithin says whether the program gave the property inside an object that is itself known.
func (in Inputs[A]) HasWithin(object, name string) bool {
	value := in.raw.Get(object)
	return value.IsMap() && !value.AsMap().Get(name).IsNull()
}

// Only is the arguments of these names, all others at their defaults, once each of the named is known.
func (in Inputs[A]) Only(names ...string) pulumix.Output[A] {
	chosen := pulumi.Map{}
	for _, name := range names {
		if value, has := in.values[name]; has {
			chosen[name] = value
		}
	}
	values := pulumix.MustConvertTyped[map[string]any](chosen.ToMapOutput())
	return pulumix.ApplyErr(values, func(values map[string]any) (A, error) { return decode[A](in.shape, values) })
}

// Except is all arguments but those of these names, once each of the others is known.
func (in Inputs[A]) Except(names ...string) pulumix.Output[A] {
	all := slices.Collect(maps.Keys(in.values))
	return in.Only(slices.DeleteFunc(all, func(name string) bool { return slices.Contains(names, name) })...)
}

// String is the property of this name alone: a secret stays one, and does not make a secret of its neighbours.
func (in Inputs[A]) String(name string) pulumix.Output[string] {
	text := pulumi.ToOutput(in.values[name]).ApplyT(func(value any) (string, error) {
		text, ok := value.(string)
		if !ok {
			return "", fmt.Errorf("%s: is not a string", name)
		}
		return text, nil
	})
	return pulumix.MustConvertTyped[string](text)
}

// Decide is what decide makes of arguments once they are known, or all that is wrong with them: values that preview does not
// know reach the rules here for the first time.
func Decide[A, P any](args pulumix.Output[A], decide func(A) (P, fault.List)) pulumix.Output[P] {
	return pulumix.ApplyErr(args, func(args A) (P, error) {
		plan, faults := decide(args)
		return plan, faults.Err()
	})
}

// decode makes A of plain values, with the schema's defaults where a value is absent.
func decode[A any](s shape, values map[string]any) (A, error) {
	var args A
	values = clone(values).(map[string]any)
	s.setDefaults(values)
	if err := mapper.MapI(values, &args); err != nil {
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

// known is the part of the raw inputs that can be used, as plain values, and the paths of what cannot: what is unknown yet
// and what stands at one of the unusable paths. A list with such an element is left out as a whole, so that the others
// keep their places.
func known(inputs property.Map, unusable []string) (values map[string]any, missing []string) {
	k := knower{missing: slices.Clone(unusable)}
	return k.object("", inputs), k.missing
}

type knower struct{ missing []string }

func (k *knower) object(path string, m property.Map) map[string]any {
	object := map[string]any{}
	for key, element := range m.AllStable {
		if value, ok := k.value(fault.Key(path, key), element); ok {
			object[key] = value
		}
	}
	return object
}

func (k *knower) value(path string, value property.Value) (any, bool) {
	switch {
	case value.IsComputed():
		k.missing = append(k.missing, path)
		return nil, false
	case slices.Contains(k.missing, path):
		return nil, false
	case value.IsBool():
		return value.AsBool(), true
	case value.IsNumber():
		return value.AsNumber(), true
	case value.IsString():
		return value.AsString(), true
	case value.IsArray():
		return k.list(path, value.AsArray())
	case value.IsMap():
		return k.object(path, value.AsMap()), true
	default:
		return nil, false
	}
}

func (k *knower) list(path string, a property.Array) (any, bool) {
	list := make([]any, 0, a.Len())
	for i, element := range a.All {
		value, ok := k.value(fault.Index(path, i), element)
		if !ok {
			k.missing = append(k.missing, path)
			return nil, false
		}
		list = append(list, value)
	}
	return list, true
}
