// Package clusters runs the examples with workload clusters, in every language.
package clusters

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/modelplane/pulumi-modelplane/tests/examples/exampletest"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// workload are the workload clusters.
var workload = []string{"east", "west"}

func TestMain(m *testing.M) { harness.Main(m, workload...) }

// inEachLanguage runs a test of an example in one language after the other, beside those of other examples.
func inEachLanguage(t *testing.T, example string, test func(t *testing.T, language string)) {
	t.Run(example, func(t *testing.T) {
		t.Parallel()
		for _, language := range []string{"yaml", "typescript", "python", "go"} {
			t.Run(language, func(t *testing.T) { test(t, language) })
		}
	})
}

// open makes a stack of an example in a language.
func open(t testing.TB, example, language string, settings map[string]any, kubeconfig string) *stack.Stack {
	t.Helper()
	environment := exampletest.Environment(t)
	environment["KUBECONFIG"] = kubeconfig
	return stack.Of(t, exampletest.Configured(t, example, language, settings), environment)
}

// up brings a stack up and gives its outputs.
func up(t testing.TB, s *stack.Stack) map[string]any {
	t.Helper()
	result := s.Up()
	require.NoError(t, result.Err, result.Output)
	return s.Outputs(t)
}

// charts are those of the gateway and of its clusters. One Envoy runs on each cluster, and ends at once: nobody's requests have to be
// spared, and the end of a namespace waits for half of its Pods' grace.
func charts(t testing.TB) map[string]any {
	t.Helper()
	pod := map[string]any{"spec": map[string]any{"terminationGracePeriodSeconds": 5}}
	envoy := map[string]any{
		"provider": map[string]any{"kubernetes": map[string]any{"envoyDeployment": map[string]any{
			"replicas": 1,
			"patch":    map[string]any{"value": map[string]any{"spec": map[string]any{"template": pod}}},
		}}},
		"shutdown": map[string]any{"drainTimeout": "2s", "minDrainDuration": "0s"},
	}
	return map[string]any{
		"chart": exampletest.BriefChart(),
		"envoyChart": map[string]any{
			"name":   harness.ToolChart(t, "gateway-helm", "envoy-gateway"),
			"values": map[string]any{"config": map[string]any{"envoyGateway": map[string]any{"envoyProxy": envoy}}},
		},
	}
}

// kubeconfig is the content of a cluster's, and the administrator's token in it.
func kubeconfig(t testing.TB, name string) (content, token string) {
	t.Helper()
	text, err := os.ReadFile(harness.Plane.Cluster(name).Kubeconfig())
	require.NoError(t, err)
	config, err := clientcmd.Load(text)
	require.NoError(t, err)
	require.NotEmpty(t, config.AuthInfos[name].Token)
	return string(text), config.AuthInfos[name].Token
}

// contexts is a kubeconfig with a context for each of the clusters, the first of which is the current one.
func contexts(t testing.TB, names ...string) string {
	t.Helper()
	rules := clientcmd.ClientConfigLoadingRules{}
	for _, name := range names {
		rules.Precedence = append(rules.Precedence, harness.Plane.Cluster(name).Kubeconfig())
	}
	config, err := rules.Load()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, clientcmd.WriteToFile(*config, path))
	return path
}

// byCluster counts the answers by the cluster whose Pod gave them, and else by what they say.
func byCluster(t testing.TB, answers map[string]int) map[string]int {
	t.Helper()
	counted := map[string]int{}
	for answer, count := range answers {
		counted[clusterOf(t, answer)] += count
	}
	return counted
}

// clusterOf is where the Pod runs that an answer names, or else the answer.
func clusterOf(t testing.TB, answer string) string {
	t.Helper()
	for _, name := range workload {
		client, err := harness.Plane.Cluster(name).Client()
		require.NoError(t, err)
		pods, err := client.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		for _, pod := range pods.Items {
			if strings.Contains(answer, pod.Name) {
				return name
			}
		}
	}
	return answer
}
