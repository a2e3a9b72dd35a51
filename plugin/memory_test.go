package plugin_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// bodyMemory is how much the bodies of all requests may take in these tests, and fits how many of limit bytes that are.
const (
	bodyMemory = 64 << 20
	fits       = bodyMemory/limit - 1
)

// TestBodiesBeyondTheMemoryAreRefused would catch memory that grows with every client, a body that is counted twice on its way to a backend, and
// memory that is not given back.
func TestBodiesBeyondTheMemoryAreRefused(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		front, _ := build(t, http.NotFoundHandler(), fronted(t, plugin.Front{}, "slow 0 1"))
		plain := proxyTo(t, build, time.Minute, func(w http.ResponseWriter, r *http.Request) { inner.serve("slow", w, r) })
		for name, gateway := range map[string]http.Handler{
			"fronted": front,
			"guarded": guardOf(t, build, front),
			"plain":   plain.Config.Handler,
		} {
			t.Run(name, func(t *testing.T) {
				server := httptest.NewServer(gateway)
				defer server.Close()
				// The first request is alone: the interpreter fills tables of its own without a lock.
				inner.set("slow", answering("slow", http.StatusOK))
				status, body, _ := post(t, server.URL+"/default/chat/v1/x", "x")
				require.Equal(t, http.StatusOK, status, body)
				leave := make(chan struct{})
				inner.set("slow", func(_ http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					<-leave
				})
				before := inner.count("slow")
				end := sync.OnceFunc(func() { close(leave) })
				defer end()
				var clients sync.WaitGroup
				for range fits {
					clients.Go(func() {
						status, body, _ := post(t, server.URL+"/default/chat/v1/x", strings.Repeat("x", limit))
						assert.Equal(t, http.StatusOK, status, body)
					})
				}
				require.Eventually(t, func() bool { return inner.count("slow")-before == fits }, 20*time.Second, 10*time.Millisecond)
				var refused *http.Response
				require.Eventually(t, func() bool {
					// On a busy machine, a client that still sends may see the connection's end before the answer (RFC 9112, section 9.6).
					var err error
					refused, err = http.Post(server.URL+"/default/chat/v1/x", "application/json", strings.NewReader(strings.Repeat("x", limit)))
					return err == nil
				}, 20*time.Second, 10*time.Millisecond)
				content, err := io.ReadAll(refused.Body)
				require.NoError(t, err)
				require.NoError(t, refused.Body.Close())
				assert.Equal(t, http.StatusServiceUnavailable, refused.StatusCode)
				assert.Contains(t, string(content), `"code":"gateway_busy"`)
				assert.Equal(t, "1", refused.Header.Get("Retry-After"))
				end()
				clients.Wait()

				status, body, _ = post(t, server.URL+"/default/chat/v1/x", strings.Repeat("x", limit))
				require.Equal(t, http.StatusOK, status, body)
			})
		}
	})
}

// TestAnAnswerNeedsNoMemoryForItsRequest would catch a body that is held for as long as its answer is streamed, and one that is held although it is
// counted as let go.
func TestAnAnswerNeedsNoMemoryForItsRequest(t *testing.T) {
	inner := serveInner(t)
	prompt := `{"messages":[{"content":"` + strings.Repeat("x", limit-100) + `"}],"model":"alias"}`
	inEveryEngine(t, func(t *testing.T, build engine) {
		leave := make(chan struct{})
		inner.set("slow", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-leave
		})
		defer close(leave)
		front, _ := build(t, http.NotFoundHandler(), fronted(t, plugin.Front{}, "slow 0 1"))
		measured, _ := build(t, front, plugin.Config{MaxBodyBytes: limit})
		asked := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { inner.serve("slow", w, r) })
		renamed, _ := build(t, asked, named)
		catalog, _ := build(t, http.NotFoundHandler(), cataloged(t, plugin.Model{Names: []string{"a", "alias"}, Service: "slow"}))
		gateways := map[string]http.Handler{
			"guarded": guardOf(t, build, front), "measured": measured, "renamed": guardOf(t, build, renamed), "renamed, long": renamed, "cataloged": guardOf(t, build, catalog),
		}
		for name, gateway := range gateways {
			server := httptest.NewServer(gateway)
			t.Cleanup(server.Close)
			before := heldNow()
			for range 2 * fits {
				// It does not tell its length.
				response, err := http.Post(server.URL+pathOf(name), "application/json", io.MultiReader(strings.NewReader(prompt)))
				require.NoError(t, err)
				t.Cleanup(func() { _ = response.Body.Close() })
				require.Equal(t, http.StatusOK, response.StatusCode, name)
			}
			assert.Less(t, heldNow()-before, int64(2*fits*limit/4), "%s: bytes for %d requests of %d", name, 2*fits, limit)
		}
	})
}

func pathOf(gateway string) string {
	if gateway == "cataloged" {
		return "/v1/x"
	}
	return "/default/chat/v1/x"
}

// heldNow is how much of the heap is in use, in bytes.
func heldNow() int64 {
	runtime.GC()
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	return int64(now.HeapAlloc) //nolint:gosec // a heap is no larger
}

// guardOf puts the Middleware of an entry point in front of next.
func guardOf(t *testing.T, build engine, next http.Handler) http.Handler {
	t.Helper()
	guard, _ := build(t, next, reader)
	return guard
}
