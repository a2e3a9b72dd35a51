package clusters

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestAFleet is one stack, and what becomes of it. The parts go on from one another, since a fleet takes a minute to make.
func TestAFleet(t *testing.T) {
	lap := stopwatch(t)
	r := start(t, "fleet")
	before := map[string]map[string]unstructured.Unstructured{}
	for name, client := range r.clusters {
		before[name] = client.Objects(t)
	}
	r.Write(t, r.now.text(t))

	// It would catch a preview that fails while a kubeconfig is not known, or that does not know where replicas will run.
	t.Run("PreviewKnowsThePlacementBeforeAClusterIsMade", func(t *testing.T) {
		result := r.Preview()
		require.NoError(t, result.Err)
		for _, cluster := range []string{"east", "west"} {
			deployment := "$kubernetes:apps/v1:Deployment::small-" + cluster
			found := strings.Contains(result.Output, deployment) // the output is too long to be shown
			assert.True(t, found, deployment)
		}
		assert.Len(t, result.Changes, 1, "%v", result.Changes)
	})
	lap("preview")
	r.up(t, r.now)
	lap("up")
	for _, part := range []struct {
		name string
		run  func(*testing.T, *running)
	}{
		{"EachBackendGetsItsShare", eachBackendGetsItsShare},
		{"NothingChangesByItself", nothingChangesByItself},
		{"OneMoreReplicaTouchesOneCluster", oneMoreReplica},
		{"ARollingUpdateKeepsAllReplicasReady", rollingUpdate},
		{"ADrainLosesNothing", aDrain},
		{"ANewClusterMovesNothing", aNewCluster},
		{"AClusterLeavesAfterItsReplicas", aClusterLeaves},
		{"OtherKubeconfigsReplaceNothing", otherKubeconfigs},
		{"AnotherStackTakesNothing", anotherStack},
		{"AUserWithoutRightsIsNamed", aUserWithoutRights},
		{"ARouteOfAnotherNamespaceGetsOnlyLongerPaths", aRouteOfAnotherNamespace},
		{"ManyRequestsAtOnceAreRefused", manyRequestsAtOnce},
		{"WhatDoesNotFitMovesNothing", whatDoesNotFit},
		{"SecretsStayHidden", secretsStayHidden},
		{"ALostClusterIsGivenUp", aLostCluster},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, r) })
		lap(part.name)
	}

	result := r.Destroy()
	requireSucceeds(t, result)
	requireInOrder(t, steps(result),
		"deleted kubernetes:gateway.networking.k8s.io/v1:HTTPRoute chat",
		"deleted kubernetes:gateway.networking.k8s.io/v1:HTTPRoute small-east",
		"deleted kubernetes:apps/v1:Deployment small-east",
		"deleted kubernetes:gateway.networking.k8s.io/v1:Gateway east",
		"deleted kubernetes:helm.sh/v3:Release east",
		"deleted kubernetes:core/v1:Namespace east",
	)
	lap("destroy")
	for name, client := range r.clusters {
		assert.Empty(t, client.Left(t, before[name]), name)
	}
}

// eachBackendGetsItsShare would catch weights that are not kept between a deployment and a provider, and a cluster whose share is not that of
// its replicas.
func eachBackendGetsItsShare(t *testing.T, r *running) {
	require.Equal(t, map[string]int{"east": 2, "west": 1}, r.placement(t))
	report := r.underLoad(t, func() { time.Sleep(10 * time.Second) })
	assert.InDelta(t, 0.20, report.Share("provider"), 0.02)
	for cluster, want := range map[string]float64{"east": 0.80 * 2 / 3, "west": 0.80 * 1 / 3} {
		names, _ := r.pods(t, cluster)
		share := 0.0
		for _, name := range names {
			// Least-request balancing leaves none of a cluster's replicas without its part.
			assert.InDelta(t, want/float64(len(names)), report.Share(name), 0.07, name)
			share += report.Share(name)
		}
		t.Logf("%s: %.3f of the requests for %d replicas", cluster, share, len(names))
		assert.InDelta(t, want, share, 0.02, cluster)
	}
}

// oneMoreReplica would catch an update that replaces or rewrites what it has no reason to, and a fourth replica that costs a request.
func oneMoreReplica(t *testing.T, r *running) {
	before, more := r.objects(t), r.now
	more.replicas = 4
	r.underLoad(t, func() {
		result := r.up(t, more)
		assert.ElementsMatch(t, []string{
			"updated modelplane:index:ModelPlacement small",
			"updated kubernetes:apps/v1:Deployment small-west",
			"updated kubernetes:gateway.networking.k8s.io/v1:HTTPRoute chat",
		}, steps(result), result.Output)
	})
	require.Equal(t, map[string]int{"east": 2, "west": 2}, r.placement(t))
	r.requireKept(t, before)
}

// rollingUpdate would catch another argument that costs a request, or during which a cluster has fewer replicas ready than asked for.
func rollingUpdate(t *testing.T, r *running) {
	changed := r.now
	changed.reply = "second"
	fewest := r.watch(t)
	old := map[string]bool{}
	for _, cluster := range r.now.on {
		names, _ := r.pods(t, cluster)
		for _, name := range names {
			old[name] = true
		}
	}
	r.underLoad(t, func() {
		result := r.up(t, changed)
		assert.ElementsMatch(t, []string{
			"updated kubernetes:apps/v1:Deployment small-east", "updated kubernetes:apps/v1:Deployment small-west",
		}, steps(result), result.Output)
	})
	assert.Equal(t, map[string]int{"east": 2, "west": 2}, fewest(), "the fewest replicas that were ready")
	for _, cluster := range r.now.on {
		names, _ := r.pods(t, cluster)
		for _, name := range names {
			assert.False(t, old[name], "%s has the old argument", name)
		}
	}
}

// watch looks how many replicas each cluster has ready, until the fewest are asked for.
func (r *running) watch(t testing.TB) (fewest func() map[string]int) {
	ctx, stop := context.WithCancel(t.Context())
	least, on := map[string]int{}, r.now.on
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			for _, cluster := range on {
				_, ready := r.pods(t, cluster)
				if before, seen := least[cluster]; !seen || ready < before {
					least[cluster] = ready
				}
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
	return func() map[string]int {
		stop()
		done.Wait()
		return least
	}
}

// nothingChangesByItself would catch an input or output that is not the same each time, and a field that a cluster changes.
func nothingChangesByItself(t *testing.T, r *running) {
	requireSame(t, r.Up())
	requireSame(t, r.Refresh())
	requireSame(t, r.Up())
}

// whatDoesNotFit would catch a placement that does not fit and that is found when some of it has moved already.
func whatDoesNotFit(t *testing.T, r *running) {
	before := r.objects(t)
	drained := r.now
	drained.clusters = maps.Clone(drained.clusters)
	for name := range drained.clusters {
		drained.clusters[name] += "drain: true,"
	}
	r.Write(t, drained.text(t))
	preview := r.Preview()
	require.Error(t, preview.Err)
	refusal := fmt.Sprintf("replicas: 0 of %d fit (east: it is drained; west: it is drained); add a cluster that takes them", r.now.replicas)
	found := strings.Contains(preview.Output, refusal)
	assert.True(t, found, refusal)
	result := r.Up()
	require.Error(t, result.Err)
	assert.Contains(t, failures(result), refusal)
	assert.Empty(t, steps(result))
	r.requireKept(t, before)
	r.Write(t, r.now.text(t))
}
