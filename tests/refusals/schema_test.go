package refusals

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Catches a provider that was built from other code than the schema that is reviewed and that SDKs are made from.
func TestTheBinaryServesTheCommittedSchema(t *testing.T) {
	t.Parallel()
	binary, err := exec.LookPath("pulumi-resource-modelplane")
	if err != nil {
		t.Skip("the provider is not on PATH; make test-refusals puts it there")
	}
	command := exec.Command("pulumi", "package", "get-schema", binary)
	command.Env = append(os.Environ(), "PULUMI_HOME="+t.TempDir(), "PULUMI_SKIP_UPDATE_CHECK=true", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true")
	served, err := command.Output()
	require.NoError(t, err)
	committed, err := os.ReadFile(filepath.Join("..", "..", "schema.json"))
	require.NoError(t, err)
	assert.JSONEq(t, withoutVersion(t, committed), withoutVersion(t, served), "run make generate")
}

// Catches a change that breaks programs written for the last release. Each release takes schema.json as the next
// testdata/schema-released.json; what a release breaks on purpose is in CHANGELOG.md.
func TestProgramsForTheLastReleaseStayValid(t *testing.T) {
	now := readSchema(t, filepath.Join("..", "..", "schema.json"))
	assert.Empty(t, Breaks(readSchema(t, filepath.Join("testdata", "schema-released.json")), now))
}

// Catches a comparison that lets a break through, or that names another place.
func TestBreaksNamesWhatBroke(t *testing.T) {
	const gateway, service, protocol = "modelplane:index:ModelGateway", "modelplane:index:ModelService", "modelplane:index:EndpointProtocol"
	cases := map[string]struct {
		change func(*schema.PackageSpec)
		want   string
	}{
		"a resource removed": {
			func(s *schema.PackageSpec) { delete(s.Resources, gateway) },
			gateway + " is gone",
		},
		"an input renamed": {
			func(s *schema.PackageSpec) {
				inputs := s.Resources[service].InputProperties
				inputs["prefix"] = inputs["path"]
				delete(inputs, "path")
			},
			service + " input path is gone",
		},
		"an input of another type": {
			func(s *schema.PackageSpec) {
				setInput(s, gateway, "port", func(p *schema.PropertySpec) { p.Type = "number" })
			},
			gateway + ` input port was {"type":"integer"} and is {"type":"number"}`,
		},
		"a list of something else": {
			func(s *schema.PackageSpec) {
				setInput(s, service, "hostnames", func(p *schema.PropertySpec) { p.Items = &schema.TypeSpec{Type: "integer"} })
			},
			service + ` input hostnames was {"type":"array","items":{"type":"string"}} and is {"type":"array","items":{"type":"integer"}}`,
		},
		"an input that takes no outputs any more": {
			func(s *schema.PackageSpec) {
				setInput(s, gateway, "port", func(p *schema.PropertySpec) { p.Plain = true })
			},
			gateway + ` input port was {"type":"integer"} and is {"type":"integer","plain":true}`,
		},
		"another default": {
			func(s *schema.PackageSpec) {
				setInput(s, gateway, "replicas", func(p *schema.PropertySpec) { p.Default = 3 })
			},
			gateway + " input replicas had the default 2 and has 3",
		},
		"an input newly required": {
			func(s *schema.PackageSpec) {
				r := s.Resources[service]
				r.RequiredInputs = append(slices.Clone(r.RequiredInputs), "path")
				s.Resources[service] = r
			},
			service + " input path is required, and was not",
		},
		"an output removed": {
			func(s *schema.PackageSpec) { delete(s.Resources[gateway].Properties, "address") },
			gateway + " output address is gone",
		},
		"an output that may be missing": {
			func(s *schema.PackageSpec) {
				r := s.Resources[gateway]
				r.Required = slices.DeleteFunc(slices.Clone(r.Required), func(name string) bool { return name == "url" })
				s.Resources[gateway] = r
			},
			gateway + " output url may be missing",
		},
		"a type removed": {
			func(s *schema.PackageSpec) { delete(s.Types, "modelplane:index:BackendShare") },
			"modelplane:index:BackendShare is gone",
		},
		"a type's property removed": {
			func(s *schema.PackageSpec) { delete(s.Types["modelplane:index:ServiceBackend"].Properties, "weight") },
			"modelplane:index:ServiceBackend weight is gone",
		},
		"a type's property newly required": {
			func(s *schema.PackageSpec) {
				t := s.Types["modelplane:index:GatewayReference"]
				t.Required = append(slices.Clone(t.Required), "listener")
				s.Types["modelplane:index:GatewayReference"] = t
			},
			"modelplane:index:GatewayReference listener is required, and was not",
		},
		"a word removed": {
			func(s *schema.PackageSpec) {
				t := s.Types[protocol]
				t.Enum = slices.DeleteFunc(slices.Clone(t.Enum), func(e schema.EnumValueSpec) bool { return e.Value == "h2c" })
				s.Types[protocol] = t
			},
			protocol + " has no h2c any more",
		},
	}
	path := filepath.Join("testdata", "schema-released.json")
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			now := readSchema(t, path)
			c.change(&now)
			assert.Equal(t, []string{c.want}, Breaks(readSchema(t, path), now))
		})
	}
}

// Catches a comparison that forbids additions and better descriptions.
func TestAdditionsBreakNothing(t *testing.T) {
	path := filepath.Join("testdata", "schema-released.json")
	now := readSchema(t, path)
	for token, r := range now.Resources {
		r.Description = "New words."
		r.InputProperties["added"] = schema.PropertySpec{TypeSpec: schema.TypeSpec{Type: "string"}}
		r.Properties["added"] = schema.PropertySpec{TypeSpec: schema.TypeSpec{Type: "string"}}
		r.RequiredInputs = nil
		now.Resources[token] = r
	}
	now.Resources["modelplane:index:InferenceCluster"] = schema.ResourceSpec{}
	now.Types["modelplane:index:Engine"] = schema.ComplexTypeSpec{}
	const token = "modelplane:index:EndpointProtocol"
	protocol := now.Types[token]
	protocol.Enum = append(protocol.Enum, schema.EnumValueSpec{Name: "H3", Value: "h3"})
	now.Types[token] = protocol
	now.Version = "0.2.0"
	assert.Empty(t, Breaks(readSchema(t, path), now))
}

// Catches a default that the schema, and so every SDK's documentation, promises and the code does not keep: a program
// that writes all defaults out must ask for the very same objects as one that leaves them to us.
func TestWritingADefaultOutChangesNothing(t *testing.T) {
	spec := readSchema(t, filepath.Join("..", "..", "schema.json"))
	for _, kind := range kinds {
		for i, example := range examples(t)[kind] {
			t.Run(kind, func(t *testing.T) {
				t.Parallel()
				token := "modelplane:index:" + kind
				bare, full := map[string]any{}, map[string]any{}
				defaults := fill(spec, spec.Resources[token].InputProperties, example, bare, full)
				if i == 0 {
					require.NotEmpty(t, defaults)
				}
				if kind == "ModelService" {
					// Its keyed endpoint can be used in the endpoint's own namespace alone.
					bare["namespace"], full["namespace"] = example["namespace"], example["namespace"]
				}
				left, written := previewOf(t, only(kind, "it", bare)), previewOf(t, only(kind, "it", full))
				require.NoError(t, left.Err, left.Output)
				require.NoError(t, written.Err, written.Output)
				assert.Equal(t, objects(left), objects(written), "defaults %v", defaults)
			})
		}
	}
}

// drawn is the random end of a name that Pulumi makes up, and hash an annotation that depends on such a name of a Secret.
var (
	drawn = regexp.MustCompile(`-[0-9a-f]{8}\b`)
	hash  = regexp.MustCompile(`"modelplane/hash":"[0-9a-f]+"`)
)

// objects are the inputs of the resources that a component makes, without what is random.
func objects(p preview) []string {
	var children []string
	for _, inputs := range p.Inputs {
		if strings.Contains(inputs, "$kubernetes:") {
			children = append(children, drawn.ReplaceAllString(inputs, ""))
		}
	}
	if slices.ContainsFunc(children, func(child string) bool { return strings.Contains(child, "$kubernetes:core/v1:Secret::") }) {
		for i, child := range children {
			children[i] = hash.ReplaceAllString(child, "")
		}
	}
	slices.Sort(children)
	return children
}

// fill copies an example into bare without the properties that have a default, and into full with each at its default,
// in every object that the example has. It gives the names of those.
func fill(spec schema.PackageSpec, properties map[string]schema.PropertySpec, example, bare, full map[string]any) (defaults []string) {
	for name, value := range example {
		if !omittable(properties[name]) {
			inner, more := objectAt(spec, properties[name].TypeSpec, value)
			bare[name], full[name] = inner[0], inner[1]
			defaults = append(defaults, more...)
		}
	}
	for name, property := range properties {
		if omittable(property) {
			full[name] = property.Default
			defaults = append(defaults, name)
		}
	}
	return defaults
}

// omittable tells properties with a default, except the name of the published chart, which would have to be fetched.
func omittable(property schema.PropertySpec) bool {
	return property.Default != nil && property.Default != "traefik"
}

// objectAt is fill for a value that may be an object or a list of them.
func objectAt(spec schema.PackageSpec, of schema.TypeSpec, value any) (bareAndFull [2]any, defaults []string) {
	switch value := value.(type) {
	case map[string]any:
		inner, isObject := spec.Types[strings.TrimPrefix(of.Ref, "#/types/")]
		if !isObject {
			return [2]any{value, value}, nil
		}
		bare, full := map[string]any{}, map[string]any{}
		defaults = fill(spec, inner.Properties, value, bare, full)
		return [2]any{bare, full}, defaults
	case []any:
		bare, full := make([]any, len(value)), make([]any, len(value))
		for i, element := range value {
			inner, more := objectAt(spec, *of.Items, element)
			bare[i], full[i] = inner[0], inner[1]
			defaults = append(defaults, more...)
		}
		return [2]any{bare, full}, defaults
	default:
		return [2]any{value, value}, nil
	}
}

func setInput(s *schema.PackageSpec, token, name string, change func(*schema.PropertySpec)) {
	inputs := maps.Clone(s.Resources[token].InputProperties)
	property := inputs[name]
	change(&property)
	s.Resources[token].InputProperties[name] = property
}

func readSchema(t *testing.T, path string) schema.PackageSpec {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var spec schema.PackageSpec
	require.NoError(t, json.Unmarshal(text, &spec))
	return spec
}

func withoutVersion(t *testing.T, text []byte) string {
	t.Helper()
	var spec map[string]any
	require.NoError(t, json.Unmarshal(text, &spec))
	delete(spec, "version")
	written, err := json.Marshal(spec)
	require.NoError(t, err)
	return string(written)
}
