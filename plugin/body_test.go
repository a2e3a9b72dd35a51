package plugin_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// limit is how much of a body the plugin reads.
const limit = 1 << 20

var reader = plugin.Config{ReadBody: true}

// TestAQuickStreamIsNotCut would catch an answer that is cut when it begins before the proxy has seen that its request's
// body has ended. The server here answers at once; the proxy is as slow as on a busy machine.
func TestAQuickStreamIsNotCut(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 5 {
			_, _ = io.WriteString(w, "token ")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(20 * time.Millisecond)
		}
	}))
	defer backend.Close()
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler, _ := build(t, proxy(t, backend), reader)
		gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Body = slow{r.Body}
			handler.ServeHTTP(w, r)
		}))
		defer gateway.Close()
		for name, body := range map[string]io.Reader{
			"length":  strings.NewReader(`{"stream":true}`),
			"chunked": io.MultiReader(strings.NewReader(`{"stream":true}`)),
		} {
			response, err := http.Post(gateway.URL, "application/json", body)
			require.NoError(t, err)
			answer, err := io.ReadAll(response.Body)
			require.NoError(t, response.Body.Close())
			require.NoError(t, err, name)
			assert.Equal(t, strings.Repeat("token ", 5), string(answer), name)
		}
	})
}

// slow is a body each reading of which takes its time.
type slow struct{ io.ReadCloser }

func (s slow) Read(p []byte) (int, error) {
	time.Sleep(30 * time.Millisecond)
	return s.ReadCloser.Read(p)
}

// TestBodiesArriveAsTheyWereSent would catch a body that is cut, doubled or mixed up, at the limit above all, and another
// framing than the client's.
func TestBodiesArriveAsTheyWereSent(t *testing.T) {
	backend := func(w http.ResponseWriter, r *http.Request) {
		hash := sha256.New()
		n, err := io.Copy(hash, r.Body)
		_, _ = fmt.Fprintf(w, "%d %d %v %x %v", n, r.ContentLength, r.TransferEncoding, hash.Sum(nil), err)
	}
	inEveryEngine(t, func(t *testing.T, build engine) {
		gateway := proxyTo(t, build, time.Minute, backend)
		for _, size := range []int{0, 1, 511, 512, limit - 1, limit, limit + 1, 3*limit + 7} {
			content := bytes.Repeat([]byte("0123456789abcdefg"), size/17+1)[:size]
			for framing, body := range map[string]io.Reader{
				fmt.Sprintf("%d []", size): bytes.NewReader(content),
				"-1 [chunked]":             io.MultiReader(bytes.NewReader(content)),
			} {
				response, err := http.Post(gateway.URL, "application/json", body)
				require.NoError(t, err)
				got, err := io.ReadAll(response.Body)
				require.NoError(t, response.Body.Close())
				require.NoError(t, err)
				assert.Equal(t, fmt.Sprintf("%d %s %x <nil>", size, framing, sha256.Sum256(content)), string(got))
			}
		}
	})
}

// TestAClientThatWaitsIsToldToContinue would catch a client that waits for 100 for ever.
func TestAClientThatWaitsIsToldToContinue(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		gateway := proxyTo(t, build, time.Minute, func(w http.ResponseWriter, r *http.Request) {
			n, _ := io.Copy(io.Discard, r.Body)
			_, _ = fmt.Fprint(w, n)
		})
		connection, answers := dial(t, gateway)
		send(t, connection, "POST / HTTP/1.1\r\nHost: gateway.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
		line, err := answers.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "HTTP/1.1 100 Continue\r\n", line)
		_, err = answers.ReadString('\n')
		require.NoError(t, err)
		send(t, connection, "hello")
		response, err := http.ReadResponse(answers, nil)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		assert.Equal(t, "5", string(body))
	})
}

// TestABodyThatDoesNotArriveIsAnswered would catch half a request that reaches the backend, and a wrong status.
func TestABodyThatDoesNotArriveIsAnswered(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		var reached atomic.Int32
		gateway := proxyTo(t, build, 300*time.Millisecond, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
		for request, status := range map[string]int{
			"Content-Length: 10\r\n\r\nhalf":                             http.StatusRequestTimeout,
			"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf":                http.StatusRequestTimeout,
			"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nnot hex\r\n": http.StatusBadRequest,
		} {
			connection, answers := dial(t, gateway)
			send(t, connection, "POST / HTTP/1.1\r\nHost: gateway.test\r\n"+request)
			response, err := http.ReadResponse(answers, nil)
			require.NoError(t, err)
			assert.Equal(t, status, response.StatusCode, request)
			assert.True(t, response.Close, "what follows cannot be told from the next request")
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			assert.Contains(t, string(body), `"code":"unreadable_body"`)
		}
		assert.Zero(t, reached.Load())
	})
}

// TestAClientThatLeavesIsCounted would catch an answer that looks like the server's fault.
func TestAClientThatLeavesIsCounted(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler, _ := build(t, unreachable(t), reader)
		for err, status := range map[error]int{
			io.ErrUnexpectedEOF: 499,
			&net.OpError{Op: "read", Err: errors.New("connection reset by peer")}: 499,
			os.ErrDeadlineExceeded:             408,
			&http.MaxBytesError{Limit: 1}:      413,
			errors.New("invalid byte in size"): 400,
		} {
			request := httptest.NewRequest(http.MethodPost, "/", failing{err})
			assert.Equal(t, status, answerOf(handler, request).Code, err)
		}
	})
}

// TestWhatIsNotReadGoesOnAtOnce would catch a conversation in both directions that hangs, and an upload that is held
// back although reading its beginning helps nobody.
func TestWhatIsNotReadGoesOnAtOnce(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		for name, change := range map[string]func(*http.Request){
			"HTTP/2":       func(r *http.Request) { r.ProtoMajor, r.ProtoMinor = 2, 0 },
			"gRPC":         func(r *http.Request) { r.Header.Set("Content-Type", "application/grpc+proto") },
			"an upgrade":   func(r *http.Request) { r.Header.Set("Upgrade", "websocket") },
			"a large body": func(r *http.Request) { r.ContentLength = limit + 1 },
			"no body":      func(r *http.Request) { r.ContentLength = 0 },
		} {
			t.Run(name, func(t *testing.T) {
				arrived := false
				handler, _ := build(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					arrived = true
					assert.Equal(t, "100-continue", r.Header.Get("Expect"))
				}), reader)
				request := httptest.NewRequest(http.MethodPost, "/", failing{errors.New("was read")})
				request.ContentLength = -1
				request.Header.Set("Expect", "100-continue")
				change(request)
				assert.Equal(t, http.StatusOK, answerOf(handler, request).Code)
				assert.True(t, arrived)
			})
		}
	})
}

// TestALengthThatIsPromisedCostsNothing would catch memory that clients take by announcing a body that they do not send.
func TestALengthThatIsPromisedCostsNothing(t *testing.T) {
	handler, _ := compiled(t, unreachable(t), reader)
	const requests = 100
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range requests {
		request := httptest.NewRequest(http.MethodPost, "/", failing{io.ErrUnexpectedEOF})
		request.ContentLength = limit
		answerOf(handler, request)
	}
	runtime.ReadMemStats(&after)
	assert.Less(t, (after.TotalAlloc-before.TotalAlloc)/requests, uint64(32<<10), "bytes for each request")
}

// proxyTo is a server with the plugin in front of a proxy to a server of its own. It waits this long for a body.
func proxyTo(t *testing.T, build engine, patience time.Duration, backend http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(backend)
	t.Cleanup(server.Close)
	handler, _ := build(t, proxy(t, server), reader)
	gateway := httptest.NewUnstartedServer(handler)
	gateway.Config.ReadTimeout = patience
	gateway.Start()
	t.Cleanup(gateway.Close)
	return gateway
}

// proxy is Go's reverse proxy, which Traefik builds on.
func proxy(t *testing.T, server *httptest.Server) *httputil.ReverseProxy {
	t.Helper()
	target, err := url.Parse(server.URL)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.FlushInterval = -1
	return proxy
}

func dial(t *testing.T, server *httptest.Server) (net.Conn, *bufio.Reader) {
	t.Helper()
	var dialer net.Dialer
	connection, err := dialer.DialContext(context.Background(), "tcp", strings.TrimPrefix(server.URL, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	require.NoError(t, connection.SetDeadline(time.Now().Add(10*time.Second)))
	return connection, bufio.NewReader(connection)
}

func send(t *testing.T, connection net.Conn, text string) {
	t.Helper()
	_, err := io.WriteString(connection, text)
	require.NoError(t, err)
}

// unreachable is a backend that no request may reach.
func unreachable(t *testing.T) http.Handler {
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request went on without its body") })
}

// failing is a body that cannot be read.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
