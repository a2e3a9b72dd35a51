// Package clusters runs the examples with workload clusters, in every language.
package clusters

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

func TestMain(m *testing.M) { harness.Main(m, "east", "west") }

// giveGPUs has the cluster's Node offer GPUs, as a device plugin would.
func giveGPUs(t testing.TB, cluster localplane.Cluster) {
	t.Helper()
	const offer = `{"status": {"capacity": {"nvidia.com/gpu": "16"}, "allocatable": {"nvidia.com/gpu": "16"}}}`
	_, err := harness.Connect(t, cluster).Resource(schema.GroupVersionResource{Version: "v1", Resource: "nodes"}).
		Patch(t.Context(), cluster.Name, types.StrategicMergePatchType, []byte(offer), metav1.PatchOptions{}, "status")
	require.NoError(t, err)
}

// byCluster are the answers by the cluster whose Pod gave them, or else by what they say.
func byCluster(t testing.TB, answers map[string]int, clusters ...string) map[string]int {
	t.Helper()
	of := map[string]string{}
	for _, name := range clusters {
		found, err := harness.Connect(t, harness.Plane.Cluster(name)).Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).
			Namespace("default").List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		for _, pod := range found.Items {
			of[pod.GetName()] = name
		}
	}
	counted := map[string]int{}
	for answer, count := range answers {
		for pod, cluster := range of {
			if strings.Contains(answer, " "+pod+" ") {
				answer = cluster
				break
			}
		}
		counted[answer] += count
	}
	return counted
}

// kubeconfig is the content of a cluster's.
func kubeconfig(t testing.TB, cluster string) string {
	t.Helper()
	text, err := os.ReadFile(harness.Plane.Cluster(cluster).Kubeconfig())
	require.NoError(t, err)
	return string(text)
}

var _ = assert.Empty
