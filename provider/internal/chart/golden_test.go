package chart_test

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
)

var update = flag.Bool("update", false, "write testdata")

// TestValuesAreTheReviewedOnes would catch any change of what a gateway is installed with that nobody looked at.
func TestValuesAreTheReviewedOnes(t *testing.T) {
	const golden = "testdata/values.yaml"
	values := chart.Values(settings())
	// The source is reviewed where it is written.
	source := pluginSource(t, values)
	for name, content := range plugin.Files() {
		assert.Equal(t, content, source[name], name)
		source[name] = "(plugin)"
	}
	annotations := values["deployment"].(map[string]any)["podAnnotations"].(map[string]any)
	assert.Equal(t, plugin.Hash(), annotations[chart.PluginAnnotation])
	annotations[chart.PluginAnnotation] = "(hash)"
	content, err := yaml.Marshal(values)
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile(golden, content, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(content), "go test -update rewrites %s", golden)
}

func pluginSource(t *testing.T, values map[string]any) map[string]any {
	t.Helper()
	for _, key := range []string{"experimental", "localPlugins", plugin.Name, "source"} {
		inner, ok := values[key].(map[string]any)
		require.True(t, ok, "no %s", key)
		values = inner
	}
	return values
}
