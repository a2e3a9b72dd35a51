package plugin_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// reporting is the middleware of the entry point of metrics.
func reporting(t testing.TB, build engine, next http.Handler) http.Handler {
	t.Helper()
	before := middlewareName
	defer func() { middlewareName = before }()
	middlewareName = metricsName
	require.NoError(t, os.Setenv(plugin.MetricsVariable, metricsName))
	handler, _ := build(t, next, plugin.Config{Report: "infra/gw"})
	return handler
}

// reported are the figures of one service, by family and labels without the service's.
func reported(t testing.TB, build engine, service string) map[string]string {
	t.Helper()
	handler := reporting(t, build, http.NotFoundHandler())
	answer := answerOf(handler, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	figures := map[string]string{}
	for line := range strings.Lines(answer.Body.String()) {
		series, figure, _ := strings.Cut(strings.TrimSpace(line), "} ")
		if name, labels, is := strings.Cut(series, `{gateway="infra/gw",model_service="`+service+`"`); is {
			figures[name+strings.ReplaceAll(labels, `"`, "'")] = figure
		}
	}
	return figures
}

// TestAnswersAreCountedByWhoGaveThem would catch labels of another request, a time in a wrong bucket, buckets that do not add up, and a share
// that is not the one asked for.
func TestAnswersAreCountedByWhoGaveThem(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		config := counted(t)
		config.Weights = map[string]int{"groq": 30, "own": 70}
		inner, _ := build(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			assert.Empty(t, r.Header.Get(plugin.CallerHeader), "a server learns who calls")
			w.Header().Set(plugin.EndpointHeader, r.URL.Query().Get("endpoint"))
			w.Header().Set("Content-Type", "text/event-stream")
			w.WriteHeader(http.StatusOK)
			time.Sleep(30 * time.Millisecond)
			_, _ = io.WriteString(w, "data: 1\n\n")
			time.Sleep(80 * time.Millisecond)
		}), plugin.Config{Anonymous: true})
		handler, _ := build(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/refused" {
				r.Header.Set(plugin.CallerHeader, "batch")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			r.Header.Set(plugin.CallerHeader, "alice")
			inner.ServeHTTP(w, r)
		}), config)
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() { answerOf(handler, httptest.NewRequest(http.MethodPost, "/?endpoint=groq", nil)) })
			all.Go(func() { answerOf(handler, httptest.NewRequest(http.MethodPost, "/?endpoint=own", nil)) })
			all.Go(func() { answerOf(handler, httptest.NewRequest(http.MethodPost, "/refused", nil)) })
		}
		all.Wait()
		figures := reported(t, build, "team/"+t.Name())
		for series, want := range map[string]string{
			"modelplane_requests_total,model_endpoint='groq',caller='alice',code='200'":  "6",
			"modelplane_requests_total,model_endpoint='own',caller='alice',code='200'":   "6",
			"modelplane_requests_total,model_endpoint='',caller='batch',code='429'":      "6",
			"modelplane_requests_in_flight":                                              "0",
			"modelplane_share_asked,model_endpoint='groq'":                               "0.3",
			"modelplane_share_asked,model_endpoint='own'":                                "0.7",
			"modelplane_first_byte_seconds_count,model_endpoint='groq'":                  "6",
			"modelplane_first_token_seconds_bucket,model_endpoint='groq',le='0.025'":     "0",
			"modelplane_first_token_seconds_bucket,model_endpoint='groq',le='600'":       "6",
			"modelplane_first_token_seconds_count,model_endpoint='groq'":                 "6",
			"modelplane_request_duration_seconds_bucket,model_endpoint='groq',le='0.1'":  "0",
			"modelplane_request_duration_seconds_bucket,model_endpoint='groq',le='+Inf'": "6",
			"modelplane_request_duration_seconds_count,model_endpoint=''":                "6",
		} {
			assert.Equal(t, want, figures[series], series)
		}
		assert.NotContains(t, figures, "modelplane_first_token_seconds_count,model_endpoint=''")
		assert.NotContains(t, figures, "modelplane_cut_answers_total,model_endpoint='groq'")

		// A new weight is a new configuration, and what is counted stays.
		config.Weights = map[string]int{"own": 1}
		build(t, http.NotFoundHandler(), config)
		figures = reported(t, build, "team/"+t.Name())
		assert.Equal(t, "1", figures["modelplane_share_asked,model_endpoint='own'"])
		assert.NotContains(t, figures, "modelplane_share_asked,model_endpoint='groq'")
		assert.Equal(t, "6", figures["modelplane_requests_total,model_endpoint='own',caller='alice',code='200'"])
	})
}

// TestNobodyCountsForAnotherNamespace would catch a Middleware by which a team spoils the figures of another one.
func TestNobodyCountsForAnotherNamespace(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		for _, service := range []string{"other/" + t.Name(), "tea/" + t.Name(), "team", "", "/x", "team_groq/x"} {
			handler, logged := build(t, echo, plugin.Config{Count: true, Service: service})
			answer := answerOf(handler, httptest.NewRequest(http.MethodGet, "/v1/models", nil))
			assert.Equal(t, http.StatusOK, answer.Code, "a request is answered nevertheless")
			assert.Contains(t, logged.String(), "nothing is counted", service)
			assert.Empty(t, reported(t, build, service), service)
		}
	})
}

// TestMadeUpNamesAreBounded would catch names that fill the memory, that break the format, or that push out another namespace's.
func TestMadeUpNamesAreBounded(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler, _ := build(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(plugin.EndpointHeader, r.Header.Get("X-Endpoint"))
			w.WriteHeader(http.StatusBadGateway)
		}), counted(t))
		send := func(endpoint, caller string) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header = http.Header{"X-Endpoint": {endpoint}, plugin.CallerHeader: {caller}}
			answerOf(handler, r)
		}
		send("a\"b\\c\nd\xff", strings.Repeat("é", 300))
		figures := reported(t, build, "team/"+t.Name())
		odd := `,model_endpoint='a\'b\\c\nd?'`
		assert.Equal(t, "1", figures[`modelplane_requests_total`+odd+`,caller='`+strings.Repeat("é", 126)+`?',code='502'`])
		for i := range 1200 {
			send(fmt.Sprint("endpoint", i), fmt.Sprint("caller", i))
		}
		figures = reported(t, build, "team/"+t.Name())
		assert.Equal(t, "201", figures["modelplane_requests_total,model_endpoint='(other)',caller='(other)',code='5xx'"])
		assert.Equal(t, "1151", figures["modelplane_first_byte_seconds_count,model_endpoint='(other)'"])
		assert.Less(t, len(figures), 1000+60*60)
		before := middlewareName
		defer func() { middlewareName = before }()
		middlewareName = "crowd_x@kubernetescrd"
		for i := range 250 {
			service, _ := build(t, echo, plugin.Config{Count: true, Service: fmt.Sprintf("crowd/%d", i)})
			answerOf(service, httptest.NewRequest(http.MethodGet, "/", nil))
		}
		assert.Equal(t, "1", reported(t, build, "crowd/199")["modelplane_requests_total,model_endpoint='',caller='',code='200'"])
		assert.Equal(t, "50", reported(t, build, "crowd/(other)")["modelplane_requests_total,model_endpoint='',caller='',code='200'"])
	})
}

// TestOtherRoutesOfTheMetricsEntryPointShowNothing would catch a route that somebody attaches there, and whose answer holds the figures.
func TestOtherRoutesOfTheMetricsEntryPointShowNothing(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler := reporting(t, build, echo)
		for _, path := range []string{"/", "/metric", "/metrics/", "/metrics/x", "//metrics", "/v1/models", "/Metrics"} {
			answer := answerOf(handler, httptest.NewRequest(http.MethodGet, path, nil))
			assert.Equal(t, http.StatusNotFound, answer.Code, path)
			assert.NotContains(t, answer.Body.String(), "modelplane_", path)
		}
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.Header = http.Header{"Accept": {"application/openmetrics-text"}, "Accept-Encoding": {"gzip, zstd"}}
		answerOf(handler, r)
		assert.Equal(t, "text/plain;version=0.0.4", r.Header.Get("Accept"))
		assert.Empty(t, r.Header["Accept-Encoding"])
	})
}

// TestOnlyTheGatewaysOwnMiddlewareShowsFigures would catch a team that reads all teams' figures by a Middleware in front of a route of its own.
func TestOnlyTheGatewaysOwnMiddlewareShowsFigures(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		reporting(t, build, echo)
		handler, logged := build(t, echo, plugin.Config{Report: "infra/gw"})
		answer := answerOf(handler, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		assert.Equal(t, http.StatusInternalServerError, answer.Code)
		assert.NotContains(t, answer.Body.String(), "modelplane_")
		assert.Contains(t, logged.String(), "report is for the gateway's own")
	})
}
