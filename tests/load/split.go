package load

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Split sends exactly n chat completions to a base URL and counts the answers by backend. Whatever kept one of the n from
// being counted is in the failures.
func Split(ctx context.Context, url string, n int) (map[string]int, []Failure) {
	report := Do(ctx, Config{URL: url, MaxRequests: n, RatePerSecond: 1_000})
	if report.EndedEarly != "" {
		report.Failures = append(report.Failures, Failure{
			Kind: KindOther,
			Err:  fmt.Errorf("only %d of %d requests were sent: %s", report.Total, n, report.EndedEarly),
		})
	}
	return report.ByBackend, report.Failures
}

// Within is nil if each backend was counted as often as its weight promises, give or take slack requests. Traefik deals
// requests out by weight without chance, but each of its processes counts for itself: one process is off by less
// than one request per backend, two replicas by a few. A backend of weight 0, or one without a weight, may never be counted.
func Within(counts map[string]int, weights map[string]int, slack float64) error {
	total, sum := 0, 0
	for _, count := range counts {
		total += count
	}
	for _, weight := range weights {
		sum += weight
	}
	if total == 0 || sum == 0 {
		return fmt.Errorf("%d answers over a total weight of %d say nothing about shares; both must be above 0", total, sum)
	}

	backends := maps.Clone(weights)
	maps.Copy(backends, counts)
	var misses []string
	for _, backend := range slices.Sorted(maps.Keys(backends)) {
		count, weight := counts[backend], weights[backend]
		want := float64(total) * float64(weight) / float64(sum)
		if weight == 0 && count > 0 {
			misses = append(misses, fmt.Sprintf("%q has no weight and answered %d times", backend, count))
		} else if math.Abs(float64(count)-want) > slack {
			misses = append(misses, fmt.Sprintf("%q answered %d times, not %.1f (weight %d of %d)", backend, count, want, weight, sum))
		}
	}
	if len(misses) > 0 {
		return fmt.Errorf("of %d answers, give or take %g: %s", total, slack, strings.Join(misses, "; "))
	}
	return nil
}
