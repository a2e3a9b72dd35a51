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

// latency measures all ways at so many connections.
func latency(b *bench) {
	ways := []way{{name: "servers", url: "http://" + b.servers.addresses["quick0"] + "/v1"}, runEnvoy(b)}
	for _, name := range []string{byPlain, byAsked, byFronted} {
		ways = append(ways, way{name: name, url: b.direct(name)})
	}
	ways = append(ways, runRivals(b)...)
	span := either(b, time.Second, 200*time.Millisecond)
	warm := func(w way) { load{url: w.url, header: w.header, connections: 16}.during(span) }
	inTurns(ways, either(b, 10, 2), warm, func(w way, round int) {
		for _, n := range connections {
			t, _ := turn(w.name, load{url: w.url, header: w.header, connections: n}, round, span)
			b.Turns = append(b.Turns, t)
		}
	})
}

// inTurns gives all ways short turns, so that what the machine does meanwhile is the same for all. Each round begins with another one. Other gateways
// stand still while it is not their turn, as some work on without requests, and end after the last round.
func inTurns(ways []way, rounds int, warm func(way), take func(w way, round int)) {
	defer func() {
		for _, w := range ways {
			w.signal(syscall.SIGKILL)
		}
	}()
	for _, w := range ways {
		warm(w)
		w.signal(syscall.SIGSTOP)
	}
	for round := range rounds {
		for i := range ways {
			w := ways[(round+i)%len(ways)]
			w.signal(syscall.SIGCONT)
			take(w, round)
			w.signal(syscall.SIGSTOP)
		}
	}
}

// turn is one turn of a way. The requests of its beginning, which open the connections, do not count. The error is that of the first request that failed,
// whether it counts or not.
func turn(way string, l load, round int, span time.Duration) (figures.Turn, error) {
	counted := time.Now().Add(span / 5)
	until := counted.Add(span)
	all := l.while(func() bool { return time.Now().Before(until) })
	t := figures.Turn{Way: way, Round: round, Connections: l.connections}
	var failed error
	var took []float64
	last := until
	for _, one := range all {
		if !one.isAnswered() && failed == nil {
			failed = one.fault()
		}
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
	return t, failed
}
