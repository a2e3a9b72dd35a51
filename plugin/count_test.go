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
	"strings"
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
