package load

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Run is load under way.
type Run struct {
	config Config
	kept   *http.Transport
	fresh  *http.Transport
	began  time.Time

	stop     context.CancelCauseFunc
	finished chan struct{}
	// ended and endedAt say why and when the last request was handed out; set before finished is closed.
	ended   error
	endedAt time.Time

	mu      sync.Mutex
	tally   tally
	waiters []*waiter
}

// waiter waits for requests that began after it did.
type waiter struct {
	since time.Time
	left  int
	done  chan struct{}
}

// Why a run ends. A context's own error is a fourth reason.
var (
	errStopped     = errors.New("stopped")
	errMaxRequests = errors.New("it reached MaxRequests")
	errMaxDuration = errors.New("it reached MaxDuration")
)

// Start sends requests until Stop, until ctx ends, or until a bound of config is reached, whichever is first.
func Start(ctx context.Context, config Config) *Run {
	config = withDefaults(config)
	run := &Run{config: config, began: time.Now(), finished: make(chan struct{})}
	run.tally = newTally(run.began)
	run.kept = config.Transport.Clone()
	run.kept.MaxIdleConnsPerHost = config.Workers
	run.fresh = config.Transport.Clone()
	run.fresh.DisableKeepAlives = true

	// Requests under way outlive ctx: cut by it they would look like failures of the far end.
	requests := context.WithoutCancel(ctx)
	ctx, run.stop = context.WithCancelCause(ctx)
	ctx, release := context.WithTimeoutCause(ctx, config.MaxDuration, errMaxDuration)
	jobs := make(chan int)
	var workers sync.WaitGroup
	for range config.Workers {
		workers.Go(func() {
			for number := range jobs {
				run.note(run.send(requests, number))
			}
		})
	}
	go func() {
		run.ended = run.schedule(ctx, jobs)
		run.endedAt = time.Now()
		workers.Wait()
		release()
		run.stop(nil)
		run.kept.CloseIdleConnections()
		close(run.finished)
	}()
	return run
}

// schedule hands out requests by number at the configured rate, and returns why it ended. Where all workers are busy it
// does not catch up later: the rate is a ceiling.
func (r *Run) schedule(ctx context.Context, jobs chan<- int) error {
	defer close(jobs)
	ticker := time.NewTicker(time.Second / time.Duration(r.config.RatePerSecond))
	defer ticker.Stop()
	for number := range r.config.MaxRequests {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case jobs <- number:
		}
	}
	return errMaxRequests
}

// note adds an outcome to the tally and wakes those who waited for it.
func (r *Run) note(outcome outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tally.add(outcome)
	r.waiters = slices.DeleteFunc(r.waiters, func(waiter *waiter) bool {
		if outcome.began.Before(waiter.since) {
			return false
		}
		waiter.left--
		if waiter.left == 0 {
			close(waiter.done)
		}
		return waiter.left == 0
	})
}

// WaitFor returns when n requests that began after this call have ended, well or not. It fails if ctx or the run ends
// first.
func (r *Run) WaitFor(ctx context.Context, n int) error {
	if n <= 0 {
		return nil
	}
	waiter := &waiter{since: time.Now(), left: n, done: make(chan struct{})}
	r.mu.Lock()
	r.waiters = append(r.waiters, waiter)
	r.mu.Unlock()
	select {
	case <-waiter.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("load: gave up waiting for %d more requests: %w", n, context.Cause(ctx))
	case <-r.finished:
	}
	// The run may have ended with the very request that was waited for.
	select {
	case <-waiter.done:
		return nil
	default:
		return fmt.Errorf("load: the run ended before %d more requests were answered: %w", n, r.ended)
	}
}

// Stop sends no more, waits for requests under way, and reports. A second Stop gives the same report.
func (r *Run) Stop() Report {
	r.stop(errStopped)
	<-r.finished
	return r.report(errStopped)
}

// Do sends exactly config.MaxRequests requests and reports. A report of fewer, since ctx or MaxDuration ended the run, has
// EndedEarly set.
func Do(ctx context.Context, config Config) Report {
	run := Start(ctx, config)
	<-run.finished
	return run.report(errMaxRequests)
}

// report is the tally; the run should have ended for the reason given.
func (r *Run) report(want error) Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	report := r.tally.report(r.endedAt)
	if !errors.Is(r.ended, want) {
		report.EndedEarly = r.ended.Error()
	}
	return report
}
