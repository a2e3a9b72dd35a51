package traffic

import (
	"net/http"
	"slices"
	"syscall"
	"time"

	"github.com/modelplane/pulumi-modelplane/tests/bench/figures"
)

// way is how requests reach the model servers.
type way struct {
	name, url string
	header    http.Header
	// processes are those of another gateway, a group; 0 for none.
	processes int
}

// signal sends a signal to the processes of another gateway.
func (w way) signal(s syscall.Signal) {
	if w.processes != 0 {
		_ = syscall.Kill(-w.processes, s)
	}
}

// connections are how many there are at once.
var connections = []int{1, 16, 64}

// latency measures all ways in short turns, so that what the machine does meanwhile is the same for all. Each round begins with another one. Other
// gateways stand still while it is not their turn, as some work on without requests.
func latency(b *bench) {
	ways := []way{{name: "servers", url: "http://" + b.servers.addresses["quick0"] + "/v1"}, runEnvoy(b)}
	for _, name := range []string{byPlain, byAsked, byFronted} {
		ways = append(ways, way{name: name, url: b.direct(name)})
	}
	ways = append(ways, runRivals(b)...)
	defer func() {
		for _, w := range ways {
			w.signal(syscall.SIGKILL)
		}
	}()
	span := either(b, time.Second, 200*time.Millisecond)
	for _, w := range ways {
		load{url: w.url, header: w.header, connections: 16}.during(span)
		w.signal(syscall.SIGSTOP)
	}
	for round := range either(b, 10, 2) {
		for i := range ways {
			w := ways[(round+i)%len(ways)]
			w.signal(syscall.SIGCONT)
			for _, n := range connections {
				b.Turns = append(b.Turns, turn(w, round, n, span))
			}
			w.signal(syscall.SIGSTOP)
		}
	}
}

// turn is one turn of a way. The requests of its beginning, which open the connections, do not count.
func turn(w way, round, connections int, span time.Duration) figures.Turn {
	counted := time.Now().Add(span / 5)
	until := counted.Add(span)
	all := load{url: w.url, header: w.header, connections: connections}.while(func() bool { return time.Now().Before(until) })
	t := figures.Turn{Way: w.name, Round: round, Connections: connections}
	var took []float64
	last := until
	for _, one := range all {
		if one.began.Before(counted) {
			continue
		}
		t.Requests++
		if !one.isAnswered() {
			t.Failed++
			continue
		}
		took = append(took, figures.Milliseconds(one.took()))
		if one.ended.After(last) {
			last = one.ended
		}
	}
	slices.Sort(took)
	t.P50, t.P95, t.P99 = figures.Percentile(took, 50), figures.Percentile(took, 95), figures.Percentile(took, 99)
	t.PerSecond = float64(len(took)) / last.Sub(counted).Seconds()
	return t
}
