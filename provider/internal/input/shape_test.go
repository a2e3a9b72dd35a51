package input

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
)

// Catches a default of the schema that is not applied somewhere in the inputs, or that takes the place of what the
// program gave.
func TestEveryDefaultOfTheSchemaIsApplied(t *testing.T) {
	spec := committed(t)
	for token, resource := range spec.Resources {
		if !resource.IsComponent {
			continue // components send everything themselves
		}
		s := shapeOf(spec, token)
		empty, given := skeleton(spec, resource.InputProperties, nil), skeleton(spec, resource.InputProperties, "given")
		s.setDefaults(empty)
		s.setDefaults(given)
		checked := assertDefaults(t, spec, token, resource.InputProperties, empty, given)
		assert.Positive(t, checked, token)
	}
}

// skeleton has every object that inputs can have, one in each list, with value wherever there is a default.
func skeleton(spec schema.PackageSpec, properties map[string]schema.PropertySpec, value any) map[string]any {
	object := map[string]any{}
	for name, property := range properties {
		inner, isObject := objectOf(spec, property.TypeSpec)
		switch {
		case property.Default != nil && value != nil:
			object[name] = value
		case isObject && property.Type == "array":
			object[name] = []any{skeleton(spec, inner, value)}
		case isObject:
			object[name] = skeleton(spec, inner, value)
		}
	}
	return object
}

func assertDefaults(t *testing.T, spec schema.PackageSpec, path string, properties map[string]schema.PropertySpec, empty, given map[string]any) (checked int) {
	t.Helper()
	for name, property := range properties {
		at := fault.Key(path, name)
		if property.Default != nil {
			assert.Equal(t, property.Default, empty[name], at)
			assert.Equal(t, "given", given[name], at)
			checked++
			continue
		}
		inner, isObject := objectOf(spec, property.TypeSpec)
		if !isObject {
			assert.NotContains(t, empty, name, "%s has no default", at)
			continue
		}
		innerEmpty, innerGiven := empty[name], given[name]
		if property.Type == "array" {
			innerEmpty, innerGiven = innerEmpty.([]any)[0], innerGiven.([]any)[0]
		}
		checked += assertDefaults(t, spec, at, inner, innerEmpty.(map[string]any), innerGiven.(map[string]any))
	}
	return checked
}

// objectOf is what the schema says of the objects in a property.
func objectOf(spec schema.PackageSpec, of schema.TypeSpec) (map[string]schema.PropertySpec, bool) {
	if of.Items != nil {
		of = *of.Items
	}
	inner := spec.Types[strings.TrimPrefix(of.Ref, "#/types/")]
	return inner.Properties, len(inner.Properties) > 0
}

// Catches what the language hosts of tests do not send: null in a map, and the engine's own keys.
func TestShapeOfNullsAndOfTheEnginesKeys(t *testing.T) {
	s := shapeOf(committed(t), "modelplane:index:ModelEndpoint")
	assert.Empty(t, s.check(property.NewMap(map[string]property.Value{
		"url": property.New("http://10.0.0.7"), "tls": property.New(property.Null), "__defaults": property.New(property.Array{}),
	})))
	assert.EqualError(t, s.check(property.NewMap(map[string]property.Value{
		"labels": property.New(map[string]property.Value{"tier": property.New(property.Null)}),
	})).Err(), "labels.tier: is null; leave the entry out")
}

// Catches an object with a private key or with headers for a collector that is refused since the SDKs for Go and TypeScript send all of it as
// one secret, and a secret that is let through where none is expected.
func TestAnObjectThatHoldsASecretMayBeOne(t *testing.T) {
	secret := func(value any) property.Value {
		return property.New(value.(map[string]property.Value)).WithSecret(true)
	}
	object := func(key string, value property.Value) map[string]property.Value {
		return map[string]property.Value{key: value}
	}
	certificate := object("privateKey", property.New("key"))
	for _, c := range []struct {
		component, input string
		value            property.Value
		faults           []string
	}{
		{"ModelGateway", "https", secret(object("certificates", property.New([]property.Value{property.New(certificate)}))), nil},
		{"ModelGateway", "https", property.New(object("certificates", property.New([]property.Value{secret(certificate)}))), nil},
		{"ModelGateway", "https", property.New(object("certificates", property.New([]property.Value{property.New(certificate)}).WithSecret(true))), nil},
		{"ModelGateway", "observability", secret(object("otlp", secret(object("endpoint", property.New("http://collector:4318"))))), nil},
		{"InferenceCluster", "tls", secret(certificate), nil},
		{"ModelGateway", "https", property.New(object("port", property.New(443.0).WithSecret(true))), []string{"https.port"}},
		{"ModelGateway", "https", property.New(object("hostnames", property.New([]property.Value{property.New("x").WithSecret(true)}))), []string{"https.hostnames[0]"}},
		{"ModelGateway", "service", secret(object("type", property.New("ClusterIP"))), []string{"service"}},
	} {
		s := shapeOf(committed(t), "modelplane:index:"+c.component)
		var got []string
		for _, f := range s.check(property.NewMap(object(c.input, c.value))) {
			if f.Message == inPlainText {
				got = append(got, f.Path)
			}
		}
		assert.Equal(t, c.faults, got, c.input)
	}
}

// Catches a list that closes up over what is unknown, so that faults are told of the wrong entries; a value that is lost because
// its neighbor is unknown; and an input that was given and is not known yet, which must be present, because it decides which
// children there are.
func TestWhatIsUnknownIsPresentAndEmpty(t *testing.T) {
	spec := committed(t)
	read := func(token string, inputs map[string]property.Value, faulty ...string) (map[string]any, []string) {
		s := shapeOf(spec, token)
		r := reader{shape: s, unknown: faulty}
		return r.object("", s.root, property.NewMap(inputs)), r.unknown
	}
	values, unknown := read("modelplane:index:ModelEndpoint", map[string]property.Value{
		"url":  property.New(property.Computed),
		"name": property.New("a").WithSecret(true),
		"urls": property.New([]property.Value{property.New("x"), property.New(property.Computed)}),
		"tls":  property.New(property.Computed),
	})
	assert.Equal(t, map[string]any{
		"url": "", "name": "a", "urls": []any{"x", ""},
		"tls": map[string]any{"serverName": "", "caCertificate": "", "caCertificateRef": map[string]any{"kind": "", "name": ""}},
	}, values)
	assert.ElementsMatch(t, []string{"url", "urls[1]", "tls"}, unknown)

	values, unknown = read("modelplane:index:ModelService", map[string]property.Value{
		"gateway": property.New(map[string]property.Value{"name": property.New("gw")}),
		"backends": property.New([]property.Value{
			property.New(map[string]property.Value{"endpoints": property.New(property.Computed), "weight": property.New(1.0)}),
			property.New(map[string]property.Value{"weight": property.New("faulty")}),
		}),
	}, "backends[1].weight")
	assert.Equal(t, map[string]any{
		"gateway":  map[string]any{"name": "gw", "namespace": "", "url": ""},
		"backends": []any{map[string]any{"endpoints": []any{}, "weight": 1.0}, map[string]any{"weight": 0.0}},
	}, values)
	assert.ElementsMatch(t, []string{"backends[1].weight", "backends[0].endpoints"}, unknown)
}

// Catches numbers that would be cut on their way into the code.
func TestWholeNumbersAreTakenInEveryForm(t *testing.T) {
	var faults fault.List
	integer := schema.TypeSpec{Type: "integer"}
	for _, n := range []float64{0, -3, 1e6, 1 << 53} {
		shape{}.checkValue("n", integer, false, property.New(n), &faults)
	}
	assert.Empty(t, faults)
	for _, n := range []float64{0.8, -1.5, 1e-9, 1 << 54} {
		var faults fault.List
		shape{}.checkValue("n", integer, false, property.New(n), &faults)
		assert.Len(t, faults, 1, "%v", n)
	}
}

// committed is the schema at the root of the repository.
func committed(t *testing.T) schema.PackageSpec {
	t.Helper()
	text, err := os.ReadFile("../../../schema.json")
	require.NoError(t, err)
	var spec schema.PackageSpec
	require.NoError(t, json.Unmarshal(text, &spec))
	return spec
}

// TestNullsThatWouldGetLostAreRefused would catch a null in values of any type that vanishes without a word.
func TestNullsThatWouldGetLostAreRefused(t *testing.T) {
	values := property.New(map[string]property.Value{
		"resources": {},
		"ports": property.New(map[string]property.Value{
			"metrics": {},
			"web":     property.New(map[string]property.Value{"port": property.New(8000.0)}),
		}),
		"tolerations": property.New([]property.Value{property.New("a"), {}}),
	})
	var faults fault.List
	checkNoNull("chart.values", values, &faults)
	var paths []string
	for _, f := range faults {
		paths = append(paths, f.Path)
	}
	assert.Equal(t, []string{"chart.values.ports.metrics", "chart.values.resources", "chart.values.tolerations[1]"}, paths)
}
