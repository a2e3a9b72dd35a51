package clusters

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/load"
)

// twoClusters is a gateway, two workload clusters by kubeconfigs, and a model with replicas on both. West is what is written about the
// second cluster, and replicas how many there are.
func twoClusters(t testing.TB, replicas int, west string) string {
	t.Helper()
	traefik, err := filepath.Abs("../charts/traefik")
	require.NoError(t, err)
	cluster := func(name, facts string) string {
		return fmt.Sprintf(`  %[1]s: {type: 'modelplane:InferenceCluster', properties: {kubeconfig: '${%[1]s-kubeconfig}', labels: {region: %[1]s}, %[2]s
    gateway: {replicas: 1}, chart: {name: %[3]q}}}`, name, facts, chart(t, "gateway-helm", "envoy-gateway"))
	}
	return fmt.Sprintf(`name: models
runtime: yaml
config:
  east-kubeconfig: {type: string, secret: true}
  west-kubeconfig: {type: string, secret: true}
resources:
  gateway: {type: 'modelplane:ModelGateway', properties: {chart: {name: %q}, replicas: 1}}
%s
%s
  small:
    type: modelplane:ModelDeployment
    options: {dependsOn: ['${gateway}']}
    properties:
      model: hf://org/small
      replicas: %d
      clusters: ['${east.cluster}', '${west.cluster}']
      engine: {image: modelserver, args: [--model=small], startupMinutes: 1}
  chat:
    type: modelplane:ModelService
    properties: {gateway: '${gateway.gateway}', backends: [{endpoints: '${small.endpoints}'}]}
outputs: {url: '${chat.url}', placement: '${small.placement}', shares: '${chat.shares}', urls: '${small.urls}'}
`, traefik, cluster("east", ""), cluster("west", west), replicas)
}

// TestAModelRunsOnTwoClustersAndLeavesOne would catch replicas that nobody asked for, traffic that does not follow them, a drain that loses
// requests, and objects that stay behind on a cluster.
func TestAModelRunsOnTwoClustersAndLeavesOne(t *testing.T) {
	lap := stopwatch(t)
	s := harness.NewStack(t, "models")
	left := map[string]func() []string{}
	for _, name := range []string{"east", "west"} {
		workload := harness.Connect(t, harness.Plane.Cluster(name))
		before := workload.Objects(t)
		left[name] = func() []string { return workload.Left(t, before) }
		kubeconfig, err := os.ReadFile(harness.Plane.Cluster(name).Kubeconfig())
		require.NoError(t, err)
		s.SetSecret(t, name+"-kubeconfig", string(kubeconfig))
	}
	outputs := s.MustUp(t, twoClusters(t, 3, ""))
	lap("up: a gateway, two clusters and three replicas")
	assert.Equal(t, []any{
		map[string]any{"cluster": "east", "replicas": 2.0}, map[string]any{"cluster": "west", "replicas": 1.0},
	}, outputs["placement"])
	url := outputs["url"].(string)

	run := load.Start(t.Context(), load.Config{URL: url, RatePerSecond: 50, Workers: 8, MaxRequests: 60_000})
	require.NoError(t, run.WaitFor(t.Context(), 300))
	outputs = s.MustUp(t, twoClusters(t, 3, "drain: true,"))
	lap("up: a cluster drained under load")
	assert.Equal(t, []any{map[string]any{"cluster": "east", "replicas": 3.0}}, outputs["placement"])
	require.NoError(t, run.WaitFor(t.Context(), 100))
	report := run.Stop()
	t.Logf("%d requests: %v", report.Total, report.ByBackend)
	require.NoError(t, report.Err())

	result := s.Destroy()
	require.NoError(t, result.Err, result.Output)
	lap("destroy")
	for name, left := range left {
		assert.Empty(t, left(), name)
	}
}
