package figures

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Percentile is the smallest of sorted values that at least this many percent of them do not exceed; 0 without any.
func Percentile[T cmp.Ordered](sorted []T, percent float64) T {
	var none T
	if len(sorted) == 0 {
		return none
	}
	rank := int(math.Ceil(percent / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Percentiles are those from 0 to 100.
func Percentiles(values []float64) []float64 {
	sorted := slices.Sorted(slices.Values(values))
	all := make([]float64, 101)
	for i := range all {
		all[i] = Percentile(sorted, float64(i))
	}
	return all
}

// Milliseconds is a duration as figures have it.
func Milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Spread is what one figure was over the rounds.
type Spread struct{ Low, Median, High float64 }

// SpreadOf is the spread of values, in any order.
func SpreadOf(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + sorted[middle]) / 2
	}
	return Spread{sorted[0], median, sorted[len(sorted)-1]}
}

// Over is one figure of a way over all rounds.
func (f *Figures) Over(way string, connections int, figure func(Turn) float64) Spread {
	var values []float64
	for _, t := range f.Turns {
		if t.Way == way && t.Connections == connections {
			values = append(values, figure(t))
		}
	}
	return SpreadOf(values)
}

// Beside compares a way with another one, round by round: what the machine does in a round, it does to both.
func (f *Figures) Beside(way, other string, connections int, figure func(Turn) float64, compare func(a, b float64) float64) Spread {
	others := map[int]float64{}
	for _, t := range f.Turns {
		if t.Way == other && t.Connections == connections {
			others[t.Round] = figure(t)
		}
	}
	var values []float64
	for _, t := range f.Turns {
		if beside, has := others[t.Round]; has && t.Way == way && t.Connections == connections {
			values = append(values, compare(figure(t), beside))
		}
	}
	return SpreadOf(values)
}

// Ratio and Difference are comparisons for Beside.
func Ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// Difference is how much more a is than b.
func Difference(a, b float64) float64 { return a - b }

// Error is by how many requests the backend that is furthest off got more or less than its share.
func (s Split) Error() float64 {
	asked, got := 0, 0
	for i := range s.Weights {
		asked += s.Weights[i]
		got += s.Counts[i]
	}
	worst := 0.0
	for i := range s.Weights {
		worst = max(worst, math.Abs(float64(s.Counts[i])-float64(got)*float64(s.Weights[i])/float64(asked)))
	}
	return worst
}

// StepsOf counts requests by tenths of seconds. At are the times from the fault at which they ended, in milliseconds.
func StepsOf(at []float64, failed []bool) []Step {
	byStep := map[float64]*Step{}
	for i := range at {
		began := math.Floor(at[i]/100) * 100
		if byStep[began] == nil {
			byStep[began] = &Step{At: began}
		}
		byStep[began].Ended++
		if failed[i] {
			byStep[began].Failed++
		}
	}
	steps := make([]Step, 0, len(byStep))
	for _, step := range byStep {
		steps = append(steps, *step)
	}
	slices.SortFunc(steps, func(a, b Step) int { return cmp.Compare(a.At, b.At) })
	return steps
}
