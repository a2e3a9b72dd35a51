package load_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/load"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// Catches counts that go to the wrong backend or way, or that leave an answer out: a proxy deals 3 to 1.
func TestAnswersAreCountedByBackendAndWay(t *testing.T) {
	alpha, beta := model(t, "alpha", "/v1"), model(t, "beta", "/openai/v1")
	var dealt atomic.Int32
	proxy := serve(t, (&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		to := alpha
		if dealt.Add(1)%4 == 0 {
			to = beta
		}
		target, err := url.Parse(to.URL())
		assert.NoError(t, err)
		r.SetURL(target)
	}}).ServeHTTP)

	counts, failures := load.Split(t.Context(), proxy.URL, 100)
	assert.Empty(t, failures)
	assert.Equal(t, map[string]int{"alpha": 75, "beta": 25}, counts)
	assert.NoError(t, load.Within(counts, map[string]int{"alpha": 3, "beta": 1}, 0))

	report := load.Do(t.Context(), load.Config{URL: proxy.URL, MaxRequests: 40, RatePerSecond: 1_000})
	require.NoError(t, report.Err())
	assert.InDelta(t, 0.75, report.Share("alpha"), 1e-9)
	assert.InDelta(t, 0.25, report.Share("beta"), 1e-9)
	assert.Zero(t, report.Share("gamma"))
	assert.Equal(t, map[load.Way]int{
		{Backend: "alpha", Path: "/v1/chat/completions", Host: alpha.Address()}:      30,
		{Backend: "beta", Path: "/openai/v1/chat/completions", Host: beta.Address()}: 10,
	}, report.ByWay)
	assert.Equal(t, 140, alpha.Count()+beta.Count())
	assert.Positive(t, report.P50)
	assert.LessOrEqual(t, report.P50, report.P99)
	assert.LessOrEqual(t, report.P99, report.Max)
}

// Catches a mix that is none: kept requests on connections of their own, or fresh ones on kept connections.
func TestConnectionsAreKeptFreshOrMixed(t *testing.T) {
	for connections, want := range map[load.Connections]int32{load.Kept: 1, load.Fresh: 20, load.Mixed: 11} {
		var opened atomic.Int32
		server := httptest.NewUnstartedServer(http.HandlerFunc(answerEmpty))
		server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				opened.Add(1)
			}
		}
		server.Start()
		report := load.Do(t.Context(), load.Config{
			URL: server.URL, MaxRequests: 20, Workers: 1, RatePerSecond: 1_000, Connections: connections,
		})
		server.Close()
		assert.NoError(t, report.Err())
		assert.Equal(t, want, opened.Load(), "connections for mode %d", connections)
	}
}

// Catches a WaitFor that is satisfied by requests from before the change it is meant to follow.
func TestWaitForCountsOnlyRequestsThatBeganLater(t *testing.T) {
	var changed atomic.Bool
	var after atomic.Int32
	gate := make(chan struct{})
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if changed.Load() {
			after.Add(1)
		} else {
			<-gate
		}
		write(w, "{}")
	})
	run := load.Start(t.Context(), load.Config{URL: server.URL, Workers: 3, RatePerSecond: 1_000})
	time.Sleep(50 * time.Millisecond) // all three workers wait at the gate
	changed.Store(true)
	time.AfterFunc(20*time.Millisecond, func() { close(gate) })
	require.NoError(t, run.WaitFor(t.Context(), 10))
	assert.GreaterOrEqual(t, after.Load(), int32(10))
	assert.NoError(t, run.Stop().Err())
}

// Catches waiting for ever for requests that will never be sent.
func TestWaitForFailsWhenTheRunOrTheContextEnds(t *testing.T) {
	server := serve(t, answerEmpty)
	run := load.Start(t.Context(), load.Config{URL: server.URL, MaxRequests: 5})
	assert.ErrorContains(t, run.WaitFor(t.Context(), 6), "it reached MaxRequests")

	run = load.Start(t.Context(), load.Config{URL: server.URL, RatePerSecond: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, run.WaitFor(ctx, 1000), context.DeadlineExceeded)
	run.Stop()
}

// Catches the vacuous test: load that was over before the change, or that never began, must not count as load that went well.
func TestLoadThatEndedByItselfIsReported(t *testing.T) {
	server := serve(t, answerEmpty)
	cases := map[string]load.Config{
		"it reached MaxRequests": {MaxRequests: 5},
		"it reached MaxDuration": {MaxDuration: 50 * time.Millisecond},
	}
	for want, config := range cases {
		config.URL = server.URL
		run := load.Start(t.Context(), config)
		require.Error(t, run.WaitFor(t.Context(), 1_000_000), "the bound was not kept")
		report := run.Stop()
		assert.Equal(t, want, report.EndedEarly)
		assert.Zero(t, report.Failed)
		assert.ErrorContains(t, report.Err(), "load ended by itself")
		assert.Equal(t, report, run.Stop(), "a second Stop reports the same")
	}
	report := load.Start(t.Context(), load.Config{URL: server.URL, RatePerSecond: 1}).Stop()
	assert.ErrorContains(t, report.Err(), "no request was sent")

	ended, end := context.WithCancel(t.Context())
	end()
	counts, failures := load.Split(ended, server.URL, 10)
	assert.Empty(t, counts)
	require.Len(t, failures, 1)
	assert.ErrorContains(t, failures[0].Err, "only 0 of 10 requests were sent")
}

// Catches a rate that workers multiply, or that is made up for after a stall.
func TestRateIsACeiling(t *testing.T) {
	server := serve(t, answerEmpty)
	begun := time.Now()
	run := load.Start(t.Context(), load.Config{URL: server.URL, RatePerSecond: 50, Workers: 16})
	require.NoError(t, run.WaitFor(t.Context(), 15))
	report := run.Stop()
	assert.LessOrEqual(t, report.Total, int(time.Since(begun).Seconds()*50)+1)
	assert.NoError(t, report.Err())
}

// Catches requests that are cut when the run ends, which would look like failures of the far end.
func TestRequestsUnderWayFinishWhenTheContextEnds(t *testing.T) {
	arrived := make(chan struct{}, 100)
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		time.Sleep(100 * time.Millisecond)
		write(w, "{}")
	})
	ctx, cancel := context.WithCancel(t.Context())
	run := load.Start(ctx, load.Config{URL: server.URL})
	<-arrived
	cancel()
	report := run.Stop()
	assert.Positive(t, report.Total)
	assert.Zero(t, report.Failed, "%v", report.Failures)
	assert.Equal(t, "context canceled", report.EndedEarly)
}

// Catches a stall that no single failure shows.
func TestStallIsSeenInLatencyAndGap(t *testing.T) {
	var stalled atomic.Bool
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if stalled.CompareAndSwap(false, true) {
			time.Sleep(200 * time.Millisecond)
		}
		write(w, "{}")
	})
	begun := time.Now()
	report := load.Do(t.Context(), load.Config{URL: server.URL, MaxRequests: 20, Workers: 1})
	require.NoError(t, report.Err())
	assert.Less(t, report.LongestGap, time.Since(begun)-100*time.Millisecond, "answers after the stall end the gap")
	assert.GreaterOrEqual(t, report.Max, 200*time.Millisecond)
	assert.GreaterOrEqual(t, report.LongestGap, 200*time.Millisecond)
	assert.Less(t, report.P50, 200*time.Millisecond)
}

// Catches a Config whose fields are not sent, or whose Accept is not asked.
func TestConfigDecidesWhatIsSentAndTaken(t *testing.T) {
	server := model(t, "alpha", "/v1")
	report := load.Do(t.Context(), load.Config{
		URL: "http://" + server.Address() + "/v1/models?limit=1", Method: http.MethodGet, MaxRequests: 1,
		Header: http.Header{"host": {"api.example.com"}, "X-Custom": {"sent"}},
	})
	require.NoError(t, report.Err())
	got := server.Requests()[0]
	assert.Equal(t, []string{"GET", "/v1/models?limit=1", "api.example.com", "sent"},
		[]string{got.Method, got.URI, got.Host, got.Header.Get("X-Custom")})

	server.SetFailure(http.StatusServiceUnavailable)
	report = load.Do(t.Context(), load.Config{
		URL: server.URL(), MaxRequests: 1,
		Accept: func(response *http.Response, body []byte) error {
			assert.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
			assert.Contains(t, string(body), "error")
			return nil
		},
	})
	assert.NoError(t, report.Err())
}

// Catches a share check that lets a miss pass, or that blames chance on one.
func TestWithinExplainsAMiss(t *testing.T) {
	weights := map[string]int{"alpha": 80, "beta": 20, "off": 0}
	cases := map[string]struct {
		counts map[string]int
		slack  float64
		want   string
	}{
		"exact":          {map[string]int{"alpha": 800, "beta": 200}, 0, ""},
		"within slack":   {map[string]int{"alpha": 803, "beta": 197}, 3, ""},
		"beyond slack":   {map[string]int{"alpha": 804, "beta": 196}, 3, `of 1000 answers, give or take 3: "alpha" answered 804 times, not 800.0 (weight 80 of 100); "beta" answered 196 times, not 200.0 (weight 20 of 100)`},
		"never answered": {map[string]int{"alpha": 1000}, 3, `"beta" answered 0 times, not 200.0`},
		"weight 0":       {map[string]int{"alpha": 800, "beta": 199, "off": 1}, 3, `"off" has no weight and answered 1 times`},
		"unknown":        {map[string]int{"alpha": 800, "beta": 199, "": 1}, 3, `"" has no weight and answered 1 times`},
		"nothing":        {nil, 3, "0 answers over a total weight of 100 say nothing"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := load.Within(c.counts, weights, c.slack)
			if c.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, c.want)
			}
		})
	}
}

func model(t *testing.T, name, basePath string) *modelserver.Server {
	server, err := modelserver.Start(modelserver.Options{Name: name, BasePath: basePath})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	return server
}
