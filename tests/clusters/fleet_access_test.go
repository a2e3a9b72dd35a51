package clusters

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

// aDrain would catch a cluster whose replicas go before others have taken their requests.
func aDrain(t *testing.T, r *running) {
	drained := r.now
	drained.clusters = maps.Clone(drained.clusters)
	drained.clusters["west"] += "drain: true,"
	r.underLoad(t, func() { r.up(t, drained) })
	require.Equal(t, map[string]int{"east": 4}, r.placement(t))
}

// aNewCluster would catch a cluster that draws replicas to it which nobody has added, and one that costs a request when it comes. It is the
// gateway's own cluster, by the program's own Kubernetes provider. West is back from its drain in the same update.
func aNewCluster(t *testing.T, r *running) {
	before, more := r.objects(t), r.now
	more.clusters = usual().clusters
	more.clusters["north"], more.on, more.replicas = "", []string{"north", "west", "east"}, 6
	report := r.underLoad(t, func() { r.up(t, more) })
	require.Equal(t, map[string]int{"east": 4, "west": 1, "north": 1}, r.placement(t))
	r.requireKept(t, before)
	names, _ := r.pods(t, "localplane")
	require.Len(t, names, 1)
	assert.Positive(t, report.ByBackend[names[0]])
}

// aClusterLeaves would catch a cluster that is taken out of the program at once, and whose gateway goes before the replicas on it, or these before
// the requests for them.
func aClusterLeaves(t *testing.T, r *running) {
	less := r.now
	less.clusters = maps.Clone(less.clusters)
	delete(less.clusters, "north")
	less.on = []string{"east", "west"}
	r.underLoad(t, func() {
		result := r.up(t, less)
		requireInOrder(t, steps(result),
			"deleted kubernetes:gateway.networking.k8s.io/v1:HTTPRoute small-north",
			"deleted kubernetes:apps/v1:Deployment small-north",
			"deleted kubernetes:gateway.networking.k8s.io/v1:Gateway north",
			"deleted kubernetes:gateway.networking.k8s.io/v1:GatewayClass north",
			"deleted kubernetes:helm.sh/v3:Release north",
			"deleted kubernetes:core/v1:Namespace north",
		)
	})
	require.Equal(t, map[string]int{"east": 4, "west": 2}, r.placement(t))
	for name := range r.clusters["localplane"].Objects(t) {
		assert.NotContains(t, name, "modelplane-north")
	}
}

// requireInOrder requires that steps has all of these, one after the other.
func requireInOrder(t testing.TB, steps []string, want ...string) {
	t.Helper()
	last := -1
	for _, step := range want {
		at := slices.Index(steps, step)
		require.Greater(t, at, last, "%s, in\n%s", step, strings.Join(steps, "\n"))
		last = at
	}
}

// otherKubeconfigs would catch a cluster that is taken for another one because its kubeconfig has another user and another address, or is not
// known in preview; all of its objects would be replaced.
func otherKubeconfigs(t *testing.T, r *running) {
	before, west := r.objects(t), harness.Plane.Cluster("west")
	maps.DeleteFunc(before, func(name string, _ types.UID) bool { return strings.Contains(name, "west-ready") })
	r.SetSecret(t, "west-kubeconfig", newUser(t, west, "rotated", administrator).kubeconfig(t, elsewhere(t, west)))
	result := r.up(t, r.now)
	assert.Equal(t, []string{"updated pulumi:providers:kubernetes west"}, steps(result), result.Output)
	r.requireKept(t, before)

	r.SetSecret(t, "west-kubeconfig", kubeconfigOf(t, west))
	unknown := r.now
	unknown.more = []string{ready("2")}
	r.Write(t, unknown.text(t))
	preview := r.Preview()
	require.NoError(t, preview.Err)
	assert.Equal(t, 1, preview.Changes["replace"], "%v", preview.Changes)
	assert.Zero(t, preview.Changes["create"]+preview.Changes["delete"], "%v", preview.Changes)
	result = r.up(t, unknown)
	assert.Equal(t, []string{
		"created kubernetes:core/v1:ConfigMap west-ready", "replaced kubernetes:core/v1:ConfigMap west-ready",
		"updated pulumi:providers:kubernetes west", "deleted kubernetes:core/v1:ConfigMap west-ready",
	}, steps(result), result.Output)
	r.requireKept(t, before)
}
