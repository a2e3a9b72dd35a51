package figures

import "fmt"

var faultNames = map[string]string{
	"killed": "its process is killed", "busy": "it answers 429 with `Retry-After: 3`", "hung": "it takes requests and does not answer",
}

func (f *Figures) faults(p *page) {
	p.say("## A backend fails\n")
	p.say("One of two backends of equal weight fails under 400 requests a second from 16 clients. The front's `headerTimeout` is one second; a client waits for ten,")
	p.say("and sends nothing meanwhile. Requests are those that ended after the failure. The aim is that none fails.\n")
	rows := [][]string{{"the backend", "", "requests", "failed", "last failed after, s", "reached the backend", "p99 before, ms", "p99 after, ms", "slowest, ms"}}
	for _, kind := range []string{"killed", "busy", "hung"} {
		for _, fault := range f.Faults {
			if fault.Kind != kind {
				continue
			}
			last, asked := "none failed", "unknown"
			if fault.Failed > 0 {
				last = number(fault.LastFailed / 1000)
			}
			if fault.Asked >= 0 {
				asked = fmt.Sprint(fault.Asked)
			}
			rows = append(rows, []string{
				faultNames[kind], nameOf(fault.Way), fmt.Sprint(fault.Requests), fmt.Sprint(fault.Failed), last, asked,
				number(fault.P99Before), number(fault.P99After), number(fault.Slowest),
			})
		}
	}
	p.table(rows...)
	p.say("The load ended some seconds after the failure. Without failover, requests fail until the backend is back.\n")
	p.say("![Requests that failed before and after the death of a backend](%s)\n", faultFile)
}

func (f *Figures) splits(p *page) {
	p.say("## Weights\n")
	p.say("By how many requests the backend that is furthest off got more or less than its share. One Traefik; each replica of a gateway shares its own requests.\n")
	rows := [][]string{{"weights", "", "requests", "failed", "counts", "error, requests", "error, % of requests"}}
	for _, s := range f.Splits {
		rows = append(rows, []string{
			list(s.Weights), nameOf(s.Way), fmt.Sprint(s.Requests), fmt.Sprint(s.Failed), list(s.Counts), number(s.Error()), number(s.percent()),
		})
	}
	p.say("The largest error is %s %% of the requests. The aim is 0.1 %% at most.\n", number(f.worstSplit()))
	p.say("![Error of the split by set of weights](%s)\n", splitFile)
	p.say("<details><summary>All sets</summary>\n")
	p.table(rows...)
	p.say("</details>\n")
}

// percent is a split's error in percent of its requests.
func (s Split) percent() float64 { return 100 * Ratio(s.Error(), float64(s.Requests)) }

func (f *Figures) worstSplit() float64 {
	worst := 0.0
	for _, s := range f.Splits {
		worst = max(worst, s.percent())
	}
	return worst
}

func list(numbers []int) string {
	text := ""
	for i, n := range numbers {
		if i > 0 {
			text += " : "
		}
		text += fmt.Sprint(n)
	}
	return text
}

func (f *Figures) streams(p *page) {
	if len(f.Streams) == 0 {
		return
	}
	p.say("## Streams\n")
	p.say("%d event streams at once, a chunk every 50 ms in each. A chunk is late by the time from its sending to its arrival, in milliseconds.\n", f.Streams[0].Streams)
	rows := [][]string{{"", "chunks", "lost", "p50", "p99", "latest"}}
	for _, way := range f.streamWays() {
		chunks, lost := 0, 0
		for _, s := range f.Streams {
			if s.Way == way {
				chunks += s.Chunks
				lost += s.Lost
			}
		}
		rows = append(rows, []string{nameOf(way), fmt.Sprint(chunks), fmt.Sprint(lost), f.late(way, 50).ms(), f.late(way, 99).ms(), f.late(way, 100).ms()})
	}
	p.table(rows...)
	p.say("![How late chunks arrived](%s)\n", streamsFile)
}

func (f *Figures) drain(p *page) {
	d := f.Drain
	if d == nil {
		return
	}
	p.say("## A Traefik ends\n")
	p.say("The gateway's Pod is replaced, as `kubectl rollout restart` does, while it serves streams, half of them by the front, and while short requests come all the time.\n")
	p.table([]string{"streams", "cut", "chunks", "lost", "last stream ended after, s", "process gone after, s", "short requests", "failed"}, []string{
		fmt.Sprint(d.Streams), fmt.Sprint(d.Cut), fmt.Sprint(d.Chunks), fmt.Sprint(d.Lost), number(d.Longest), number(d.Gone), fmt.Sprint(d.Requests), fmt.Sprint(d.Failed),
	})
	p.say("Times are from the moment at which the old Pod was told to end.\n")
}

func (f *Figures) memory(p *page) {
	if len(f.Memory) == 0 {
		return
	}
	p.say("## Memory\n")
	p.say("Requests at once with a body of %s MB each, to a Traefik that has just started. The model server answers none before it has all that come. The peak is that of Traefik's", number(float64(f.Memory[0].Body)/1e6))
	p.say("resident memory, what it has without requests included. Bodies may take 1 GiB where the gateway has no `resources.limits.memory`. Requests beyond that are refused: they are answered")
	p.say("503 with `Retry-After`, and did not fail.\n")
	rows := [][]string{{"", "requests", "answered", "refused", "failed", "bytes in flight, MB", "memory before, MB", "peak, MB", "peak beside bytes in flight"}}
	for _, m := range f.Memory {
		rows = append(rows, []string{
			nameOf(m.Way), fmt.Sprint(m.Requests), fmt.Sprint(m.Answered), fmt.Sprint(m.Refused), fmt.Sprint(m.Failed), number(m.InFlight() / 1e6),
			number(float64(m.Before) / 1e6), number(float64(m.Peak) / 1e6), number(Ratio(float64(m.Peak), m.InFlight())),
		})
	}
	p.table(rows...)
	p.say("The aim is four times the bytes in flight at most.\n")
}
