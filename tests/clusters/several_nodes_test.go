package clusters

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/load"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// severalNodes is a gateway, two workload clusters of which east alone gets LeaderWorkerSet, and a large model. Clusters are those that it may
// run on, and large what is written about it.
func severalNodes(t testing.TB, clusters, large string) string {
	t.Helper()
	traefik, err := filepath.Abs("../charts/traefik")
	require.NoError(t, err)
	cluster := func(name, more string) string {
		return fmt.Sprintf(`  %[1]s: {type: 'modelplane:InferenceCluster', properties: {kubeconfig: '${%[1]s-kubeconfig}', gateway: {replicas: 1},
    chart: {name: %[2]q}%[3]s}}`, name, chart(t, "gateway-helm", "envoy-gateway"), more)
	}
	return fmt.Sprintf(`name: nodes
runtime: yaml
config:
  east-kubeconfig: {type: string, secret: true}
  west-kubeconfig: {type: string, secret: true}
resources:
  gateway: {type: 'modelplane:ModelGateway', properties: {chart: {name: %q}, replicas: 1}}
%s
%s
  large:
    type: modelplane:ModelDeployment
    options: {dependsOn: ['${gateway}']}
    properties:
      model: hf://org/large
      clusters: [%s]
      %s
  chat:
    type: modelplane:ModelService
    properties: {gateway: '${gateway.gateway}', backends: [{endpoints: '${large.endpoints}'}]}
outputs: {url: '${chat.url}', placement: '${large.placement}'}
`, traefik, cluster("east", fmt.Sprintf(", leaderWorkerSet: Installed, leaderWorkerSetChart: {name: %q}", chart(t, "lws", "lws-manager"))), cluster("west", ""), clusters, large)
}

// TestAReplicaSpansNodes would catch LeaderWorkerSet's webhooks that do not answer yet, processes of a replica that do not find each other,
// requests that reach a worker, and updates, also from and to replicas of one node, that lose a request or cut a stream.
func TestAReplicaSpansNodes(t *testing.T) {
	const both = "'${east.cluster}', '${west.cluster}'"
	large := func(replicas, nodes, seed int) string {
		return fmt.Sprintf(`replicas: %d
      nodesPerReplica: %d
      pipelineParallel: %d
      engine: {startupMinutes: 1, args: [--seed, '%d'], env: {MODELSERVER_TOKEN_DELAY: 700ms, MODELSERVER_REPLY: %q}}`,
			replicas, nodes, nodes, seed, strings.Repeat("word ", 14)+"end")
	}
	lap := stopwatch(t)
	s := harness.NewStack(t, "nodes")
	left := map[string]func() []string{}
	for _, name := range []string{"east", "west"} {
		workload := harness.Connect(t, harness.Plane.Cluster(name))
		before := workload.Objects(t)
		left[name] = func() []string { return workload.Left(t, before) }
		kubeconfig, err := os.ReadFile(harness.Plane.Cluster(name).Kubeconfig())
		require.NoError(t, err)
		s.SetSecret(t, name+"-kubeconfig", string(kubeconfig))
	}

	s.Write(t, severalNodes(t, "'${west.cluster}'", large(1, 2, 0)))
	refused := s.Preview()
	require.Error(t, refused.Err)
	assert.Contains(t, refused.Output, "replicas: 0 of 1 fit (west: it has no LeaderWorkerSet, which replicas of 2 nodes need)")
	lap("preview: a cluster without LeaderWorkerSet")

	outputs := s.MustUp(t, severalNodes(t, both, large(1, 2, 1)))
	lap("up: LeaderWorkerSet, and a replica of two nodes on it")
	assert.Equal(t, []any{map[string]any{"cluster": "east", "replicas": 1.0}}, outputs["placement"])
	url := outputs["url"].(string)
	answer, _, err := chat(t, url+"/chat/completions", nil)
	require.NoError(t, err)
	assert.Equal(t, "0 1", answer.Header.Get(modelserver.HeaderRanks))
	assert.Regexp(t, `^large-east-[0-9a-f]{6}-[0-9a-f]{8}-0$`, answer.Header.Get(modelserver.HeaderName))

	run := load.Start(t.Context(), load.Config{URL: url, RatePerSecond: 50, Workers: 8, MaxRequests: 60_000})
	streams := load.Start(t.Context(), load.Config{
		URL: url, Body: `{"model":"org/large","messages":[{"role":"user","content":"Hello"}],"stream":true}`, RatePerSecond: 5, Workers: 8,
		MaxRequests: 60_000, Timeout: time.Minute, Accept: func(answer *http.Response, body []byte) error {
			if answer.StatusCode != http.StatusOK || !strings.HasSuffix(string(body), "data: [DONE]\n\n") {
				return errors.New("cut: " + answer.Status)
			}
			return nil
		},
	})
	require.NoError(t, run.WaitFor(t.Context(), 100))
	failWebhooks(t, harness.Connect(t, harness.Plane.Cluster("east")), 2)
	s.Write(t, severalNodes(t, both, large(1, 2, 2)))
	updated := s.Up()
	require.NoError(t, updated.Err, updated.Output)
	assert.Contains(t, updated.Output, "The cluster's webhooks for a LeaderWorkerSet do not answer yet")
	lap("up under load: another argument, while webhooks do not answer")
	for _, update := range []struct {
		what                  string
		replicas, nodes, seed int
	}{
		{"one more replica", 2, 2, 2},
		{"replicas of one node", 2, 1, 2},
		{"replicas of two nodes again, and one less", 1, 2, 2},
	} {
		s.MustUp(t, severalNodes(t, both, large(update.replicas, update.nodes, update.seed)))
		lap("up under load: " + update.what)
	}
	require.NoError(t, run.WaitFor(t.Context(), 100))
	report := run.Stop()
	t.Logf("%d requests: %v", report.Total, report.ByBackend)
	assert.NoError(t, report.Err())
	report = streams.Stop()
	t.Logf("%d streams: %v", report.Total, report.ByBackend)
	assert.NoError(t, report.Err())
	lap("the last streams")

	result := s.Destroy()
	require.NoError(t, result.Err, result.Output)
	lap("destroy")
	for name, left := range left {
		// The Pods of a LeaderWorkerSet end after it.
		assert.Eventually(t, func() bool { return len(left()) == 0 }, time.Minute, time.Second, name)
		assert.Empty(t, left(), name)
	}
	lap("the last Pods")
}

var webhooks = schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"}

// failWebhooks has the next writes of a LeaderWorkerSet fail, as many as that, because a webhook does not answer.
func failWebhooks(t testing.TB, cluster harness.Cluster, times int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	name := "silent.example.com"
	var config unstructured.Unstructured
	require.NoError(t, yaml.Unmarshal(fmt.Appendf(nil, `{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: %s},
      webhooks: [{name: %s, clientConfig: {url: 'https://%s/'}, failurePolicy: Fail, sideEffects: None, admissionReviewVersions: [v1],
        rules: [{apiGroups: [leaderworkerset.x-k8s.io], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [leaderworkersets]}]}]}`,
		name, name, listener.Addr()), &config.Object))
	_, err = cluster.Resource(webhooks).Create(t.Context(), &config, metav1.CreateOptions{})
	require.NoError(t, err)
	go func() {
		defer listener.Close()
		for range times {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			connection.Close()
		}
		_ = cluster.Resource(webhooks).Delete(context.Background(), name, metav1.DeleteOptions{})
	}()
}
