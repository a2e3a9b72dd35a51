package figures

import (
	"fmt"
)

// Plot, Axis, Series and Point are what the command plots, in a module of its own, draws.
type (
	// Plot is one file.
	Plot struct {
		File   string   `json:"file"`
		X      Axis     `json:"x"`
		Y      Axis     `json:"y"`
		Series []Series `json:"series"`
	}
	// Axis is one side of a plot.
	Axis struct {
		Label string   `json:"label"`
		Names []string `json:"names,omitempty"`
		IsLog bool     `json:"isLog,omitempty"`
		Low   *float64 `json:"low,omitempty"`
		High  *float64 `json:"high,omitempty"`
	}
	// Series is points that belong together.
	Series struct {
		Name    string  `json:"name"`
		IsLine  bool    `json:"isLine,omitempty"`
		IsLimit bool    `json:"isLimit,omitempty"`
		Points  []Point `json:"points"`
	}
	// Point has a bar from Low to High, where they differ.
	Point struct {
		X    float64 `json:"x"`
		Y    float64 `json:"y"`
		Low  float64 `json:"low"`
		High float64 `json:"high"`
	}
)

// Plots are all plots of the page.
func Plots(traffic, models *Figures) []Plot {
	var plots []Plot
	if f := traffic; f != nil {
		for _, n := range f.connections() {
			plots = append(plots, f.latencyPlot(n))
		}
		plots = append(plots, f.ratePlot(), f.faultPlot(), f.splitPlot(), f.streamsPlot())
	}
	if models != nil {
		plots = append(plots, models.addedPlot())
	}
	return plots
}

func (f *Figures) latencyPlot(connections int) Plot {
	p := Plot{File: latencyFile(connections), X: Axis{Names: f.names()}, Y: Axis{Label: "latency in ms", IsLog: true}}
	for i, c := range columns[:3] {
		s := Series{Name: c.name}
		for x, way := range f.ways() {
			spread := f.Over(way, connections, c.of)
			s.Points = append(s.Points, Point{X: float64(x) + 0.15*float64(i-1), Y: spread.Median, Low: spread.Low, High: spread.High})
		}
		p.Series = append(p.Series, s)
	}
	return p
}

func latencyFile(connections int) string { return fmt.Sprintf("latency-%d.svg", connections) }

const (
	rateFile    = "rate.svg"
	faultFile   = "killed.svg"
	splitFile   = "splits.svg"
	streamsFile = "streams.svg"
)

func (f *Figures) ratePlot() Plot {
	p := Plot{File: rateFile, X: Axis{Label: "connections"}, Y: Axis{Label: "requests a second", IsLog: true}}
	for _, n := range f.connections() {
		p.X.Names = append(p.X.Names, fmt.Sprint(n))
	}
	for _, way := range f.ways() {
		s := Series{Name: nameOf(way), IsLine: true}
		for x, n := range f.connections() {
			spread := f.Over(way, n, columns[3].of)
			s.Points = append(s.Points, Point{X: float64(x), Y: spread.Median, Low: spread.Low, High: spread.High})
		}
		p.Series = append(p.Series, s)
	}
	return p
}

// faultPlot is the part of requests that failed, before and after a backend's process was killed.
func (f *Figures) faultPlot() Plot {
	p := Plot{
		File: faultFile, X: Axis{Label: "seconds from the death of a backend"},
		Y: Axis{Label: "% of requests that failed", Low: new(-2.0), High: new(100.0)},
	}
	for _, fault := range f.Faults {
		if fault.Kind != "killed" {
			continue
		}
		s := Series{Name: nameOf(fault.Way), IsLine: true}
		// The load has ended within the last step.
		for _, step := range fault.Steps[:max(len(fault.Steps)-1, 0)] {
			s.Points = append(s.Points, Point{X: step.At / 1000, Y: 100 * Ratio(float64(step.Failed), float64(step.Ended))})
		}
		p.Series = append(p.Series, s)
	}
	return p
}

func (f *Figures) splitPlot() Plot {
	p := Plot{File: splitFile, X: Axis{Label: "set of weights"}, Y: Axis{Label: "error in % of the requests", Low: new(0.0)}}
	byWay := map[string]int{}
	most := 0.0
	for _, split := range f.Splits {
		if _, has := byWay[split.Way]; !has {
			byWay[split.Way] = len(p.Series)
			p.Series = append(p.Series, Series{Name: nameOf(split.Way)})
		}
		s := &p.Series[byWay[split.Way]]
		most = max(most, float64(len(s.Points)+1))
		s.Points = append(s.Points, Point{X: float64(len(s.Points) + 1), Y: split.percent()})
	}
	p.Series = append(p.Series, Series{Name: "the aim: 0.1 %", IsLimit: true, Points: []Point{{X: 1, Y: 0.1}, {X: most, Y: 0.1}}})
	return p
}

// streamsPlot is the part of all chunks that had arrived after so long.
func (f *Figures) streamsPlot() Plot {
	p := Plot{File: streamsFile, X: Axis{Label: "ms from a chunk's sending to its arrival", IsLog: true}, Y: Axis{Label: "% of chunks", Low: new(0.0), High: new(100.0)}}
	for _, way := range f.streamWays() {
		s := Series{Name: nameOf(way), IsLine: true}
		for percent := range 101 {
			// An axis with logarithms has no 0.
			s.Points = append(s.Points, Point{X: max(f.late(way, percent).Median, 0.01), Y: float64(percent)})
		}
		p.Series = append(p.Series, s)
	}
	return p
}
