package figures

import (
	"fmt"
	"slices"
	"strings"
)

// The goals of models by name, for a short request at one connection, at the median.
const (
	// usageGoal is how many milliseconds a catalog that counts tokens may take more than the plain route.
	usageGoal = 0.35
	// rivalGoal is which part that may be of what LiteLLM adds to no gateway.
	rivalGoal = 1.0 / 20
)

// modelPairs are the ways that are compared: what each option costs by itself, what all do together, and what LiteLLM takes beside them.
var modelPairs = [][2]string{
	{"renamed", "plain"},
	{"catalog", "renamed"},
	{"usage", "catalog"},
	{"limited", "usage"},
	{"usage", "plain"},
	{"limited", "plain"},
	{"usage", "servers"},
	{"limited", "servers"},
	{"litellm", "servers"},
	{"litellm", "limited"},
}

// of are the figures of one call.
func (f *Figures) of(c Call) *Figures {
	one := *f
	one.Turns = slices.DeleteFunc(slices.Clone(f.Turns), func(t Turn) bool { return t.Call != c })
	return &one
}

// calls are those that were measured, in the order of tables.
func (f *Figures) calls() []Call {
	var all []Call
	for _, t := range f.Turns {
		if !slices.Contains(all, t.Call) {
			all = append(all, t.Call)
		}
	}
	return all
}

func (c Call) String() string {
	name := fmt.Sprintf("%d kB", c.Body/1000)
	if c.Body >= 1_000_000 {
		name = fmt.Sprintf("%d MB", c.Body/1_000_000)
	}
	if c.IsStreamed {
		name += ", streamed"
	}
	return name
}

// added is how much more a way takes than another one, in milliseconds: at the median where isTail is false, and else at the 99th percentile.
func (f *Figures) added(way, other string, isTail bool) Spread {
	return f.Beside(way, other, 1, columns[map[bool]int{false: 0, true: 2}[isTail]].of, Difference)
}

func (f *Figures) has(way string) bool { return slices.Contains(f.ways(), way) }

// goals are whether each goal is met, in sentences.
func (f *Figures) goals() []string {
	short := f.of(Call{Body: 1000})
	if slices.ContainsFunc([]string{"plain", "usage", "limited", "litellm"}, func(way string) bool { return !short.has(way) }) {
		return []string{"Not all was measured that the aims are about: " + met(false) + "."}
	}
	usage := short.added("usage", "plain", false).Median
	rival := short.added("litellm", "servers", false).Median
	return []string{
		fmt.Sprintf("A catalog that counts tokens adds %s ms to the plain route. The aim is %s ms at most: %s. With callers' keys and a limit in tokens as well it adds %s ms.",
			number(usage), number(usageGoal), met(usage <= usageGoal), number(short.added("limited", "plain", false).Median)),
		fmt.Sprintf("That is 1/%.0f of the %s ms that LiteLLM adds to no gateway. The aim is 1/%.0f at most: %s. With what the plain route adds itself, it is 1/%.0f.",
			Ratio(rival, usage), number(rival), 1/rivalGoal, met(usage <= rivalGoal*rival), Ratio(rival, short.added("usage", "servers", false).Median)),
	}
}

// shortModels is what most readers come for.
func (f *Figures) shortModels(p *page) {
	for _, goal := range f.goals() {
		p.say("- %s", goal)
	}
}

func (f *Figures) models(p *page) {
	p.say("## Models by name\n")
	p.say("What it costs that the gateway reads and writes a request's `model`, and counts tokens: chat requests with bodies of several lengths, in which the model comes after the messages, as OpenAI's")
	p.say("clients write it, so that all of a body is read. There is one connection, which sends one request after another. Two model servers answer at once, in 50 tokens; streamed, each is an event.")
	p.say("They refuse what is not asked by their own name for the model and with their key, and every answer is compared with what they have written. Latencies are in milliseconds: the median over the")
	p.say("rounds, and the lowest and the highest round. A stream's is that of all of it.\n")
	f.run(p)
	p.say("- **No gateway**: one model server is asked directly.")
	p.say("- **Plain route**: a ModelService over two endpoints with a key. Clients write the servers' own name for the model.")
	p.say("- **Model**: the same, with `model` in the endpoints: the gateway writes the servers' name in place of the clients'.")
	p.say("- **Catalog**: that service behind a ModelCatalog.")
	p.say("- **Catalog, tokens**: the same on a gateway with `observability: {metrics: {}, tokens: true}`.")
	p.say("- **Catalog, tokens, limit**: the same with `auth`, and with a limit in tokens by caller.")
	p.say("- **LiteLLM**: its proxy with two processes, which asks for a key, finds the model and writes the servers' name. It has no database, and counts no tokens by caller.\n")
	for _, c := range f.calls() {
		one := f.of(c)
		p.say("### %s\n", c)
		rows := [][]string{{"", "p50", "p99", "p50, more than no gateway", "p99, more than no gateway", "requests", "failed"}}
		for _, way := range one.ways() {
			requests, failed := 0, 0
			for _, t := range one.Turns {
				if t.Way == way {
					requests, failed = requests+t.Requests, failed+t.Failed
				}
			}
			row := []string{nameOf(way), one.Over(way, 1, columns[0].of).ms(), one.Over(way, 1, columns[2].of).ms(), "", ""}
			if way != "servers" {
				row[3], row[4] = one.added(way, "servers", false).ms(), one.added(way, "servers", true).ms()
			}
			rows = append(rows, append(row, fmt.Sprint(requests), fmt.Sprint(failed)))
		}
		p.table(rows...)
	}
	p.say("![What each adds to the median latency, by the length of the body](%s)\n", addedFile)
	f.modelsBeside(p)
	for _, goal := range f.goals() {
		p.say("- %s", goal)
	}
	p.say("")
}

func (f *Figures) modelsBeside(p *page) {
	p.say("### What each option adds\n")
	p.say("How many milliseconds one takes more than the other in the same round, at the median and at the 99th percentile of its requests.\n")
	rows := [][]string{{""}}
	for _, c := range f.calls() {
		rows[0] = append(rows[0], c.String()+": p50", "p99")
	}
	for _, pair := range modelPairs {
		if !f.has(pair[0]) || !f.has(pair[1]) {
			continue
		}
		row := []string{nameOf(pair[0]) + " beside " + nameOf(pair[1])}
		for _, c := range f.calls() {
			row = append(row, f.of(c).added(pair[0], pair[1], false).ms(), f.of(c).added(pair[0], pair[1], true).ms())
		}
		rows = append(rows, row)
	}
	p.table(rows...)
}

const addedFile = "models.svg"

// addedPlot is what each way adds to no gateway, by call.
func (f *Figures) addedPlot() Plot {
	p := Plot{File: addedFile, Y: Axis{Label: "ms more than no gateway, p50", IsLog: true}}
	for _, c := range f.calls() {
		p.X.Names = append(p.X.Names, strings.ReplaceAll(c.String(), ",", ""))
	}
	for i, way := range f.ways() {
		if way == "servers" {
			continue
		}
		s := Series{Name: nameOf(way)}
		for x, c := range f.calls() {
			spread := f.of(c).added(way, "servers", false)
			// An axis with logarithms has no 0.
			s.Points = append(s.Points, Point{X: float64(x) + 0.08*float64(i-3), Y: max(spread.Median, 0.01), Low: max(spread.Low, 0.01), High: max(spread.High, 0.01)})
		}
		p.Series = append(p.Series, s)
	}
	return p
}
