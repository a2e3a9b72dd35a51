package refusals

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Catches a replica of one form that is made in another, and a part of one form that is made beside another.
func TestAReplicaHasTheFormThatItsNodesAndItsClusterAskFor(t *testing.T) {
	const deployment, group, kserve = "kubernetes:apps/v1:Deployment", "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet",
		"kubernetes:serving.kserve.io/v1alpha1:LLMInferenceService"
	for name, c := range map[string]struct {
		nodes        int
		serving      string
		form         string
		routes, pdbs int
	}{
		"one node":      {1, "Plain", deployment, 1, 1},
		"several nodes": {2, "Plain", group, 1, 1},
		"KServe":        {1, "KServe", kserve, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := previewOf(t, only("ModelDeployment", "llama", map[string]any{
				"model": "hf://org/model", "nodesPerReplica": c.nodes, "pipelineParallel": c.nodes,
				"clusters": []any{map[string]any{
					"facts":   map[string]any{"name": "east", "leaderWorkerSet": true},
					"gateway": map[string]any{"name": "east", "namespace": "modelplane-east", "listener": "http"}, "serving": c.serving,
				}},
				"connections": map[string]any{"east": map[string]any{"url": "http://192.0.2.1", "kubeconfig": deadCluster}},
			}))
			require.NoError(t, result.Err, result.Output)
			made := count(result.Resources)
			for _, form := range []string{deployment, group, kserve} {
				assert.Equal(t, map[bool]int{true: 1}[form == c.form], made[form], form)
			}
			assert.Equal(t, c.routes, made["kubernetes:gateway.networking.k8s.io/v1:HTTPRoute"])
			assert.Equal(t, c.pdbs, made["kubernetes:policy/v1:PodDisruptionBudget"])
		})
	}
}
