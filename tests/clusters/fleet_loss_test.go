package clusters

import (
	"context"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/load"
)

// aLostCluster would catch a cluster that cannot be reached and that takes others' requests with it, whose replicas cannot be moved, or that
// a stack cannot get rid of.
func aLostCluster(t *testing.T, r *running) {
	west, state := harness.Plane.Cluster("west"), r.Export(t)
	address := netip.MustParseAddr(hostOf(t, r.Outputs(t)["urls"].(map[string]any)["west"].(string)))
	run := load.Start(t.Context(), load.Config{URL: r.url, RatePerSecond: 20, Workers: 128, MaxRequests: 60_000, Timeout: 30 * time.Second})
	require.NoError(t, run.WaitFor(t.Context(), 50))
	require.NoError(t, harness.Plane.CutOff(address))
	cut := time.Now()
	// Its API server is gone as well. That it is known to be away saves each step a minute.
	require.NoError(t, harness.Plane.RemoveAddress(west.APIServer.Addr()))
	t.Cleanup(func() {
		// With the state of before the loss, the stack finds and deletes what is on the cluster.
		require.NoError(t, harness.Plane.Reconnect(address))
		require.NoError(t, harness.Plane.AddAddress(west.APIServer.Addr()))
		awaitNode(t, r.clusters["west"])
		r.Import(t, state)
	})
	time.Sleep(12 * time.Second)

	more := r.now
	more.replicas++
	r.Write(t, more.text(t))
	result := r.Up()
	require.Error(t, result.Err)
	assert.Contains(t, result.Output, "The cluster west does not answer, or refuses its kubeconfig")

	drained := more
	drained.clusters = maps.Clone(drained.clusters)
	drained.clusters["west"] += "drain: true,"
	r.Write(t, drained.text(t))
	result = r.Up()
	require.Error(t, result.Err, "what is on the cluster cannot be deleted")
	shifted := time.Since(cut)
	require.Equal(t, map[string]int{"east": drained.replicas}, r.placement(t))
	report := run.Stop()
	for _, failure := range report.Failures {
		assert.Equal(t, http.StatusGatewayTimeout, failure.Status, "%v", failure)
		assert.InDelta(t, 10, failure.Took.Seconds(), 2, "%v", failure)
	}
	t.Logf("%d of %d requests failed; the replicas had moved %v after the cut", report.Failed, report.Total, shifted)
	assert.Positive(t, report.Failed)
	r.underLoad(t, func() {})

	drained.clusters["west"] += "deleteUnreachable: true,"
	r.up(t, drained)
	gone := drained
	gone.on, gone.clusters = []string{"east"}, map[string]string{"east": drained.clusters["east"]}
	r.Write(t, gone.text(t))
	result = r.Refresh()
	require.NoError(t, result.Err, result.Output)
	r.up(t, gone)
	requireSame(t, r.Up())
}

func hostOf(t testing.TB, text string) string {
	t.Helper()
	parsed, err := url.Parse(text)
	require.NoError(t, err)
	return parsed.Hostname()
}

// awaitNode waits until Pods can be made again on the one node of a cluster that was away.
func awaitNode(t testing.TB, cluster harness.Cluster) {
	t.Helper()
	assert.Eventually(t, func() bool {
		// The test is over, and its context with it.
		nodes, err := cluster.Resource(schema.GroupVersionResource{Version: "v1", Resource: "nodes"}).List(context.Background(), metav1.ListOptions{})
		if err != nil || len(nodes.Items) != 1 {
			return false
		}
		taints, _, _ := unstructured.NestedSlice(nodes.Items[0].Object, "spec", "taints")
		return isTrue(&nodes.Items[0], "Ready") && len(taints) == 0
	}, time.Minute, time.Second)
}
