package traffic

import (
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/bench/figures"
)

// faults has one of two backends fail under load: its process is killed, it answers 429 with Retry-After, it takes requests and says nothing.
func faults(b *bench) {
	s := b.servers
	for _, name := range []string{byPlain, byFronted} {
		s.start(b)
		fault(b, killed, name, func() {
			require.NoError(b, s.killed.Process.Signal(syscall.SIGKILL))
			_ = s.killed.Wait()
		})
		fault(b, busy, name, func() { s.isBusy.Store(true) })
		s.isBusy.Store(false)
		fault(b, hung, name, func() { s.isHung.Store(true) })
		s.isHung.Store(false)
	}
}

// fault is a service's load before and after one of its backends fails.
func fault(b *bench, kind, name string, begin func()) {
	before, after := either(b, 3*time.Second, time.Second), either(b, 8*time.Second, 4*time.Second)
	var at atomic.Pointer[time.Time]
	b.servers.asked.Store(0)
	time.AfterFunc(before, func() {
		now := time.Now()
		begin()
		at.Store(&now)
	})
	all := load{url: b.direct(kind + "-" + name), connections: 16, every: 40 * time.Millisecond}.during(before + after)
	f := figures.Fault{Kind: kind, Way: name, Asked: int(b.servers.asked.Load())}
	if kind == killed {
		f.Asked = -1
	}
	var p99 struct{ before, after []float64 }
	var ends []float64
	var failed []bool
	for _, one := range all {
		since := figures.Milliseconds(one.ended.Sub(*at.Load()))
		ends, failed = append(ends, since), append(failed, !one.isAnswered())
		took := figures.Milliseconds(one.took())
		if since < 0 {
			p99.before = append(p99.before, took)
			continue
		}
		f.Requests++
		f.Slowest = max(f.Slowest, took)
		if one.isAnswered() {
			p99.after = append(p99.after, took)
			continue
		}
		f.Failed++
		f.LastFailed = max(f.LastFailed, since)
	}
	slices.Sort(p99.before)
	slices.Sort(p99.after)
	f.P99Before, f.P99After = figures.Percentile(p99.before, 99), figures.Percentile(p99.after, 99)
	f.Steps = figures.StepsOf(ends, failed)
	b.Faults = append(b.Faults, f)
}
