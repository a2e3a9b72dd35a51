package input

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/sdk/v3/go/property"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
)

// shape is what the schema says of a component's inputs: which there are, of which types, with which defaults.
type shape struct {
	types map[string]schema.ComplexTypeSpec
	root  schema.ObjectTypeSpec
}

func shapeOf(spec schema.PackageSpec, token string) shape {
	r := spec.Resources[token]
	return shape{
		types: spec.Types,
		root:  schema.ObjectTypeSpec{Properties: r.InputProperties, Required: r.RequiredInputs},
	}
}

// check finds what the schema alone can tell: unknown keys, missing and mistyped values, and secrets where a value is
// going to be in plain text.
func (s shape) check(inputs property.Map) fault.List {
	var faults fault.List
	s.checkObject("", s.root, false, inputs, &faults)
	return faults
}

// inPlainText is what is wrong with a secret anywhere but where the schema wants one.
const inPlainText = "is a secret, but would be in plain text in the objects made from it; " +
	"mark it as not secret (unsecret), or, for a key, use apiKey"

// checkObject checks an object, all of which may be secret where the property is that it is in.
func (s shape) checkObject(path string, spec schema.ObjectTypeSpec, isSecret bool, object property.Map, faults *fault.List) {
	for key, value := range object.AllStable {
		at := fault.Key(path, key)
		prop, known := spec.Properties[key]
		mayBeSecret := isSecret || prop.Secret
		switch {
		case strings.HasPrefix(key, "__"): // the engine's own
		case !known:
			faults.Addf(at, "no such property; %s", choices(spec.Properties, key))
		case value.IsComputed() && prop.Plain:
			faults.Addf(at, "is not known in preview, but must be, because it decides which objects there are or what they are called")
		case value.Secret() && !mayBeSecret && !holdsAnything(prop.TypeSpec) && !s.holdsSecret(prop.TypeSpec):
			faults.Addf(at, inPlainText)
		default:
			s.checkValue(at, prop.TypeSpec, mayBeSecret, value, faults)
		}
	}
	for _, key := range spec.Required {
		if value := object.Get(key); value.IsNull() {
			faults.Addf(fault.Key(path, key), "is required")
		}
	}
}

// checkValue checks a value of which parts may be secret where the property is.
func (s shape) checkValue(path string, spec schema.TypeSpec, isSecret bool, value property.Value, faults *fault.List) {
	if value.IsNull() || value.IsComputed() {
		return
	}
	complexType, isRef := s.types[strings.TrimPrefix(spec.Ref, "#/types/")]
	switch {
	case isRef && len(complexType.Enum) > 0:
		checkEnum(path, complexType.Enum, value, faults)
	case isRef:
		if object, ok := as(path, "an object", value, property.Value.IsMap, property.Value.AsMap, faults); ok {
			s.checkObject(path, complexType.ObjectTypeSpec, isSecret, object, faults)
		}
	case spec.Type == "array":
		list, _ := as(path, "a list", value, property.Value.IsArray, property.Value.AsArray, faults)
		for i, element := range list.All {
			s.checkElement(fault.Index(path, i), *spec.Items, isSecret, element, faults)
		}
	case spec.Type == "object":
		entries, _ := as(path, "a map", value, property.Value.IsMap, property.Value.AsMap, faults)
		if holdsAnything(spec) {
			checkNoNull(path, value, faults)
			return
		}
		for key, element := range entries.AllStable {
			s.checkElement(fault.Key(path, key), *spec.AdditionalProperties, isSecret, element, faults)
		}
	case spec.Type == "string":
		as(path, "a string", value, property.Value.IsString, property.Value.AsString, faults)
	case spec.Type == "boolean":
		as(path, "true or false", value, property.Value.IsBool, property.Value.AsBool, faults)
	case spec.Type == "integer":
		n, ok := as(path, "a whole number", value, property.Value.IsNumber, property.Value.AsNumber, faults)
		if ok && (n != math.Trunc(n) || math.Abs(n) > 1<<53) {
			faults.Addf(path, "%v is not a whole number", n)
		}
	case spec.Type == "number":
		as(path, "a number", value, property.Value.IsNumber, property.Value.AsNumber, faults)
	}
}

// checkElement is checkValue for an entry of a list or map, which, unlike a property, cannot be left out by null.
func (s shape) checkElement(path string, spec schema.TypeSpec, isSecret bool, value property.Value, faults *fault.List) {
	switch {
	case value.IsNull():
		faults.Addf(path, "is null; leave the entry out")
	case value.Secret() && !isSecret && !s.holdsSecret(spec):
		faults.Addf(path, inPlainText)
	default:
		s.checkValue(path, spec, isSecret, value, faults)
	}
}

// checkNoNull finds nulls inside a value of any type. They would get lost: Pulumi's SDK for Go drops them, and so does
// its Kubernetes plugin, allowNullValues or not (pkg/provider/helm_release.go of v4.27.0 reads its inputs with SkipNulls).
func checkNoNull(path string, value property.Value, faults *fault.List) {
	switch {
	case value.IsNull():
		faults.Addf(path, "is null, which Pulumi does not pass on to Helm, so the default stays; leave it out, or write the value "+
			"that you want, such as false, \"\" or []")
	case value.IsArray():
		for i, element := range value.AsArray().All {
			checkNoNull(fault.Index(path, i), element, faults)
		}
	case value.IsMap():
		for key, element := range value.AsMap().AllStable {
			checkNoNull(fault.Key(path, key), element, faults)
		}
	}
}

func checkEnum(path string, enum []schema.EnumValueSpec, value property.Value, faults *fault.List) {
	text, ok := as(path, "a string", value, property.Value.IsString, property.Value.AsString, faults)
	if !ok {
		return
	}
	values := make([]string, len(enum))
	for i, e := range enum {
		values[i] = fmt.Sprint(e.Value)
	}
	if !slices.Contains(values, text) {
		faults.Addf(path, "%q is not one of %s", text, strings.Join(values, ", "))
	}
}

func as[T any](
	path, wanted string, value property.Value, is func(property.Value) bool, get func(property.Value) T, faults *fault.List,
) (t T, ok bool) {
	if !is(value) {
		faults.Addf(path, "is %s; write %s", kindOf(value), wanted)
		return t, false
	}
	return get(value), true
}

func kindOf(value property.Value) string {
	switch {
	case value.IsString():
		return "a string"
	case value.IsBool():
		return "true or false"
	case value.IsNumber():
		return "a number"
	case value.IsArray():
		return "a list"
	case value.IsMap():
		return "an object"
	case value.IsResourceReference():
		return "a resource"
	default:
		return "an asset or archive"
	}
}

// choices names the property that key was probably meant to be, or all there are.
func choices(properties map[string]schema.PropertySpec, key string) string {
	names := slices.Sorted(maps.Keys(properties))
	for _, name := range names {
		if strings.EqualFold(strings.ReplaceAll(key, "_", ""), name) {
			return fmt.Sprintf("write %s", name)
		}
	}
	return "there are " + strings.Join(names, ", ")
}

func holdsAnything(spec schema.TypeSpec) bool {
	return spec.Ref == "pulumi.json#/Any" ||
		spec.AdditionalProperties != nil && holdsAnything(*spec.AdditionalProperties)
}

// holdsSecret says whether a part of a value is secret by the schema. The SDKs for Go and TypeScript then send all of the value as one
// secret: they make one output of what an object is made of.
func (s shape) holdsSecret(spec schema.TypeSpec) bool {
	switch {
	case spec.Items != nil:
		return s.holdsSecret(*spec.Items)
	case spec.AdditionalProperties != nil:
		return s.holdsSecret(*spec.AdditionalProperties)
	}
	for _, prop := range s.types[strings.TrimPrefix(spec.Ref, "#/types/")].Properties {
		if prop.Secret || s.holdsSecret(prop.TypeSpec) {
			return true
		}
	}
	return false
}

// setDefaults fills in what the schema gives a default for, in the inputs and in every object inside them.
func (s shape) setDefaults(inputs map[string]any) {
	s.defaultObject(s.root, inputs)
}

func (s shape) defaultObject(spec schema.ObjectTypeSpec, object map[string]any) {
	for key, prop := range spec.Properties {
		if object[key] == nil && prop.Default != nil {
			object[key] = prop.Default
		}
		s.defaultValue(prop.TypeSpec, object[key])
	}
}

func (s shape) defaultValue(spec schema.TypeSpec, value any) {
	switch value := value.(type) {
	case map[string]any:
		if complexType, isRef := s.types[strings.TrimPrefix(spec.Ref, "#/types/")]; isRef {
			s.defaultObject(complexType.ObjectTypeSpec, value)
		}
	case []any:
		if spec.Items != nil {
			for _, element := range value {
				s.defaultValue(*spec.Items, element)
			}
		}
	}
}
