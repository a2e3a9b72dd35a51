package clusters

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/examples/exampletest"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// TestModelsOnWorkloadClustersServeTheirLanguagesOpenAIClient would catch an SDK whose program does not run or loses an input, such as a
// drain, on its way; objects on the wrong cluster; a cluster that answers without its key; shares that do not follow the replicas; two
// Envoy Gateways that cannot be on one cluster; and whatever stays behind. The examples share no namespace of a cluster, so that they
// run beside each other.
func TestModelsOnWorkloadClustersServeTheirLanguagesOpenAIClient(t *testing.T) {
	left := map[string]func() []string{}
	for _, each := range harness.Plane.Clusters {
		cluster := harness.Connect(t, each)
		before := cluster.Objects(t)
		left[each.Name] = func() []string { return cluster.Left(t, before) }
	}
	for _, name := range workload {
		require.NoError(t, harness.Plane.Cluster(name).SetDevices(t.Context(), "nvidia.com/gpu", 16))
	}
	t.Run("examples", func(t *testing.T) {
		multiCluster(t)
		modelDeployment(t)
	})
	for name, left := range left {
		assert.Empty(t, left(), "the examples leave it behind in %s", name)
	}
}

// multiCluster is the example with two clusters and a provider.
func multiCluster(t *testing.T) {
	const key, eastKey, westKey = "gsk-Clusters-6d20f8b3", "cluster-East-8e01b7c5", "cluster-West-47aa9d12"
	east, eastToken := kubeconfig(t, "east")
	west, westToken := kubeconfig(t, "west")
	harness.ServeTLS(t, modelserver.Options{Name: "groq", Address: ":443", BasePath: "/openai/v1", Keys: []string{key}, Reply: "groq"}, "api.groq-clusters.example")
	settings := charts(t)
	settings["groqUrl"] = "https://api.groq-clusters.example/openai/v1"
	inEachLanguage(t, "multi-cluster", func(t *testing.T, language string) {
		s := open(t, "multi-cluster", language, settings, harness.Plane.Kubeconfig())
		for name, value := range map[string]string{
			"groqKey": key, "eastKubeconfig": east, "westKubeconfig": west, "eastKey": eastKey, "westKey": westKey,
		} {
			s.SetSecret(t, name, value)
		}
		outputs := up(t, s)
		exampletest.RequireUnchanged(t, s)
		assert.Equal(t, []any{
			map[string]any{"cluster": "east", "replicas": 2.0}, map[string]any{"cluster": "west", "replicas": 1.0},
		}, outputs["placement"])
		for name := range harness.Connect(t, harness.Plane.Cluster("east")).Objects(t) {
			assert.NotContains(t, name, "safe-upgrades", "it would rule the CRDs of all tools on the cluster")
		}
		for name, url := range outputs["urls"].(map[string]any) {
			answer, err := http.Get(url.(string) + "/models")
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			assert.Equal(t, http.StatusUnauthorized, answer.StatusCode, "%s answers without its key", name)
		}
		url := outputs["url"].(string)
		answers := byCluster(t, exampletest.Chats(t, language, url, 30))
		// Each Traefik splits what it gets.
		assert.InDelta(t, 32, answers["east"], 4)
		assert.InDelta(t, 16, answers["west"], 4)
		assert.InDelta(t, 12, answers["groq"], 4)
		assert.Len(t, answers, 3)

		s.SetConfig(t, "westDrain", "true")
		assert.Equal(t, []any{map[string]any{"cluster": "east", "replicas": 3.0}}, up(t, s)["placement"])
		answers = byCluster(t, exampletest.Chats(t, language, url, 20))
		assert.InDelta(t, 32, answers["east"], 4)
		assert.InDelta(t, 8, answers["groq"], 4)
		assert.Len(t, answers, 2)

		for _, secret := range []string{key, eastToken, westToken, eastKey, westKey} {
			assert.NotContains(t, s.Log.String()+s.State(t), secret)
		}
	})
}

// modelDeployment is the example with a cluster that is reached by a provider of its own.
func modelDeployment(t *testing.T) {
	both := contexts(t, workload...)
	settings := charts(t)
	settings["gpuContext"] = "west"
	inEachLanguage(t, "model-deployment", func(t *testing.T, language string) {
		s := open(t, "model-deployment", language, settings, both)
		outputs := up(t, s)
		exampletest.RequireUnchanged(t, s)
		assert.Equal(t, []any{map[string]any{"cluster": "gpu", "replicas": 2.0}}, outputs["placement"])
		replicas := exampletest.Chats(t, language, outputs["url"].(string), 20)
		assert.Len(t, replicas, 2, "each replica answers")
		assert.Equal(t, map[string]int{"west": 40}, byCluster(t, replicas))
	})
}
