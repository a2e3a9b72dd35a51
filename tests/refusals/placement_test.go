package refusals

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAPlacementThatDoesNotFitIsRefusedInPreview would catch a deployment of which a part is made before anybody says that the rest has no room,
// and a cluster that is drained although it is the last.
func TestAPlacementThatDoesNotFitIsRefusedInPreview(t *testing.T) {
	t.Parallel()
	cluster := func(name string, facts map[string]any) any {
		facts = maps.Clone(facts)
		facts["name"] = name
		return map[string]any{"facts": facts, "gateway": map[string]any{"name": name, "namespace": "modelplane-" + name, "listener": "http"}}
	}
	gpus := func(nodes int) map[string]any {
		return map[string]any{"pools": []any{map[string]any{
			"name": "gpu", "nodes": nodes, "devices": []any{map[string]any{"resource": "nvidia.com/gpu", "count": 8}},
		}}}
	}
	drained := map[string]any{"drain": true}
	connections := map[string]any{
		"east": map[string]any{"url": "http://203.0.113.9", "kubeconfig": "apiVersion: v1"},
		"west": map[string]any{"url": "http://203.0.113.10", "kubeconfig": "apiVersion: v1"},
	}
	for refusal, inputs := range map[string]map[string]any{
		"replicas: 3 of 4 fit (east: 1 replica of this model takes 8 of 8 nvidia.com/gpu; west: 2 replicas of this model take 16 of 16 nvidia.com/gpu); write 3, or add what is missing": {
			"replicas": 4, "devices": []any{map[string]any{"resource": "nvidia.com/gpu", "count": 8}},
			"clusters": []any{cluster("east", gpus(1)), cluster("west", gpus(2))},
		},
		"replicas: 0 of 1 fit (east: it is drained; west: it is drained); add a cluster that takes them": {
			"clusters": []any{cluster("east", drained), cluster("west", drained)},
		},
	} {
		inputs["model"], inputs["connections"] = "hf://org/small", connections
		result := previewOf(t, only("ModelDeployment", "small", inputs))
		require.Error(t, result.Err, refusal)
		assert.Contains(t, result.Output, refusal)
		for _, made := range result.Resources {
			assert.Contains(t, made, "modelplane:index:", "before it is known where the replicas run")
		}
	}
}
