package traffic

import (
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/bench/figures"
)

// memory has large requests under way at once, each time with a Traefik that has just started: as many as fit into the memory that it has for bodies,
// and more.
func memory(b *bench) {
	body := strings.Repeat("x", 1_000_000)
	for _, count := range either(b, []int{500, 500, 1500}, []int{50}) {
		for _, name := range []string{byPlain, byFronted} {
			process := b.freshTraefik()
			m := figures.Memory{Way: name, Requests: count, Body: int64(len(body)), Before: b.memoryOf(process, "VmRSS")}
			m.Together = b.holdAll(load{url: b.direct("held-" + name), body: body}, &m)
			m.Peak = b.memoryOf(process, "VmHWM")
			b.Memory = append(b.Memory, m)
		}
	}
}

// freshTraefik ends the gateway's process, and waits for the next one to serve.
func (b *bench) freshTraefik() int {
	b.Helper()
	old := b.traefik()
	require.NoError(b, syscall.Kill(old, syscall.SIGKILL))
	process := b.traefik(old)
	require.Eventually(b, func() bool {
		one := load{url: b.direct(byFronted)}.send(&http.Client{Timeout: time.Second})
		return one.isAnswered()
	}, 2*time.Minute, 100*time.Millisecond, "the gateway does not come back")
	time.Sleep(2 * time.Second)
	return process
}

// holdAll sends requests at once, lets the server answer once no more of them come, and gives how many it had together.
func (b *bench) holdAll(l load, m *figures.Memory) int {
	held := b.servers.held
	held.begin()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: m.Requests}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	answers := make(chan sent, m.Requests)
	var senders sync.WaitGroup
	for range m.Requests {
		senders.Go(func() { answers <- l.send(client) })
	}
	for {
		time.Sleep(50 * time.Millisecond)
		waiting, quiet := held.state()
		if waiting+len(answers) == m.Requests || quiet > 10*time.Second {
			break
		}
	}
	time.Sleep(500 * time.Millisecond)
	together, _ := held.state()
	close(held.release)
	senders.Wait()
	for range m.Requests {
		switch one := <-answers; {
		case one.isAnswered():
			m.Answered++
		case one.isRefused:
			m.Refused++
		default:
			b.Logf("a request of 1 MB by %s failed after %v: status %d, %v", m.Way, one.took(), one.status, one.err)
			m.Failed++
		}
	}
	return together
}
