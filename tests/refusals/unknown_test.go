package refusals

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// decisive are the inputs that must be known when the program runs.
var decisive = map[string][]string{
	"ModelGateway":  {"name", "createNamespace", "installCrds", "exclusiveClass", "drainSeconds", "networkPolicy"},
	"ModelEndpoint": {"name", "forwardCaller"},
	"ModelService":  {"name"},
	"ModelCallers":  {"name"},
	"ModelCatalog":  {"name"},

	"InferenceCluster": {"name", "gatewayApi", "envoyGateway", "deleteUnreachable"},
	"ModelDeployment":  {"name"},
}

// Catches a rule that takes a value which preview does not know for one that is missing or wrong. Every property, list
// entry and map entry of inputs that use all there is becomes unknown in its turn, each in a component of its own.
func TestNothingUnknownIsAFault(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			components := map[string]map[string]any{}
			for i, example := range examples(t)[kind] {
				for _, path := range paths(example) {
					if len(path) == 1 && slices.Contains(decisive[kind], fmt.Sprint(path[0])) {
						continue
					}
					name := fmt.Sprintf("it-%d-%d", i, len(components))
					components[name] = replace(named(example, name), path, unknown).(map[string]any)
				}
			}
			require.Greater(t, len(components), 15, "the examples should use more")
			result := previewOf(t, all(kind, components))
			assert.NoError(t, result.Err, result.Output)
			made := 0
			for _, r := range result.Resources {
				if r == "modelplane:index:"+kind {
					made++
				}
			}
			assert.Equal(t, len(components), made)
		})
	}
}

// Catches what the placeholder for unknown values would not show: the outputs of another component's or package's child
// before it is made, alone and inside texts and lists.
func TestOutputsOfResourcesThatAreNotThereYetAreInputs(t *testing.T) {
	t.Parallel()
	result := previewOf(t, func(ctx *pulumi.Context) error {
		var balancer struct {
			pulumi.CustomResourceState
			Status pulumi.MapOutput `pulumi:"status"`
		}
		err := ctx.RegisterResource("kubernetes:core/v1:Service", "balancer", pulumi.Map{"spec": pulumi.Map{
			"type": pulumi.String("LoadBalancer"), "ports": pulumi.Array{pulumi.Map{"port": pulumi.Int(80)}},
		}}, &balancer)
		if err != nil {
			return err
		}
		address := balancer.Status.MapIndex(pulumi.String("loadBalancer"))
		if _, err := register(ctx, "ModelEndpoint", "alone", map[string]any{"url": pulumi.Sprintf("http://%v:8000", address)}); err != nil {
			return err
		}
		endpoint, err := register(ctx, "ModelEndpoint", "listed", map[string]any{
			"urls": []any{"http://10.0.0.7:8000", pulumi.Sprintf("http://%v:8000", address)}, "apiKey": pulumi.ToSecret(balancer.ID()),
		})
		if err != nil {
			return err
		}
		_, err = register(ctx, "ModelService", "service", service(map[string]any{
			"backends": []any{map[string]any{"endpoint": endpoint.Backend}}, "namespace": balancer.ID(),
		}))
		return err
	})
	assert.NoError(t, result.Err, result.Output)
	assert.Contains(t, result.Resources, "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute")
}

// named is inputs under another name and path, where they have one, so that there can be several in a program.
func named(inputs map[string]any, name string) map[string]any {
	inputs = maps.Clone(inputs)
	if inputs["name"] != nil {
		inputs["name"] = name
	}
	if inputs["path"] != nil {
		inputs["path"] = fmt.Sprintf("/%s/%s/v1", inputs["namespace"], name)
	}
	return inputs
}

// examples are inputs that nothing is wrong with and that, together, use all that each component takes.
func examples(t *testing.T) map[string][]map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "examples.yaml"))
	require.NoError(t, err)
	chart, err := filepath.Abs(filepath.Join("..", "charts", "traefik"))
	require.NoError(t, err)
	var all map[string][]map[string]any
	made := strings.NewReplacer("CHART", chart, "A_CERTIFICATE", strconv.Quote(models.certificate), "ITS_KEY", strconv.Quote(models.key))
	require.NoError(t, yaml.UnmarshalStrict([]byte(made.Replace(string(text))), &all))
	return all
}

// all is a program of components of one kind.
func all(kind string, components map[string]map[string]any) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		for _, name := range slices.Sorted(maps.Keys(components)) {
			if _, err := register(ctx, kind, name, components[name]); err != nil {
				return err
			}
		}
		return nil
	}
}

// paths are those of all values inside value.
func paths(value any) [][]any {
	var found [][]any
	visit := func(key, inner any) {
		found = append(found, []any{key})
		for _, rest := range paths(inner) {
			found = append(found, append([]any{key}, rest...))
		}
	}
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			visit(key, value[key])
		}
	case []any:
		for i, element := range value {
			visit(i, element)
		}
	}
	return found
}

// replace is value with another at path.
func replace(value any, path []any, with any) any {
	if len(path) == 0 {
		return with
	}
	switch value := value.(type) {
	case map[string]any:
		copied, key := maps.Clone(value), path[0].(string)
		copied[key] = replace(value[key], path[1:], with)
		return copied
	case []any:
		copied, i := slices.Clone(value), path[0].(int)
		copied[i] = replace(value[i], path[1:], with)
		return copied
	}
	panic(fmt.Sprintf("nothing at %v", path))
}
