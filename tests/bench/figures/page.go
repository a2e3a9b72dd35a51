package figures

import (
	"fmt"
	"slices"
	"strings"
)

// wayNames are the ways as readers know them, in the order of tables.
var wayNames = [][2]string{
	{"servers", "no gateway"},
	{"envoy", "Envoy"},
	{"plain", "plain route"},
	{"asked", "auth"},
	{"fronted", "auth, failover"},
	{"renamed", "model"},
	{"catalog", "catalog"},
	{"usage", "catalog, tokens"},
	{"limited", "catalog, tokens, limit"},
	{"litellm", "LiteLLM"},
	{"portkey", "Portkey"},
}

func nameOf(way string) string {
	for _, known := range wayNames {
		if known[0] == way {
			return known[1]
		}
	}
	return way
}

// column is a figure of a turn.
type column struct {
	name string
	of   func(Turn) float64
}

var columns = []column{
	{"p50", func(t Turn) float64 { return t.P50 }},
	{"p95", func(t Turn) float64 { return t.P95 }},
	{"p99", func(t Turn) float64 { return t.P99 }},
	{"requests a second", func(t Turn) float64 { return t.PerSecond }},
}

// ways are those that were measured, in the order of tables.
func (f *Figures) ways() []string {
	var all []string
	for _, known := range wayNames {
		if slices.ContainsFunc(f.Turns, func(t Turn) bool { return t.Way == known[0] }) {
			all = append(all, known[0])
		}
	}
	return all
}

func (f *Figures) names() []string {
	var all []string
	for _, way := range f.ways() {
		all = append(all, nameOf(way))
	}
	return all
}

func (f *Figures) connections() []int {
	var all []int
	for _, t := range f.Turns {
		if !slices.Contains(all, t.Connections) {
			all = append(all, t.Connections)
		}
	}
	return all
}

func (f *Figures) streamWays() []string {
	var all []string
	for _, s := range f.Streams {
		if !slices.Contains(all, s.Way) {
			all = append(all, s.Way)
		}
	}
	return all
}

// late is a percentile of lateness over the rounds.
func (f *Figures) late(way string, percent int) Spread {
	var values []float64
	for _, s := range f.Streams {
		if s.Way == way {
			values = append(values, s.Late[percent])
		}
	}
	return SpreadOf(values)
}

// FiguresFile and ModelsFile are the names of the figures beside the page: those of make bench-traffic, and of make bench-models.
const (
	FiguresFile = "figures.json"
	ModelsFile  = "models.json"
)

// page is the page so far.
type page struct{ strings.Builder }

func (p *page) say(format string, values ...any) { fmt.Fprintf(p, format+"\n", values...) }

// table is one with a row for each of these; the first is its head.
func (p *page) table(rows ...[]string) {
	for i, row := range rows {
		p.say("| %s |", strings.Join(row, " | "))
		if i == 0 {
			p.say("|%s", strings.Repeat("---|", len(row)))
		}
	}
	p.say("")
}

func (s Spread) ms() string {
	return fmt.Sprintf("%s (%s to %s)", number(s.Median), number(s.Low), number(s.High))
}

// number has three digits that count.
func number(value float64) string {
	size := max(value, -value)
	switch {
	case size >= 100:
		return fmt.Sprintf("%.0f", value)
	case size >= 10:
		return fmt.Sprintf("%.1f", value)
	case size >= 1:
		return fmt.Sprintf("%.2f", value)
	default:
		return fmt.Sprintf("%.3f", value)
	}
}

// Page is docs/benchmarks/README.md, of the figures of both runs. One that is nil is left out.
func Page(traffic, models *Figures) string {
	p := &page{}
	p.say("# Benchmarks: traffic\n")
	p.say("<!-- Written by make bench-traffic and make bench-models. Change tests/bench/figures instead. -->\n")
	p.say("What a gateway costs its requests, and what clients see of failures. All figures are from one run, in which the candidates took turns%s.",
		map[bool]string{true: "; those of [models by name](#models-by-name) are from another one"}[models != nil])
	p.say("The clients, the model servers and the gateways shared the cores of one machine, so that ratios tell more than the figures themselves.\n")
	if traffic != nil {
		traffic.short(p)
	}
	if models != nil {
		models.shortModels(p)
	}
	p.say("")
	if traffic != nil {
		p.say("## The run\n")
		traffic.run(p)
		traffic.latency(p)
		traffic.faults(p)
		traffic.splits(p)
		traffic.streams(p)
		traffic.drain(p)
		traffic.memory(p)
	}
	if models != nil {
		models.models(p)
		models.soak(p)
	}
	p.say("## Run it again\n")
	p.say("<!-- not run: takes a quarter of an hour, on a machine that does nothing else -->")
	p.say("```sh\nmake bench-traffic\nmake bench-models\n```\n")
	p.say("They write this page, its plots, and the figures that they are made of: [those of traffic](%s)%s. With `QUICK=1` they are tried out in a few minutes, and write into", FiguresFile,
		map[bool]string{true: " and [those of models by name](" + ModelsFile + ")"}[models != nil])
	p.say("`bin/benchmarks` what means nothing. LiteLLM and Portkey are installed from PyPI and npm into `bin/rivals`; without Python or Node.js they are left out.")
	return p.String()
}

// short is what most readers come for.
func (f *Figures) short(p *page) {
	p.say("- Callers' keys and failover add %s ms to the median latency of the plain route, at one connection.",
		number(f.Beside("fronted", "plain", 1, columns[0].of, Difference).Median))
	for _, way := range []string{"fronted", "plain"} {
		var failed []string
		for _, fault := range f.Faults {
			if fault.Way == way {
				failed = append(failed, fmt.Sprintf("%d of %d when %s", fault.Failed, fault.Requests, faultNames[fault.Kind]))
			}
		}
		p.say("- One of two backends fails, %s failover. Requests that failed: %s.", map[bool]string{true: "with", false: "without"}[way == "fronted"], strings.Join(failed, "; "))
	}
	p.say("- A service's split by weights is off by at most %s %% of its requests.", number(f.worstSplit()))
	if d := f.Drain; d != nil {
		p.say("- A replica of the gateway ends while it serves %d streams: %d are cut, and %d of %d short requests fail.", d.Streams, d.Cut, d.Failed, d.Requests)
	}
}

func (f *Figures) run(p *page) {
	m := f.Machine
	rows := [][]string{{"", ""}, {"Date", f.Began.Format("2006-01-02 15:04 MST")}, {"Took", fmt.Sprintf("%.0f minutes", f.Minutes)}}
	rows = append(rows, []string{"Machine", fmt.Sprintf("%d cores of %s, %.0f GB of memory, Linux %s; load average at the start %.1f", m.Cores, m.CPU, m.MemoryGB, m.Kernel, m.Load)})
	for _, known := range [][2]string{{"modelplane", "Modelplane"}, {"traefik", "Traefik"}, {"envoy", "Envoy"}, {"litellm", "LiteLLM"}, {"portkey", "Portkey"}} {
		version, why := f.Versions[known[0]], f.Absent[known[0]]
		if version != "" || why != "" {
			rows = append(rows, []string{known[1], strings.TrimSpace(version + " " + strings.ReplaceAll(why, "|", "\\|"))})
		}
	}
	p.table(append(rows, []string{"Model servers and clients", m.Go})...)
}

func (f *Figures) latency(p *page) {
	p.say("## What a request costs\n")
	p.say("A short chat request to two model servers in turn, which answer at once. Each connection sends one request after another. Latencies are in milliseconds: the")
	p.say("median over the rounds, and the lowest and the highest round.\n")
	p.say("- **No gateway**: one model server is asked directly.")
	p.say("- **Envoy**: a route with weights and a key for the servers, in two threads. It has one rewrite for both, as it cannot have one for each.")
	p.say("- **Plain route**: a ModelService over two endpoints with a key.")
	p.say("- **Auth**: the same with `auth`, which asks callers for keys.")
	p.say("- **Auth, failover**: the same with `auth` and `failover`: the front.")
	p.say("- **LiteLLM**: its proxy with two processes, which asks for a key. **Portkey**: its gateway, which asks for none. Both parse requests and answers, as Modelplane does not.\n")
	for _, n := range f.connections() {
		many := map[bool]string{true: "1 connection", false: fmt.Sprint(n, " connections")}[n == 1]
		p.say("### %s\n", many)
		p.say("![Latencies by gateway at %s](%s)\n", many, latencyFile(n))
		rows := [][]string{{""}}
		for _, c := range columns {
			rows[0] = append(rows[0], c.name)
		}
		rows[0] = append(rows[0], "failed")
		for _, way := range f.ways() {
			row := []string{nameOf(way)}
			for _, c := range columns {
				row = append(row, f.Over(way, n, c.of).ms())
			}
			failed := 0
			for _, t := range f.Turns {
				if t.Way == way && t.Connections == n {
					failed += t.Failed
				}
			}
			rows = append(rows, append(row, fmt.Sprint(failed)))
		}
		p.table(rows...)
	}
	p.say("![Requests a second by connections](%s)\n", rateFile)
	p.say("### Side by side\n")
	p.say("Each round's figure divided by the other's in the same round: the median, and the lowest and the highest round. The second column is a difference.\n")
	rows := [][]string{{"", "connections", "p50, ms more", "p50", "p95", "p99", "requests a second"}}
	for _, pair := range [][2]string{{"plain", "envoy"}, {"asked", "plain"}, {"fronted", "plain"}, {"litellm", "fronted"}, {"portkey", "fronted"}} {
		for _, n := range f.connections() {
			if !slices.Contains(f.ways(), pair[0]) || !slices.Contains(f.ways(), pair[1]) {
				continue
			}
			row := []string{nameOf(pair[0]) + " beside " + nameOf(pair[1]), fmt.Sprint(n), f.Beside(pair[0], pair[1], n, columns[0].of, Difference).ms()}
			for _, c := range columns {
				row = append(row, f.Beside(pair[0], pair[1], n, c.of, Ratio).ms())
			}
			rows = append(rows, row)
		}
	}
	p.table(rows...)
	p.say("The aim for the front is 0.25 ms more than the plain route at one connection.\n")
}
