package figures

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Catches a percentile that is off by one, such as a p99 of 100 values that is the slowest.
func TestPercentilesAreOfTheValues(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(100 - i)
	}
	all := Percentiles(hundred)
	assert.Equal(t, []float64{1, 1, 50, 99, 100}, []float64{all[0], all[1], all[50], all[99], all[100]})
	assert.Zero(t, Percentile[float64](nil, 50))
	assert.InDelta(t, 7, Percentile([]float64{7}, 99), 0)
}

func TestASpreadHasTheMedianOfItsValues(t *testing.T) {
	assert.Equal(t, Spread{1, 2.5, 9}, SpreadOf([]float64{9, 1, 3, 2}))
	assert.Equal(t, Spread{1, 2, 9}, SpreadOf([]float64{9, 1, 2}))
	assert.Zero(t, SpreadOf(nil))
}

// Catches ratios of medians: of a machine that was slow in one round, they say nothing.
func TestWaysAreComparedWithinARound(t *testing.T) {
	f := &Figures{Turns: []Turn{
		{Way: "a", Round: 0, Connections: 1, P50: 2},
		{Way: "b", Round: 0, Connections: 1, P50: 1},
		{Way: "a", Round: 1, Connections: 1, P50: 20},
		{Way: "b", Round: 1, Connections: 1, P50: 10},
		{Way: "a", Round: 1, Connections: 16, P50: 500},
		{Way: "a", Round: 2, Connections: 1, P50: 90},
	}}
	p50 := func(t Turn) float64 { return t.P50 }
	assert.Equal(t, Spread{2, 2, 2}, f.Beside("a", "b", 1, p50, Ratio))
	assert.Equal(t, Spread{1, 5.5, 10}, f.Beside("a", "b", 1, p50, Difference))
	assert.Equal(t, Spread{2, 20, 90}, f.Over("a", 1, p50))
}

// Catches a backend with too few requests, or with any although it has no weight.
func TestTheBackendFurthestOffIsTheError(t *testing.T) {
	assert.InDelta(t, 3, Split{Weights: []int{70, 20, 10}, Counts: []int{701, 202, 97}}.Error(), 1e-9)
	assert.InDelta(t, 0.5, Split{Weights: []int{1, 1}, Counts: []int{5, 4}}.Error(), 1e-9)
	assert.InDelta(t, 4, Split{Weights: []int{1, 0}, Counts: []int{6, 4}}.Error(), 1e-9)
}

func TestStepsAreTenthsOfSecondsFromTheFault(t *testing.T) {
	assert.Equal(t, []Step{{At: -100, Ended: 1}, {At: 0, Ended: 2, Failed: 1}, {At: 100, Ended: 1, Failed: 1}},
		StepsOf([]float64{-1, 0, 99.9, 100}, []bool{false, true, false, true}))
}
