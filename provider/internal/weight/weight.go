// Package weight turns the shares that a user gives to whole entries into the
// weights of the endpoints behind them.
package weight

import (
	"cmp"
	"fmt"
	"slices"
)

const (
	// Max is the largest weight of a backendRef, and of an entry
	// (https://github.com/kubernetes-sigs/gateway-api/blob/v1.6.3/apis/v1/shared_types.go#L332).
	Max = 1_000_000
	// MaxEndpoints is the number of endpoints of all entries together, each of
	// which is one of a rule's backendRefs
	// (https://github.com/kubernetes-sigs/gateway-api/blob/v1.6.3/apis/v1/httproute_types.go#L303).
	// It keeps all products below in the range of int64.
	MaxEndpoints = 16
	// MaxShare is the largest share that an endpoint can have of its entry.
	MaxShare = 1_000_000
)

// Entry is one or more endpoints that share one weight.
type Entry struct {
	// Weight is the entry's share of the traffic as a whole, 0 to Max.
	Weight int64
	// Endpoints is the number of endpoints that the share is divided among, 1 or more.
	Endpoints int
	// Shares are the endpoints' shares of the entry, each from 1 to MaxShare. Without them, all have the same.
	Shares []int64
}

// Check refuses a weight that no entry can have.
func Check(weight int64) error {
	switch {
	case weight < 0:
		return fmt.Errorf("%d is below 0; weights are shares from 0 to %d", weight, Max)
	case weight > Max:
		return fmt.Errorf("%d is above %d; weights are shares from 0 to %d", weight, Max, Max)
	}
	return nil
}

// Split gives each endpoint of each entry its weight, 0 to Max, so that the sums
// of the entries are in the same proportion as their weights. Weights stay as
// written where they divide among the endpoints, and are multiplied or reduced
// only where they must be. In this order of preference:
//
//  1. Exact, with the same weight for all endpoints of an entry.
//  2. Exact, with weights that differ by 1 within an entry.
//  3. As near as it goes, where no exact answer fits into 0 to Max: every
//     entry's share is then less than n/Max off the share asked for, with n the
//     number of all endpoints.
//
// Where the endpoints of an entry have different shares of it, the same holds for
// each endpoint: exact if it fits, else as near as it goes.
//
// A weight above 0 never becomes 0, and 0 stays 0; the shares of a route whose
// weights are all 0 are nobody's, and it answers 503.
func Split(entries []Entry) ([][]int32, error) {
	if err := check(entries); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(entries, func(e Entry) bool { return !e.isEven() }) {
		return splitUneven(entries), nil
	}
	sums := evenSums(entries)
	if !fits(entries, sums) {
		sums = largestExactSums(entries)
	}
	if !fits(entries, sums) {
		sums = nearestSums(entries)
	}
	weights := make([][]int32, len(entries))
	for i, entry := range entries {
		weights[i] = divide(sums[i], int64(entry.Endpoints))
	}
	return weights, nil
}

func check(entries []Entry) error {
	total := 0
	for i, entry := range entries {
		if err := Check(entry.Weight); err != nil {
			return fmt.Errorf("the weight of entry %d: %w", i+1, err)
		}
		if entry.Endpoints < 1 {
			return fmt.Errorf("entry %d has no endpoint; give it one or leave the entry out", i+1)
		}
		if entry.Endpoints > MaxEndpoints-total {
			return fmt.Errorf("the entries have more than %d endpoints, the most that one rule of an HTTPRoute takes", MaxEndpoints)
		}
		if err := checkShares(entry); err != nil {
			return fmt.Errorf("entry %d: %w", i+1, err)
		}
		total += entry.Endpoints
	}
	return nil
}

func checkShares(entry Entry) error {
	if n := len(entry.Shares); n > 0 && n != entry.Endpoints {
		return fmt.Errorf("%d shares are given for %d endpoints; write one for each", n, entry.Endpoints)
	}
	for _, share := range entry.Shares {
		if share < 1 || share > MaxShare {
			return fmt.Errorf("the share %d is outside 1 to %d", share, MaxShare)
		}
	}
	return nil
}

// evenSums multiplies the weights by the smallest number that lets every
// endpoint of an entry have the same. Where that is too much for an endpoint,
// it reduces all by what they have in common.
func evenSums(entries []Entry) []int64 {
	factor := int64(1)
	for _, entry := range entries {
		n := int64(entry.Endpoints)
		factor = lcm(factor, n/gcd(n, entry.Weight))
	}
	sums, common := make([]int64, len(entries)), int64(0)
	for i, entry := range entries {
		sums[i] = entry.Weight * factor
		common = gcd(common, sums[i]/int64(entry.Endpoints))
	}
	if !fits(entries, sums) {
		for i := range sums {
			sums[i] /= common
		}
	}
	return sums
}

// largestExactSums is the largest multiple of the reduced weights that leaves
// every endpoint at or below Max: the larger the sums, the less a difference of
// 1 between two endpoints weighs.
func largestExactSums(entries []Entry) []int64 {
	common := int64(0)
	for _, entry := range entries {
		common = gcd(common, entry.Weight)
	}
	multiple := int64(Max * MaxEndpoints)
	for _, entry := range entries {
		if entry.Weight > 0 {
			multiple = min(multiple, Max*int64(entry.Endpoints)/(entry.Weight/common))
		}
	}
	sums := make([]int64, len(entries))
	for i, entry := range entries {
		sums[i] = entry.Weight / common * multiple
	}
	return sums
}

// nearestSums gives Max to each endpoint of the entry with the most weight per
// endpoint, scales the others with it, rounds to whole numbers, and raises what
// is too small to 1 for each endpoint. So no sum is off by more than the
// number of the entry's endpoints, and the entry with Max is not off at all: of
// a total of at least Max, that is less than n/Max of the traffic.
func nearestSums(entries []Entry) []int64 {
	heaviest := slices.MaxFunc(entries, func(a, b Entry) int {
		return cmp.Compare(a.Weight*int64(b.Endpoints), b.Weight*int64(a.Endpoints))
	})
	sums := make([]int64, len(entries))
	for i, entry := range entries {
		if entry.Weight == 0 {
			continue
		}
		scaled := 2*entry.Weight*Max*int64(heaviest.Endpoints) + heaviest.Weight
		sums[i] = max(scaled/(2*heaviest.Weight), int64(entry.Endpoints))
	}
	return sums
}

// fits reports whether every endpoint gets at most Max, and at least 1 where its
// entry has a weight.
func fits(entries []Entry, sums []int64) bool {
	for i, entry := range entries {
		n := int64(entry.Endpoints)
		if sums[i] > Max*n || entry.Weight > 0 && sums[i] < n {
			return false
		}
	}
	return true
}

// divide splits a sum into n parts that differ by 1 at most, the larger first.
func divide(sum, n int64) []int32 {
	parts := make([]int32, n)
	for i := range parts {
		parts[i] = int32(sum / n)
		if int64(i) < sum%n {
			parts[i]++
		}
	}
	return parts
}

func lcm(a, b int64) int64 { return a / gcd(a, b) * b }

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
