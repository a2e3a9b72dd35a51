package figures

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// measured has the plain route at 0.3 ms, LiteLLM at 10 ms, and counting of tokens at so much, for a short request. A longer one takes much more.
func measured(usage float64) *Figures {
	f := &Figures{}
	for way, p50 := range map[string]float64{"servers": 0, "plain": 0.3, "usage": usage, "limited": usage + 0.1, "litellm": 10} {
		for _, c := range []Call{{Body: 1000}, {Body: 1000, IsStreamed: true}, {Body: 32_000}} {
			f.Turns = append(f.Turns, Turn{Way: way, Call: c, Connections: 1, P50: p50})
			p50 += 100
		}
	}
	return f
}

// Catches a goal that is met by another call's figures, by those of another way, or by none.
func TestAGoalIsMetByItsOwnFigures(t *testing.T) {
	for usage, want := range map[float64][]bool{0.6: {true, true}, 0.7: {false, true}, 0.81: {false, false}} {
		var isMet []bool
		for _, goal := range measured(usage).goals() {
			isMet = append(isMet, !strings.Contains(goal, "not met"))
		}
		assert.Equal(t, want, isMet, "%v ms", usage)
	}
	for _, missing := range []string{"plain", "usage", "limited", "litellm"} {
		f := measured(0.4)
		f.Turns = slices.DeleteFunc(f.Turns, func(t Turn) bool { return t.Way == missing })
		assert.Equal(t, []string{"Not all was measured that the aims are about: **not met**."}, f.goals())
	}
}

// grows is a soak in which a gateway's use is so much more each second, of one.
func grows(cpu, memory, goroutines float64) *Soak {
	s := &Soak{}
	used := 1.0
	for i := range 60 {
		at := float64(i)
		s.Samples = append(s.Samples, Sample{At: at, CPU: used, Reloads: 5 * at, Memory: 1e8 * (1 + memory*at), Goroutines: 300 * (1 + goroutines*at)})
		used += 1 + cpu*at
	}
	return s
}

// Catches growth that is not seen, one that was not there, and a run without figures that is taken for a flat one.
func TestASoakTellsWhatHasGrown(t *testing.T) {
	assert.Empty(t, grows(0, 0, 0).Grown())
	assert.Empty(t, grows(0.001, 0.001, 0.001).Grown())
	for want, s := range map[string]*Soak{
		"ms of a core": grows(0.01, 0, 0), "resident memory": grows(0, 0.01, 0), "goroutines": grows(0, 0, 0.01),
	} {
		grown := s.Grown()
		if assert.Len(t, grown, 1, want) {
			assert.Contains(t, grown[0], want)
		}
	}
	assert.Len(t, (&Soak{}).Grown(), len(uses))
}
