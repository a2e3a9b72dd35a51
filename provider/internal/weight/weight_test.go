package weight

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Catches weights that a reader of the route would not recognise, and each way
// of choosing them when it changes.
func TestSplitStaysNearWhatTheUserWrote(t *testing.T) {
	for _, c := range []struct {
		name    string
		entries []Entry
		want    [][]int32
	}{
		{"none", nil, [][]int32{}},
		{"as written", []Entry{{80, 1, nil}, {20, 1, nil}}, [][]int32{{80}, {20}}},
		{"divided where that works out", []Entry{{80, 4, nil}, {20, 1, nil}}, [][]int32{{20, 20, 20, 20}, {20}}},
		{"80 to 20 with seven endpoints", []Entry{{80, 7, nil}, {20, 1, nil}}, [][]int32{{80, 80, 80, 80, 80, 80, 80}, {140}}},
		{"multiplied for two entries at once", []Entry{{1, 2, nil}, {1, 3, nil}}, [][]int32{{3, 3}, {2, 2, 2}}},
		{"one to none", []Entry{{1, 1, nil}, {0, 1, nil}}, [][]int32{{1}, {0}}},
		{"nothing at all", []Entry{{0, 2, nil}, {0, 1, nil}}, [][]int32{{0, 0}, {0}}},
		{"none stays none however many endpoints", []Entry{{1, 2, nil}, {0, 5, nil}}, [][]int32{{1, 1}, {0, 0, 0, 0, 0}}},
		{"one entry alone", []Entry{{1, 3, nil}}, [][]int32{{1, 1, 1}}},
		{"the largest weights", []Entry{{Max, 1, nil}, {1, 1, nil}}, [][]int32{{Max}, {1}}},
		{"reduced where multiplied is too much", []Entry{{Max, 1, nil}, {Max, 3, nil}}, [][]int32{{3}, {1, 1, 1}}},
		{"exact with a difference of 1", []Entry{{999_983, 1, nil}, {5, 3, nil}}, [][]int32{{999_983}, {2, 2, 1}}},
		{"the largest exact, so that 1 weighs less", []Entry{{333_331, 1, nil}, {2, 5, nil}}, [][]int32{{999_993}, {2, 1, 1, 1, 1}}},
		{"by replicas", []Entry{{80, 2, []int64{3, 1}}, {20, 1, nil}}, [][]int32{{60, 20}, {20}}},
		{"by replicas, multiplied", []Entry{{80, 2, []int64{2, 1}}, {20, 1, nil}}, [][]int32{{160, 80}, {60}}},
		{"by replicas, as near as it goes", []Entry{{Max, 2, []int64{Max, 1}}, {Max, 1, nil}}, [][]int32{{999_999, 1}, {Max}}},
		{"by replicas, of nothing", []Entry{{0, 2, []int64{2, 1}}, {1, 1, nil}}, [][]int32{{0, 0}, {1}}},
		{"as near as it goes", []Entry{{Max, 1, nil}, {1, 7, nil}}, [][]int32{{Max}, {1, 1, 1, 1, 1, 1, 1}}},
		{"as near as it goes, scaled up and rounded", []Entry{{500_001, 1, nil}, {250_001, 1, nil}, {1, 3, nil}}, [][]int32{{Max}, {500_001}, {1, 1, 1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Split(c.entries)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

// Catches a bad entry that becomes a plausible weight.
func TestSplitRefusesWhatIsNoShare(t *testing.T) {
	for want, entries := range map[string][]Entry{
		"the weight of entry 2: -3 is below 0; weights are shares from 0 to 1000000":            {{1, 1, nil}, {-3, 1, nil}},
		"the weight of entry 1: 1000001 is above 1000000; weights are shares from 0 to 1000000": {{Max + 1, 1, nil}},
		"entry 1: the share 0 is outside 1 to 1000000":                                          {{1, 2, []int64{1, 0}}},
		"entry 1: 1 shares are given for 2 endpoints; write one for each":                       {{1, 2, []int64{1}}},
		"entry 1 has no endpoint; give it one or leave the entry out":                           {{1, 0, nil}},
		"the entries have more than 16 endpoints, the most that one rule of an HTTPRoute takes": {{1, 16, nil}, {1, 1, nil}},
	} {
		_, err := Split(entries)
		assert.EqualError(t, err, want)
	}
}

// Catches weights that the API server refuses, an endpoint that loses its
// traffic or gets some against the user's word, and endpoints of one entry that
// are treated differently.
func TestEveryWeightIsWithinTheLimitAndNoneVanishes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := drawEntries(t)
		weights, err := Split(entries)
		require.NoError(t, err)
		require.Len(t, weights, len(entries))
		for i, entry := range entries {
			require.Len(t, weights[i], entry.Endpoints)
			least, most := slices.Min(weights[i]), slices.Max(weights[i])
			require.LessOrEqual(t, most, int32(Max))
			require.LessOrEqual(t, most-least, int32(1))
			require.Equal(t, entry.Weight == 0, most == 0)
			require.Equal(t, entry.Weight == 0, least == 0)
		}
	})
}

// Catches a ratio that is off although whole numbers can hold it, and endpoints
// that differ although they need not. The test looks for the smallest exact
// answers by trial.
func TestTheRatioIsExactWheneverWholeNumbersCanHoldIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := drawEntries(t)
		weights, err := Split(entries)
		require.NoError(t, err)
		if !exactFits(entries) {
			t.Skip("rapid draws again: whole numbers cannot hold this ratio, and the test is of those that can")
		}
		for i, a := range entries {
			for j, b := range entries {
				require.Equal(t, sum(weights[i])*b.Weight, sum(weights[j])*a.Weight, "entries %d and %d", i, j)
			}
			if evenFits(entries) {
				require.Equal(t, slices.Min(weights[i]), slices.Max(weights[i]), "endpoints of entry %d", i)
			}
		}
	})
}

// Catches an approximation that is worse than Split promises.
func TestNoShareIsFurtherOffThanPromised(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := drawEntries(t)
		weights, err := Split(entries)
		require.NoError(t, err)
		var total, endpoints float64
		for _, entry := range entries {
			total += float64(entry.Weight)
			endpoints += float64(entry.Endpoints)
		}
		for i, share := range shares(weights) {
			asked := 0.0
			if total > 0 {
				asked = float64(entries[i].Weight) / total
			}
			require.InDelta(t, asked, share, endpoints/Max)
		}
	})
}

// Catches an entry that gets less than a lighter one.
func TestAHeavierEntryNeverGetsLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := drawEntries(t)
		weights, err := Split(entries)
		require.NoError(t, err)
		for i, a := range entries {
			for j, b := range entries {
				if a.Weight <= b.Weight && a.Endpoints <= b.Endpoints {
					require.LessOrEqual(t, sum(weights[i]), sum(weights[j]))
				}
			}
		}
	})
}

// Catches weights that depend on the order in which backends are listed: moving
// one would then shift traffic.
func TestTheOrderOfEntriesChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := drawEntries(t)
		weights, err := Split(entries)
		require.NoError(t, err)
		order := rapid.Permutation(indexes(entries)).Draw(t, "order")
		moved := make([]Entry, len(entries))
		for to, from := range order {
			moved[to] = entries[from]
		}
		movedWeights, err := Split(moved)
		require.NoError(t, err)
		for to, from := range order {
			require.Equal(t, weights[from], movedWeights[to])
		}
	})
}

// Catches an endpoint with many replicas that gets no more than one with few, and one that gets nothing.
func TestEachEndpointGetsItsShareOfItsEntry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := drawEntries(t)
		var total, endpoints float64
		for i := range entries {
			for range entries[i].Endpoints {
				entries[i].Shares = append(entries[i].Shares, rapid.Int64Range(1, 50).Draw(t, "share"))
			}
			total += float64(entries[i].Weight)
			endpoints += float64(entries[i].Endpoints)
		}
		weights, err := Split(entries)
		require.NoError(t, err)
		sums := 0.0
		for _, weight := range slices.Concat(weights...) {
			require.LessOrEqual(t, weight, int32(Max))
			sums += float64(weight)
		}
		for i, entry := range entries {
			for j, weight := range weights[i] {
				require.Equal(t, entry.Weight == 0, weight == 0)
				if entry.Weight > 0 {
					asked := float64(entry.Weight) / total * float64(entry.Shares[j]) / float64(sumOf(entry.Shares))
					require.InDelta(t, asked, float64(weight)/sums, endpoints/Max)
				}
			}
		}
	})
}

func sumOf(shares []int64) (total int64) {
	for _, share := range shares {
		total += share
	}
	return total
}

// shares are the parts of the traffic that each entry gets with these weights,
// 0 to 1; all 0 where no weight is above 0.
func shares(weights [][]int32) []float64 {
	sums := make([]float64, len(weights))
	var total float64
	for i, entry := range weights {
		for _, weight := range entry {
			sums[i] += float64(weight)
		}
		total += sums[i]
	}
	if total == 0 {
		return sums
	}
	for i := range sums {
		sums[i] /= total
	}
	return sums
}

// drawEntries prefers weights at the edges, where an exact answer may not fit.
func drawEntries(t *rapid.T) []Entry {
	weights := rapid.OneOf(
		rapid.Int64Range(0, 100),
		rapid.Int64Range(0, Max),
		rapid.Int64Range(Max-100, Max),
	)
	left := MaxEndpoints
	var entries []Entry
	for range rapid.IntRange(1, 8).Draw(t, "entries") {
		if left == 0 {
			break
		}
		entry := Entry{weights.Draw(t, "weight"), rapid.IntRange(1, min(left, 7)).Draw(t, "endpoints"), nil}
		left -= entry.Endpoints
		entries = append(entries, entry)
	}
	return entries
}

// exactFits tries the multiples of the reduced weights. One of the first 16
// gives every endpoint at least 1; larger ones only come nearer to the limit.
func exactFits(entries []Entry) bool {
	common := int64(0)
	for _, entry := range entries {
		common = gcd(common, entry.Weight)
	}
	if common == 0 {
		return true
	}
	for multiple := int64(1); multiple <= MaxEndpoints; multiple++ {
		if !slices.ContainsFunc(entries, func(entry Entry) bool {
			sum, n := entry.Weight/common*multiple, int64(entry.Endpoints)
			return sum > Max*n || entry.Weight > 0 && sum < n
		}) {
			return true
		}
	}
	return false
}

// evenFits asks whether the smallest whole numbers in the ratio of the weights
// per endpoint are within the limit. 720720 is divisible by 1 to 16.
func evenFits(entries []Entry) bool {
	common, most := int64(0), int64(0)
	for _, entry := range entries {
		each := entry.Weight * 720720 / int64(entry.Endpoints)
		common, most = gcd(common, each), max(most, each)
	}
	return common == 0 || most/common <= Max
}

func sum(weights []int32) (total int64) {
	for _, weight := range weights {
		total += int64(weight)
	}
	return total
}

func indexes(entries []Entry) []int {
	all := make([]int, len(entries))
	for i := range all {
		all[i] = i
	}
	return all
}
