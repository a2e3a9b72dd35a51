package provider_test

import (
	"encoding/base64"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

var update = flag.Bool("update", false, "write the objects.yaml of testdata")

// program is a program.yaml: components in the order in which they are made.
type program []struct {
	Name string `json:"name"`
	// Type is the component's, without the package.
	Type   string         `json:"type"`
	Inputs map[string]any `json:"inputs"`
	// Unknown and Secret are the paths of inputs that are not known yet, which makes the program a preview, and of those
	// that are secret.
	Unknown []property.Path `json:"unknown"`
	Secret  []property.Path `json:"secret"`
	Options options         `json:"options"`
}

// TestProgramsMakeTheReviewedObjects would catch any change of what a program makes that nobody looked at: an object more or
// less, a field, an option, the order in which objects come, an output.
func TestProgramsMakeTheReviewedObjects(t *testing.T) {
	for _, folder := range cases(t) {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			golden := filepath.Join(folder, "objects.yaml")
			objects, err := yaml.Marshal(run(t, folder))
			require.NoError(t, err)
			if *update {
				require.NoError(t, os.WriteFile(golden, objects, 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), string(objects), "go test -update writes %s again", golden)
		})
	}
}

func cases(t *testing.T) []string {
	t.Helper()
	folders, err := filepath.Glob("testdata/*")
	require.NoError(t, err)
	require.NotEmpty(t, folders)
	return folders
}

// run makes the components of a folder's program and lists all that was registered: each component with its outputs, then
// its children, each after those that it depends on.
func run(t *testing.T, folder string) []map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "program.yaml"))
	require.NoError(t, err)
	var components program
	require.NoError(t, yaml.UnmarshalStrict(text, &components))
	e := newEngine(t)
	for _, c := range components {
		e.dryRun = e.dryRun || len(c.Unknown) > 0
	}
	var listed []map[string]any
	outputs := map[string]property.Map{}
	for _, c := range components {
		inputs := valueOf(c.Inputs, outputs)
		for _, path := range c.Unknown {
			inputs, err = path.Set(inputs, property.New(property.Computed))
			require.NoError(t, err)
		}
		for _, path := range c.Secret {
			inputs, err = path.Alter(inputs, func(v property.Value) property.Value { return v.WithSecret(true) })
			require.NoError(t, err)
		}
		state, children := e.construct(c.Type, c.Name, inputs.AsMap(), c.Options)
		outputs[c.Name] = state
		listed = append(listed, map[string]any{c.Type + " " + c.Name: map[string]any{"outputs": shown(property.New(state))}})
		for _, child := range inOrder(children) {
			listed = append(listed, child.listed())
		}
	}
	return listed
}

// pair are what programs give as a certificate for models.example.com and as its key, by what they are called in program.yaml. They are
// made for each run.
var pair = func() map[string]string {
	ca, err := modelserver.NewCA()
	if err != nil {
		panic(err)
	}
	issued, err := ca.Issue([]string{"models.example.com"}, nil)
	if err != nil {
		panic(err)
	}
	certificate, key, err := modelserver.PEM(issued)
	if err != nil {
		panic(err)
	}
	return map[string]string{"(certificate)": certificate, "(private key)": key}
}()

// reference is an output of a component further up, in the place of a value.
var reference = regexp.MustCompile(`^\$\{([^.]+)\.([^.]+)\}$`)

// valueOf is a value of a program with its references filled in.
func valueOf(value any, outputs map[string]property.Map) property.Value {
	switch value := value.(type) {
	case string:
		if found := reference.FindStringSubmatch(value); found != nil {
			return outputs[found[1]].Get(found[2])
		}
		if text, isMade := pair[value]; isMade {
			value = text
		}
		return property.New(value)
	case bool:
		return property.New(value)
	case float64:
		return property.New(value)
	case []any:
		list := make([]property.Value, len(value))
		for i, element := range value {
			list[i] = valueOf(element, outputs)
		}
		return property.New(list)
	case map[string]any:
		object := map[string]property.Value{}
		for key, element := range value {
			object[key] = valueOf(element, outputs)
		}
		return property.New(object)
	default:
		return property.Value{}
	}
}

// shown is a value as a reader of objects.yaml sees it.
func shown(value property.Value) any {
	switch {
	case value.Secret():
		return map[string]any{"(secret)": shown(value.WithSecret(false))}
	case value.IsComputed():
		return "(unknown)"
	case value.IsString():
		for name, text := range pair {
			if value.AsString() == base64.StdEncoding.EncodeToString([]byte(text)) {
				return name
			}
		}
		return value.AsString()
	case value.IsBool():
		return value.AsBool()
	case value.IsNumber():
		return value.AsNumber()
	case value.IsArray():
		list := []any{}
		for _, element := range value.AsArray().All {
			list = append(list, shown(element))
		}
		return list
	case value.IsMap():
		object := map[string]any{}
		for key, element := range value.AsMap().All {
			object[key] = shown(element)
		}
		return object
	default:
		return nil
	}
}
