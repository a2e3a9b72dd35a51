package figures

import "fmt"

// Soak is a gateway whose configuration changes all the while.
type Soak struct {
	Services int     `json:"services"`
	Keys     int     `json:"keys"`
	Seconds  float64 `json:"seconds"`
	// Changes are those that were made, Reloads those of Traefik that they led to.
	Changes int `json:"changes"`
	Reloads int `json:"reloads"`
	// Requests are sent all the while. P50 and P99 are their latencies.
	Requests int     `json:"requests"`
	Failed   int     `json:"failed"`
	P50      float64 `json:"p50"`
	P99      float64 `json:"p99"`
	// Samples are in the order of time.
	Samples []Sample `json:"samples"`
}

// Sample is what Traefik tells of itself.
type Sample struct {
	// At is when, in seconds.
	At float64 `json:"at"`
	// CPU is how many seconds of a processor's time it has used since it began, Memory its resident memory in bytes.
	CPU        float64 `json:"cpu"`
	Memory     float64 `json:"memory"`
	Goroutines float64 `json:"goroutines"`
	Reloads    float64 `json:"reloads"`
}

// Use is what Traefik took over some samples: their medians, and of a processor's time what it used in a second and for a reload.
type Use struct{ CPU, PerReload, Memory, Goroutines float64 }

// tolerance is by how much a gateway's use may be greater at the end than at the beginning, of one. What one collection of garbage leaves, the next one
// may not.
const tolerance = 0.15

// Begin is the first third of the samples.
func (s *Soak) Begin() Use { return useOf(s.Samples[:len(s.Samples)/3]) }

// End is the last third.
func (s *Soak) End() Use { return useOf(s.Samples[len(s.Samples)-len(s.Samples)/3:]) }

func useOf(samples []Sample) Use {
	if len(samples) < 2 {
		return Use{}
	}
	median := func(of func(Sample) float64) float64 {
		var values []float64
		for _, one := range samples {
			values = append(values, of(one))
		}
		return SpreadOf(values).Median
	}
	first, last := samples[0], samples[len(samples)-1]
	used := last.CPU - first.CPU
	return Use{
		CPU: Ratio(used, last.At-first.At), PerReload: Ratio(used, last.Reloads-first.Reloads),
		Memory: median(func(s Sample) float64 { return s.Memory }), Goroutines: median(func(s Sample) float64 { return s.Goroutines }),
	}
}

// uses are the figures of a use, as readers know them.
var uses = []struct {
	name string
	of   func(Use) float64
	// isTold says that it is shown and not held to anything, since other programs of the machine change it as much.
	isTold bool
}{
	{"cores busy", func(u Use) float64 { return u.CPU }, true},
	{"ms of a core for a reload", func(u Use) float64 { return 1000 * u.PerReload }, false},
	{"resident memory, MB", func(u Use) float64 { return u.Memory / 1e6 }, false},
	{"goroutines", func(u Use) float64 { return u.Goroutines }, false},
}

// Grown are the figures that are beyond the tolerance at the end, and those that are missing.
func (s *Soak) Grown() []string {
	var all []string
	begin, end := s.Begin(), s.End()
	for _, one := range uses {
		before, after := one.of(begin), one.of(end)
		switch {
		case before <= 0 || after <= 0:
			all = append(all, one.name+" is unknown")
		case !one.isTold && after > before*(1+tolerance):
			all = append(all, fmt.Sprintf("%s went from %s to %s", one.name, number(before), number(after)))
		}
	}
	return all
}

func (f *Figures) soak(p *page) {
	s := f.Soak
	if s == nil {
		return
	}
	p.say("### A gateway that is changed all the while\n")
	p.say("A Traefik has %d services with a limit in tokens by caller, all of which ask for the same %d keys, and counts tokens. A route beside them is changed %s times a second for %.0f seconds. Traefik",
		s.Services, s.Keys, number(Ratio(float64(s.Changes), s.Seconds)), s.Seconds)
	p.say("reloads %s times a second, and builds all that it has anew each time. Meanwhile %d requests of 1 kB are sent to all services: %d failed, and it took %s ms at the median and %s ms at the 99th",
		number(Ratio(float64(s.Reloads), s.Seconds)), s.Requests, s.Failed, number(s.P50), number(s.P99))
	p.say("percentile until they were answered. The figures are what Traefik tells of itself in the first third of that time, and in the last.\n")
	rows := [][]string{{"", "begin", "end", "more, %"}}
	for _, one := range uses {
		before, after := one.of(s.Begin()), one.of(s.End())
		rows = append(rows, []string{one.name, number(before), number(after), fmt.Sprintf("%+.1f", 100*(Ratio(after, before)-1))})
	}
	p.table(rows...)
	p.say("The aim is that time for a reload, memory and goroutines are at the end at most %.0f %% more than at the beginning: %s.\n", 100*tolerance, met(len(s.Grown()) == 0 && s.Failed == 0))
}

func met(isMet bool) string { return map[bool]string{true: "met", false: "**not met**"}[isMet] }
