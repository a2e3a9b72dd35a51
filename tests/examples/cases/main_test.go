// Package cases runs the examples of single cases, in every language: a canary, several regions, failover to a provider, a gateway
// for the internet, models by one URL, tokens for each team, a Gateway of another team, and providers for two clusters.
package cases

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/examples/exampletest"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

func TestMain(m *testing.M) { harness.Main(m) }

// inEachLanguage runs a test of an example in one language after the other, none of which may leave anything behind.
func inEachLanguage(t *testing.T, test func(t *testing.T, language string)) {
	cluster := harness.NewCluster(t)
	before := cluster.Objects(t)
	for _, language := range []string{"yaml", "typescript", "python", "go"} {
		t.Run(language, func(t *testing.T) { test(t, language) })
		assert.Empty(t, cluster.Left(t, before), "the example in %s leaves it behind", language)
	}
}

// up brings a stack up, after which nothing is left to change, and gives its outputs.
func up(t testing.TB, s *stack.Stack) map[string]any {
	t.Helper()
	result := s.Up()
	require.NoError(t, result.Err, result.Output)
	exampletest.RequireUnchanged(t, s)
	return s.Outputs(t)
}

// platform is a gateway of another stack, which the examples use one after the other; it goes with the plane.
var platform struct {
	once sync.Once
	// gateway is what a ModelService takes for it.
	gateway map[string]any
	class   string
}

// sharedGateway has the shared gateway made by the first test that asks for it, and gives what a ModelService takes for it.
func sharedGateway(t testing.TB) map[string]any {
	t.Helper()
	platform.once.Do(func() {
		s, err := stack.Open(harness.Plane.Dir, "platform", map[string]string{"KUBECONFIG": harness.Plane.Kubeconfig()})
		require.NoError(t, err)
		outputs := s.MustUp(t, fmt.Sprintf(`
name: platform
runtime: yaml
resources: {edge: {type: modelplane:ModelGateway, properties: {chart: {name: %q}}}}
outputs: {gateway: '${edge.gateway}', class: '${edge.gatewayClassName}'}
`, exampletest.Chart()))
		platform.gateway, platform.class = outputs["gateway"].(map[string]any), outputs["class"].(string)
	})
	require.NotEmpty(t, platform.gateway, "the shared gateway could not be made")
	return platform.gateway
}
