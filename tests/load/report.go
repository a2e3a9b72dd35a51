package load

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// keptFailures is how many failures a report lists; all are counted.
const keptFailures = 100

// Report is what became of a run's requests.
type Report struct {
	// Total is how many requests ended, well or not.
	Total int
	// Failed is how many of them were not accepted.
	Failed int
	// Failures are the first 100 of those.
	Failures []Failure
	// ByBackend counts accepted answers by the name that the model server reported; "" where an answer had none.
	ByBackend map[string]int
	// ByWay counts accepted answers by where the request arrived and as what.
	ByWay map[Way]int
	// P50, P99 and Max are how long accepted answers took, bodies included.
	P50, P99, Max time.Duration
	// LongestGap is the longest time without an accepted answer, the beginning and the end of the run included.
	LongestGap time.Duration
	// EndedEarly says why load had ended before it was stopped; empty if it had not. What was changed after that was not under load.
	EndedEarly string
}

// Way is how a request reached a model server: which one, with which path and query, and with which Host.
type Way struct{ Backend, Path, Host string }

// Kind is how a request failed.
type Kind string

// The kinds of failure.
const (
	// KindRefused is a connection that was refused.
	KindRefused Kind = "refused"
	// KindReset is a connection that was reset.
	KindReset Kind = "reset"
	// KindEOF is a connection that was closed before its answer was complete.
	KindEOF Kind = "eof"
	// KindTimeout is an answer that was not complete within Config.Timeout.
	KindTimeout Kind = "timeout"
	// KindStatus is an answer with a status other than 200 that Accept did not take.
	KindStatus Kind = "status"
	// KindAnswer is an answer of status 200 that Accept did not take.
	KindAnswer Kind = "answer"
	// KindLost is a request that Go's client sent twice, since the connection died under the first.
	KindLost Kind = "lost"
	// KindOther is everything else; Err says what.
	KindOther Kind = "other"
)

// Failure is one request that failed.
type Failure struct {
	// At is when the request began, Since how long after the start of the run, Took how long it took to fail.
	At          time.Time
	Since, Took time.Duration
	Kind        Kind
	// Status is 0 where no answer came.
	Status int
	Err    error
	// Reused is whether the connection had served other requests before.
	Reused bool
	// Backend and Path are what a model server reported; empty where none did.
	Backend, Path string
	// Excerpt is the beginning of the body.
	Excerpt string
}

// String is one line for a test's log.
func (f Failure) String() string {
	connection := "fresh"
	if f.Reused {
		connection = "kept"
	}
	return fmt.Sprintf("after %v, on a %s connection, for %v: %s: %v (backend %q, path %q, body %q)",
		f.Since.Round(time.Millisecond), connection, f.Took.Round(time.Millisecond), f.Kind, f.Err, f.Backend, f.Path, f.Excerpt)
}

// Err is nil only if requests were sent, all were accepted, and load did not end by itself.
func (r Report) Err() error {
	switch {
	case r.Failed > 0:
		var text strings.Builder
		fmt.Fprintf(&text, "%d of %d requests failed; the first:", r.Failed, r.Total)
		for _, failure := range r.Failures[:min(len(r.Failures), 5)] {
			text.WriteString("\n\t" + failure.String())
		}
		return errors.New(text.String())
	case r.EndedEarly != "":
		return fmt.Errorf("load ended by itself after %d requests: %s; what came after it was not tested", r.Total, r.EndedEarly)
	case r.Total == 0:
		return errors.New("no request was sent; wait for some with WaitFor")
	}
	return nil
}

// Share is the part of the accepted answers, 0 to 1, that came from this backend.
func (r Report) Share(backend string) float64 {
	accepted := r.Total - r.Failed
	if accepted == 0 {
		return 0
	}
	return float64(r.ByBackend[backend]) / float64(accepted)
}

// tally gathers outcomes as they come.
type tally struct {
	began        time.Time
	partial      Report
	latencies    []time.Duration
	lastAccepted time.Time
}

func newTally(began time.Time) tally {
	return tally{began: began, lastAccepted: began, partial: Report{ByBackend: map[string]int{}, ByWay: map[Way]int{}}}
}

func (t *tally) add(outcome outcome) {
	t.partial.Total++
	if outcome.err != nil {
		t.partial.Failed++
		if len(t.partial.Failures) < keptFailures {
			t.partial.Failures = append(t.partial.Failures, Failure{
				At: outcome.began, Since: outcome.began.Sub(t.began), Took: outcome.took,
				Kind: outcome.kind, Status: outcome.status, Err: outcome.err, Reused: outcome.reused,
				Backend: outcome.way.Backend, Path: outcome.way.Path, Excerpt: outcome.excerpt,
			})
		}
		return
	}
	t.partial.ByBackend[outcome.way.Backend]++
	t.partial.ByWay[outcome.way]++
	t.latencies = append(t.latencies, outcome.took)
	now := time.Now()
	t.partial.LongestGap = max(t.partial.LongestGap, now.Sub(t.lastAccepted))
	t.lastAccepted = now
}

// report ends the last gap when the run ended, and computes the percentiles.
func (t *tally) report(ended time.Time) Report {
	report := t.partial
	report.LongestGap = max(report.LongestGap, ended.Sub(t.lastAccepted))
	if n := len(t.latencies); n > 0 {
		slices.Sort(t.latencies)
		report.P50, report.P99, report.Max = t.latencies[n/2], t.latencies[n*99/100], t.latencies[n-1]
	}
	return report
}
