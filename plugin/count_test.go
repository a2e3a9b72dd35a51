package plugin_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// counted is a configuration that counts for a service of its own, so that no test counts another's requests.
func counted(t testing.TB) plugin.Config {
	return plugin.Config{Count: true, Service: "team/" + t.Name()}
}

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

// inFront is a gateway whose plugin counts what a proxy gets from backend.
func inFront(t *testing.T, build engine, backend http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(backend)
	t.Cleanup(server.Close)
	handler, _ := build(t, proxy(t, server), counted(t))
	gateway := httptest.NewServer(handler)
	t.Cleanup(gateway.Close)
	return gateway
}

// TestACountedStreamArrivesTokenByToken would catch a header, a token or a part of an answer that waits for the next one: the server goes on
// only when the client has what came before.
func TestACountedStreamArrivesTokenByToken(t *testing.T) {
	for kind, contentType := range map[string]string{"events": "text/event-stream; charset=utf-8", "chunks": "application/x-ndjson", "nothing": ""} {
		inEveryEngine(t, func(t *testing.T, build engine) {
			next := make(chan bool)
			gateway := inFront(t, build, func(w http.ResponseWriter, r *http.Request) {
				if contentType != "" {
					w.Header().Set("Content-Type", contentType)
				}
				w.WriteHeader(http.StatusOK)
				_ = http.NewResponseController(w).Flush()
				for i := range 5 {
					select {
					case <-next:
					case <-r.Context().Done():
						return
					}
					_, _ = fmt.Fprintf(w, "data: %d\n\n", i)
					_ = http.NewResponseController(w).Flush()
				}
			})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, gateway.URL, nil)
			require.NoError(t, err)
			response, err := http.DefaultClient.Do(request)
			require.NoError(t, err, "the header waits for the first token")
			defer response.Body.Close()
			lines := bufio.NewReader(response.Body)
			for i := range 5 {
				select {
				case next <- true:
				case <-ctx.Done():
				}
				line, err := lines.ReadString('\n')
				require.NoError(t, err, "%s: token %d", kind, i)
				assert.Equal(t, fmt.Sprintf("data: %d\n", i), line)
				_, _ = lines.ReadString('\n')
			}
			_, err = lines.ReadByte()
			assert.ErrorIs(t, err, io.EOF)
		})
	}
}

// TestACountedWebSocketUpgrades would catch a connection that cannot be taken over, and bytes that get lost on it.
func TestACountedWebSocketUpgrades(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		gateway := inFront(t, build, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(plugin.EndpointHeader, "forged")
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "websocket")
			w.WriteHeader(http.StatusSwitchingProtocols)
			connection, buffered, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.Copy(connection, buffered)
				_ = connection.Close()
			}
		})
		connection, err := net.Dial("tcp", gateway.Listener.Addr().String())
		require.NoError(t, err)
		defer connection.Close()
		require.NoError(t, connection.SetDeadline(time.Now().Add(20*time.Second)))
		_, err = io.WriteString(connection, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n\r\n")
		require.NoError(t, err)
		reader := bufio.NewReader(connection)
		response, err := http.ReadResponse(reader, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
		for i := range 3 {
			_, err := fmt.Fprintf(connection, "message %d\n", i)
			require.NoError(t, err)
			line, err := reader.ReadString('\n')
			require.NoError(t, err)
			assert.Equal(t, fmt.Sprintf("message %d\n", i), line)
		}
		require.NoError(t, connection.Close())
		var figures map[string]string
		require.Eventually(t, func() bool {
			figures = reported(t, build, "team/"+t.Name())
			return figures["modelplane_requests_in_flight"] == "0"
		}, 5*time.Second, 10*time.Millisecond)
		assert.Equal(t, map[string]string{
			"modelplane_requests_total,model_endpoint='',caller='',code='101'": "1", "modelplane_requests_in_flight": "0",
		}, figures, "nothing tells the endpoint, and a session is no answer to time")
	})
}

// TestACountedAnswerStaysAsItWas would catch a status, an early hint, a header, a trailer, a length or a byte that the counting changes.
func TestACountedAnswerStaysAsItWas(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 1<<20) // 16 MiB
	inEveryEngine(t, func(t *testing.T, build engine) {
		gateway := inFront(t, build, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/large":
				w.Header().Set("Content-Length", fmt.Sprint(len(large)))
				_, _ = io.WriteString(w, large)
			case "/chunked":
				_, _ = io.WriteString(w, large)
			case "/empty":
				w.WriteHeader(http.StatusNoContent)
			case "/unchanged":
				w.WriteHeader(http.StatusNotModified)
			case "/hint":
				w.Header().Set("Link", "</style.css>")
				w.WriteHeader(http.StatusEarlyHints)
				w.Header().Set("Trailer", "Grpc-Status")
				w.WriteHeader(http.StatusTeapot)
				_, _ = io.WriteString(w, "short")
				w.Header().Set("Grpc-Status", "0")
				w.Header().Set(http.TrailerPrefix+"Grpc-Message", "fine")
			}
		})
		for path, want := range map[string]struct {
			status int
			length int64
			body   string
		}{
			"/large": {200, int64(len(large)), large}, "/chunked": {200, -1, large}, "/empty": {204, 0, ""}, "/unchanged": {304, 0, ""},
			"/hint": {418, -1, "short"},
		} {
			hints := 0
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(int, textproto.MIMEHeader) error {
				hints++
				return nil
			}})
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, gateway.URL+path, nil)
			require.NoError(t, err)
			response, err := http.DefaultClient.Do(request)
			require.NoError(t, err)
			hash := sha256.New()
			n, err := io.Copy(hash, response.Body)
			require.NoError(t, err, path)
			require.NoError(t, response.Body.Close())
			assert.Equal(t, want.status, response.StatusCode, path)
			assert.NotContains(t, fmt.Sprint(response.Header, response.Trailer), "Modelplane/", "the client sees what is for the log")
			assert.Equal(t, want.length, response.ContentLength, path)
			assert.Equal(t, int64(len(want.body)), n, path)
			assert.Equal(t, fmt.Sprintf("%x", sha256.Sum256([]byte(want.body))), fmt.Sprintf("%x", hash.Sum(nil)), path)
			if path == "/hint" {
				assert.Equal(t, 1, hints)
				assert.Equal(t, http.Header{"Grpc-Status": {"0"}, "Grpc-Message": {"fine"}}, response.Trailer)
			}
		}
		response, err := http.Head(gateway.URL + "/large")
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, int64(len(large)), response.ContentLength)
	})
}

// TestACutAnswerStaysCut would catch a broken stream that the client takes for a whole one, one that is not counted, and a client's own leaving
// that is counted as the server's failure.
func TestACutAnswerStaysCut(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		gateway := inFront(t, build, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "data: 1\n\n")
			_ = http.NewResponseController(w).Flush()
			if r.URL.Path == "/wait" {
				<-r.Context().Done()
			}
			panic(http.ErrAbortHandler)
		})
		response, err := http.Get(gateway.URL)
		require.NoError(t, err)
		_, err = io.ReadAll(response.Body)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.NoError(t, response.Body.Close())

		ctx, leave := context.WithCancel(t.Context())
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, gateway.URL+"/wait", nil)
		require.NoError(t, err)
		response, err = http.DefaultClient.Do(request)
		require.NoError(t, err)
		leave()
		require.NoError(t, response.Body.Close())
		var figures map[string]string
		require.Eventually(t, func() bool {
			figures = reported(t, build, "team/"+t.Name())
			return figures["modelplane_requests_in_flight"] == "0"
		}, 5*time.Second, 10*time.Millisecond)
		assert.Equal(t, "2", figures["modelplane_requests_total,model_endpoint='',caller='',code='200'"])
		assert.Equal(t, "1", figures["modelplane_cut_answers_total,model_endpoint=''"])
	})
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

// BenchmarkCounting measures what counting adds to a request, and to each part of its answer.
func BenchmarkCounting(b *testing.B) {
	for name, build := range engines {
		for _, chunks := range []int{1, 101} {
			for _, kind := range []string{"plain", "counted"} {
				next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "text/event-stream")
					for range chunks {
						_, _ = w.Write([]byte("data: token\n\n"))
					}
				})
				var handler http.Handler = next
				if kind == "counted" {
					handler, _ = build(b, next, plugin.Config{Count: true, Service: "team/bench"})
				}
				b.Run(fmt.Sprintf("%s/%s/%d", name, kind, chunks), func(b *testing.B) {
					r := httptest.NewRequest(http.MethodPost, "/", nil)
					for b.Loop() {
						handler.ServeHTTP(httptest.NewRecorder(), r)
					}
				})
			}
		}
	}
}
