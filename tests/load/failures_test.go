package load_test

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/load"
)

// Catches a generator that swallows a failure of any kind, or calls it by another's name.
func TestEveryKindOfFailureIsReported(t *testing.T) {
	cases := map[load.Kind]http.HandlerFunc{
		load.KindStatus: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Modelserver-Name", "alpha")
			w.Header().Set("X-Modelserver-Path", "/v1/x")
			http.Error(w, "bad gateway", http.StatusBadGateway)
		},
		load.KindAnswer:  func(w http.ResponseWriter, _ *http.Request) { write(w, "no JSON") },
		load.KindEOF:     func(w http.ResponseWriter, _ *http.Request) { hijack(t, w).Close() },
		load.KindReset:   func(w http.ResponseWriter, _ *http.Request) { reset(t, hijack(t, w)) },
		load.KindTimeout: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	}
	for kind, handler := range cases {
		for name, connections := range map[string]load.Connections{"kept": load.Kept, "fresh": load.Fresh} {
			t.Run(string(kind)+" "+name, func(t *testing.T) {
				// Reading the body first lets the server notice a client that goes.
				server := serve(t, func(w http.ResponseWriter, r *http.Request) { readAll(t, r); handler(w, r) })
				report := load.Do(t.Context(), load.Config{
					URL: server.URL, MaxRequests: 3, Connections: connections, Timeout: 100 * time.Millisecond,
				})
				assert.Equal(t, 3, report.Total)
				assert.Equal(t, 3, report.Failed)
				assert.Empty(t, report.ByBackend)
				require.Len(t, report.Failures, 3)
				failure := report.Failures[0]
				assert.Equal(t, kind, failure.Kind, failure)
				assert.ErrorContains(t, report.Err(), "3 of 3 requests failed")
				assert.Positive(t, failure.Took)
				assert.False(t, failure.At.IsZero())
				if kind == load.KindStatus {
					assert.Equal(t, http.StatusBadGateway, failure.Status)
					assert.Equal(t, []string{"alpha", "/v1/x", "bad gateway\n"}, []string{failure.Backend, failure.Path, failure.Excerpt})
				}
			})
		}
	}
}

// Catches a generator for which an answer is well as soon as its headers are.
func TestBodyThatEndsEarlyIsAFailure(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		readAll(t, r)
		w.Header().Set("Content-Length", "100")
		write(w, "{}")
	})
	report := load.Do(t.Context(), load.Config{URL: server.URL, MaxRequests: 1})
	require.Len(t, report.Failures, 1)
	assert.Equal(t, load.KindEOF, report.Failures[0].Kind)
	assert.Equal(t, "{}", report.Failures[0].Excerpt)
}

func TestRefusedConnectionIsAFailure(t *testing.T) {
	server := serve(t, answerEmpty)
	server.Close()
	report := load.Do(t.Context(), load.Config{URL: server.URL, MaxRequests: 2})
	require.Len(t, report.Failures, 2)
	assert.Equal(t, load.KindRefused, report.Failures[0].Kind)
}

// Catches one lost request among many good ones: exactly one connection is dropped and exactly one 502 is sent.
func TestOneDroppedConnectionAndOne502AmongManyAreBothReported(t *testing.T) {
	var arrived atomic.Int32
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		readAll(t, r)
		switch arrived.Add(1) {
		case 70:
			hijack(t, w).Close()
		case 140:
			w.WriteHeader(http.StatusBadGateway)
		default:
			write(w, "{}")
		}
	})
	report := load.Do(t.Context(), load.Config{URL: server.URL, MaxRequests: 200, RatePerSecond: 2_000})
	assert.Equal(t, int32(200), arrived.Load(), "a request was sent again")
	assert.Equal(t, 2, report.Failed)
	require.Len(t, report.Failures, 2)
	assert.Equal(t, load.KindEOF, report.Failures[0].Kind)
	assert.Equal(t, load.KindStatus, report.Failures[1].Kind)
	assert.ErrorContains(t, report.Err(), "2 of 200 requests failed")
}

// Catches Go's own silent retry, which happens only on kept connections: the server drops the second request of each
// connection, and without care the client would send it again on a new one and see nothing but good answers.
func TestNoRetryHidesARequestLostOnAKeptConnection(t *testing.T) {
	cases := map[string]struct {
		config load.Config
		want   load.Kind
	}{
		"POST":                  {load.Config{}, load.KindEOF},
		"GET":                   {load.Config{Method: http.MethodGet}, load.KindLost},
		"POST with idempotency": {load.Config{Header: http.Header{"Idempotency-Key": {"1"}}}, load.KindEOF},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var seen sync.Map
			server := serve(t, func(w http.ResponseWriter, r *http.Request) {
				readAll(t, r)
				if _, again := seen.LoadOrStore(r.RemoteAddr, true); again {
					hijack(t, w).Close()
					return
				}
				write(w, "{}")
			})
			c.config.URL = server.URL
			c.config.MaxRequests = 10
			c.config.Workers = 1
			c.config.Connections = load.Kept
			report := load.Do(t.Context(), c.config)
			require.NotEmpty(t, report.Failures, "the client's retry hid every failure")
			assert.GreaterOrEqual(t, report.Failed, 5, "every second request at least was lost")
			for _, failure := range report.Failures {
				assert.Equal(t, c.want, failure.Kind, failure)
				assert.True(t, failure.Reused, failure)
			}
		})
	}
}

// Catches false alarms: a kept connection that the server closed between two requests has lost nothing.
func TestConnectionClosedWhileIdleIsNoFailure(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(answerEmpty))
	server.Config.IdleTimeout = 10 * time.Millisecond
	server.Start()
	defer server.Close()
	report := load.Do(t.Context(), load.Config{
		URL: server.URL, MaxRequests: 4, Workers: 1, RatePerSecond: 5, Connections: load.Kept,
	})
	assert.NoError(t, report.Err())
	assert.Equal(t, 4, report.Total)
}

func serve(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func answerEmpty(w http.ResponseWriter, _ *http.Request) { write(w, "{}") }

func write(w http.ResponseWriter, body string) { _, _ = w.Write([]byte(body)) }

func readAll(t *testing.T, r *http.Request) {
	_, err := new(bytes.Buffer).ReadFrom(r.Body)
	assert.NoError(t, err)
}

func hijack(t *testing.T, w http.ResponseWriter) net.Conn {
	connection, _, err := http.NewResponseController(w).Hijack()
	assert.NoError(t, err)
	return connection
}

// reset closes so that the client gets a TCP RST.
func reset(t *testing.T, connection net.Conn) {
	assert.NoError(t, connection.(*net.TCPConn).SetLinger(0))
	connection.Close()
}

// Catches a failure that no client of HTTP/2 meets. A server that wants a connection to end says in GOAWAY which requests it has not taken (RFC 9113, section
// 6.8), and clients send these again, as Go's does with a body that it can read again.
func TestAConnectionThatEndsWithGOAWAYLosesNothing(t *testing.T) {
	var taken atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		readAll(t, r)
		if taken.Add(1)%3 == 0 {
			w.Header().Set("Connection", "close")
		}
		answerEmpty(w, r)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	transport := server.Client().Transport.(*http.Transport).Clone()
	transport.ForceAttemptHTTP2 = true
	report := load.Do(t.Context(), load.Config{
		URL: server.URL, MaxRequests: 600, RatePerSecond: 3000, Workers: 32, Connections: load.Kept, Transport: transport, Body: strings.Repeat("x", 20_000),
	})
	assert.NoError(t, report.Err())
	assert.Equal(t, int64(report.Total), taken.Load(), "a request was answered twice")
}
