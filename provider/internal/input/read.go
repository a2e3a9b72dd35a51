package input

import (
	"slices"
	"strings"

	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/sdk/v3/go/property"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
)

// reader makes plain values of a program's inputs. What is unknown, or was found faulty, is empty in them but present: whether
// an input was given decides which children there are, and that is always known.
type reader struct {
	shape shape
	// unknown are the paths that are read as empty: of faulty values from the start, and of unknown ones as they are met.
	unknown []string
}

func (r *reader) object(path string, spec schema.ObjectTypeSpec, object property.Map) map[string]any {
	read := map[string]any{}
	for key, element := range object.AllStable {
		prop, known := spec.Properties[key]
		if !known || element.IsNull() {
			continue
		}
		if value := r.value(fault.Key(path, key), prop.TypeSpec, element); value != nil {
			read[key] = value
		}
	}
	for _, key := range spec.Required {
		if _, given := read[key]; !given {
			read[key] = r.empty(spec.Properties[key].TypeSpec)
		}
	}
	return read
}

func (r *reader) value(path string, spec schema.TypeSpec, value property.Value) any {
	switch {
	case value.IsComputed():
		r.unknown = append(r.unknown, path)
		return r.empty(spec)
	case slices.Contains(r.unknown, path):
		return r.empty(spec)
	case value.IsBool():
		return value.AsBool()
	case value.IsNumber():
		return value.AsNumber()
	case value.IsString():
		return value.AsString()
	case value.IsArray():
		list := make([]any, 0, value.AsArray().Len())
		for i, element := range value.AsArray().All {
			list = append(list, r.value(fault.Index(path, i), itemOf(spec), element))
		}
		return list
	case value.IsMap():
		if inner, isObject := r.objectType(spec); isObject {
			return r.object(path, inner, value.AsMap())
		}
		entries := map[string]any{}
		for key, element := range value.AsMap().AllStable {
			if entry := r.value(fault.Key(path, key), entryOf(spec), element); entry != nil {
				entries[key] = entry
			}
		}
		return entries
	default:
		return nil
	}
}

// empty is the empty value of a type; nil where any value is allowed. What an unknown object may hold counts as given.
func (r *reader) empty(spec schema.TypeSpec) any {
	if inner, isObject := r.objectType(spec); isObject {
		object := map[string]any{}
		for key, prop := range inner.Properties {
			if value := r.empty(prop.TypeSpec); value != nil {
				object[key] = value
			}
		}
		return object
	}
	switch {
	case spec.Ref != "" && !holdsAnything(spec):
		return "" // an enum
	case spec.Type == "array":
		return []any{}
	case spec.Type == "object":
		return map[string]any{}
	case spec.Type == "string":
		return ""
	case spec.Type == "boolean":
		return false
	case spec.Type == "integer", spec.Type == "number":
		return 0.0
	}
	return nil
}

func (r *reader) objectType(spec schema.TypeSpec) (schema.ObjectTypeSpec, bool) {
	complexType, isRef := r.shape.types[strings.TrimPrefix(spec.Ref, "#/types/")]
	return complexType.ObjectTypeSpec, isRef && len(complexType.Enum) == 0
}

func itemOf(spec schema.TypeSpec) schema.TypeSpec {
	if spec.Items == nil {
		return schema.TypeSpec{}
	}
	return *spec.Items
}

func entryOf(spec schema.TypeSpec) schema.TypeSpec {
	if spec.AdditionalProperties == nil {
		return schema.TypeSpec{}
	}
	return *spec.AdditionalProperties
}
