package placement

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"
)

func (s situation) place() (Decision, bool) {
	decision, faults := Place(s.request, s.clusters, s.placed)
	return decision, len(faults) == 0
}

// settled is the situation after its replicas are placed; a situation in which they do not fit is drawn again.
func (s situation) settled(t *rapid.T) situation {
	decision, ok := s.place()
	if !ok {
		t.Skip("rapid draws again: the replicas do not fit, and the property is of those that do")
	}
	s.placed = decision.Replicas
	return s
}

// kept are what may stay on each cluster.
func (s situation) kept() map[string]int {
	kept, b := map[string]int{}, boundsOf(s)
	for name, n := range s.placed {
		kept[name] = min(n, b.holds[name])
	}
	return kept
}

func sum(replicas map[string]int) int {
	total := 0
	for _, n := range replicas {
		total += n
	}
	return total
}

// TestAllReplicasArePlacedOrNoneIsTouched would catch a replica too many or too few, a fault though all fit, a placement that is
// half done, and a fault that counts wrongly.
func TestAllReplicasArePlacedOrNoneIsTouched(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSituation(t)
		decision, faults := Place(s.request, s.clusters, s.placed)
		fit, b := s.kept(), boundsOf(s)
		for _, c := range s.clusters {
			fit[c.Name] = max(fit[c.Name], b.takes[c.Name])
		}
		if room := sum(fit); room < s.request.Replicas {
			require.Len(t, faults, 1)
			require.Equal(t, "replicas", faults[0].Path)
			require.Regexp(t, `^`+fmt.Sprint(room)+` of `+fmt.Sprint(s.request.Replicas)+` fit`, faults[0].Message)
			require.Equal(t, s.placed, decision.Replicas)
			return
		}
		require.Empty(t, faults)
		require.Equal(t, s.request.Replicas, sum(decision.Replicas))
	})
}

// TestNoClusterHasMoreThanItMay would catch a cluster that gets more than its devices or maxPerCluster allow, one that keeps what
// it may not, and one that takes something new in spite of a taint.
func TestNoClusterHasMoreThanItMay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSituation(t)
		decision, ok := s.place()
		if !ok {
			return
		}
		kept, b := s.kept(), boundsOf(s)
		for name, n := range decision.Replicas {
			require.LessOrEqual(t, n, b.holds[name], name)
			if n > kept[name] {
				require.LessOrEqual(t, n, b.takes[name], name)
			}
		}
	})
}

// TestNoReplicaMovesWithoutACause would catch a replica that leaves a cluster where it may stay, except where fewer are asked for;
// and then one that is not taken from the cluster with the most, of those from the last.
func TestNoReplicaMovesWithoutACause(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSituation(t)
		decision, ok := s.place()
		if !ok {
			return
		}
		kept := s.kept()
		if sum(kept) <= s.request.Replicas {
			for name, n := range kept {
				require.GreaterOrEqual(t, decision.Replicas[name], n, name)
			}
			return
		}
		for name, n := range kept {
			require.LessOrEqual(t, decision.Replicas[name], n, name)
			if decision.Replicas[name] == n {
				continue
			}
			last := decision.Replicas[name] + 1 // what it had when the last was taken
			for other, m := range decision.Replicas {
				require.LessOrEqual(t, m, last, "%s gave up more than %s", name, other)
				if m == last {
					require.Greater(t, name, other)
				}
			}
		}
	})
}

// TestNewReplicasGoWhereTheFewestAre would catch a replica that is placed on a cluster with more than another with room, or with as
// many and a later name.
func TestNewReplicasGoWhereTheFewestAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSituation(t)
		decision, ok := s.place()
		if !ok {
			return
		}
		kept, b := s.kept(), boundsOf(s)
		for name, n := range decision.Replicas {
			if n <= kept[name] {
				continue
			}
			for _, c := range s.clusters {
				m := decision.Replicas[c.Name]
				if m >= b.takes[c.Name] || c.Name == name {
					continue
				}
				require.LessOrEqual(t, n-1, m, "%s got more than %s", name, c.Name)
				if n-1 == m {
					require.Less(t, name, c.Name)
				}
			}
		}
	})
}

// TestTheOrderOfTheInputDoesNotMatter would catch a decision, a reason or a fault that depends on the order of a list or a map, and
// an input that is changed.
func TestTheOrderOfTheInputDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSituation(t)
		before, err := yaml.Marshal([]any{s.request, s.clusters, s.placed})
		require.NoError(t, err)
		decision, faults := Place(s.request, s.clusters, s.placed)
		after, err := yaml.Marshal([]any{s.request, s.clusters, s.placed})
		require.NoError(t, err)
		require.Equal(t, string(before), string(after))

		other := s
		other.request.Devices = rapid.Permutation(s.request.Devices).Draw(t, "devices")
		other.request.Placement.Tolerations = rapid.Permutation(s.request.Placement.Tolerations).Draw(t, "tolerations")
		other.clusters = rapid.Permutation(s.clusters).Draw(t, "clusters")
		for i, c := range other.clusters {
			other.clusters[i].Taints = rapid.Permutation(c.Taints).Draw(t, "taints")
			other.clusters[i].Pools = rapid.Permutation(c.Pools).Draw(t, "pools")
			for j, p := range other.clusters[i].Pools {
				other.clusters[i].Pools[j].Devices = rapid.Permutation(p.Devices).Draw(t, "pool's devices")
			}
		}
		again, otherFaults := Place(other.request, other.clusters, other.placed)
		require.Equal(t, decision, again)
		require.Equal(t, faults, otherFaults)
	})
}

// TestWhatIsPlacedStays would catch a second update that changes something though nothing has changed.
func TestWhatIsPlacedStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSituation(t).settled(t)
		again, ok := s.place()
		require.True(t, ok)
		require.Equal(t, s.placed, again.Replicas)
	})
}

// TestADrainEmptiesExactlyThatCluster would catch a drain that leaves a replica, or that takes one from another cluster.
func TestADrainEmptiesExactlyThatCluster(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSituation(t).settled(t)
		if len(s.clusters) == 0 {
			return
		}
		i := rapid.IntRange(0, len(s.clusters)-1).Draw(t, "drained")
		s.clusters[i].Drain = true
		decision, ok := s.place()
		if !ok {
			require.Equal(t, s.placed, decision.Replicas)
			return
		}
		require.NotContains(t, decision.Replicas, s.clusters[i].Name)
		for name, n := range s.placed {
			if name != s.clusters[i].Name {
				require.GreaterOrEqual(t, decision.Replicas[name], n, name)
			}
		}
	})
}

// TestANewClusterMovesNothing would catch replicas that are spread out again because there is more room.
func TestANewClusterMovesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSituation(t).settled(t)
		name := rapid.SampledFrom([]string{"0-first", "z-last"}).Draw(t, "name")
		s.clusters = append(s.clusters, drawCluster(t, name))
		decision, ok := s.place()
		require.True(t, ok)
		require.Equal(t, s.placed, decision.Replicas)
	})
}

// TestOneMoreAndOneLessTouchesOneReplica would catch a replica that moves because the number of others changes; and, where the
// replicas were placed at once, a replica that is not taken from where the last was placed.
func TestOneMoreAndOneLessTouchesOneReplica(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSituation(t)
		fresh := rapid.Bool().Draw(t, "fresh")
		if fresh {
			s.placed = nil
		}
		s = s.settled(t)
		more := s
		more.request.Replicas++
		up, ok := more.place()
		if !ok {
			return
		}
		require.Equal(t, 1, differing(s.placed, up.Replicas))
		less := s
		less.placed = up.Replicas
		down, ok := less.place()
		require.True(t, ok)
		require.Equal(t, 1, differing(up.Replicas, down.Replicas))
		if fresh {
			require.Equal(t, s.placed, down.Replicas)
		}
	})
}

// differing is by how many replicas two placements differ.
func differing(a, b map[string]int) int {
	n := 0
	for _, name := range slices.Concat(slices.Collect(maps.Keys(a)), slices.Collect(maps.Keys(b))) {
		if a[name] != b[name] {
			n += max(a[name]-b[name], b[name]-a[name])
			a, b = maps.Clone(a), maps.Clone(b)
			a[name], b[name] = 0, 0
		}
	}
	return n
}
