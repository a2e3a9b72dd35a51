package plugin_test

import (
	"bufio"
	"fmt"
	"io"
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

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// servers plays the inner listener: a handler for each backend, which is at its name.
type servers struct {
	mu       sync.Mutex
	handlers map[string]http.HandlerFunc
	asked    map[string]*atomic.Int64
	// whole answers all, if it is there: with the listener's own middleware.
	whole http.Handler
}

var innerServers struct {
	sync.Once
	servers
}

// serveInner is the inner listener, where fronts look for it, without a backend. It stays for all tests, as Traefik's does for all of a process: fronts keep
// connections to it, and a request on one that has just been closed would go on to the next backend.
func serveInner(t testing.TB) *servers {
	t.Helper()
	s := &innerServers.servers
	s.mu.Lock()
	s.handlers, s.asked = map[string]http.HandlerFunc{}, map[string]*atomic.Int64{}
	s.mu.Unlock()
	innerServers.Do(func() {
		listener, err := net.Listen("tcp", plugin.InnerAddress)
		require.NoError(t, err)
		go func() { _ = http.Serve(listener, s) }()
	})
	return s
}

// ServeHTTP has the backend answer that the path names.
func (s *servers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	whole := s.whole
	s.mu.Unlock()
	if whole != nil {
		whole.ServeHTTP(w, r)
		return
	}
	if number := r.Header.Get("X-Modelplane-Body"); number != "" && !borrow(r, number) {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/secret/"), "/")
	s.serve(name, w, r)
}

func (s *servers) serve(name string, w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	handler, asked := s.handlers[name], s.asked[name]
	s.mu.Unlock()
	if handler == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	asked.Add(1)
	handler(w, r)
}

func (s *servers) set(name string, handler http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers[name] = handler
	if s.asked[name] == nil {
		s.asked[name] = &atomic.Int64{}
	}
}

func (s *servers) setWhole(handler http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.whole = handler
}

func (s *servers) count(name string) int64 { return s.asked[name].Load() }

// answering answers with a status and the server's name.
func answering(name string, status int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "%s %s %s", name, r.URL.RequestURI(), body)
	}
}

// fronted is a configuration of a front for backends "name priority weight".
func fronted(t testing.TB, front plugin.Front, backends ...string) plugin.Config {
	t.Helper()
	for _, text := range backends {
		b := plugin.Backend{}
		_, err := fmt.Sscanf(text, "%s %d %d", &b.Endpoint, &b.Priority, &b.Weight)
		require.NoError(t, err)
		b.Path = "/secret/" + b.Endpoint
		front.Backends = append(front.Backends, b)
	}
	front.Prefix = "/default/chat/v1"
	if front.Statuses == nil {
		front.Statuses = []string{"429", "500-599"}
	}
	if front.Attempts == 0 {
		front.Attempts = 3
	}
	return plugin.Config{Service: "team/" + t.Name(), Front: &front}
}

// serveFront serves a front in front of these backends by real HTTP.
func serveFront(t *testing.T, build engine, config plugin.Config) string {
	t.Helper()
	handler, _ := build(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }), config)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL + "/default/chat/v1"
}

func post(t testing.TB, url, body string) (int, string, http.Header) {
	t.Helper()
	response, err := http.Post(url, "application/json", strings.NewReader(body))
	require.NoError(t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(content), response.Header
}

// TestAFrontDoesNotLeadToAFront would catch a route on the inner listener, made by hand, by which one request goes round in Traefik without end.
func TestAFrontDoesNotLeadToAFront(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		config := fronted(t, plugin.Front{}, "round 0 1")
		config.Front.Prefix = ""
		front, _ := build(t, http.NotFoundHandler(), config)
		listener, _ := build(t, front, plugin.Config{Inner: true})
		inner.set("round", listener.ServeHTTP)
		server := httptest.NewServer(front)
		defer server.Close()
		before := inner.count("round")
		status, body, _ := post(t, server.URL+"/x", "{}")
		assert.Equal(t, http.StatusLoopDetected, status)
		assert.Contains(t, body, `"code":"loop_detected"`)
		assert.Equal(t, int64(1), inner.count("round")-before)
	})
}

// TestTheNextBackendIsAsked would catch an answer of a backend that fails where another would not, a body or path that the second does not get,
// and an error answer that is not the last one's whole.
func TestTheNextBackendIsAsked(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		for name, c := range map[string]struct {
			first, second, third int
			want                 int
			body                 string
		}{
			"the first":             {200, 200, 200, 200, "a"},
			"too many requests":     {429, 200, 200, 200, "b"},
			"errors":                {503, 500, 200, 200, "c"},
			"all fail":              {503, 500, 529, 529, "c"},
			"a mistake of a client": {400, 200, 200, 400, "a"},
			"not found":             {404, 200, 200, 404, "a"},
		} {
			t.Run(name, func(t *testing.T) {
				inner.set("a", answering("a", c.first, "X-From", "a"))
				inner.set("b", answering("b", c.second, "X-From", "b"))
				inner.set("c", answering("c", c.third, "X-From", "c"))
				url := serveFront(t, build, fronted(t, plugin.Front{}, "a 0 1", "b 1 1", "c 2 1"))
				for _, path := range []string{"/chat/completions", "/models/org%2Fname?x=%2F", "", "/"} {
					status, body, header := post(t, url+path, `{"model":"m"}`)
					assert.Equal(t, c.want, status)
					assert.Equal(t, c.body+" /secret/"+c.body+path+` {"model":"m"}`, body)
					assert.Equal(t, c.body, header.Get("X-From"))
				}
			})
		}
	})
}

// TestSharesAreExact would catch requests that are not shared by weight, and a backend without a weight, or of a lower priority, that is asked.
func TestSharesAreExact(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			inner.set(name, answering(name, http.StatusOK))
		}
		before := map[string]int64{}
		for name, asked := range inner.asked {
			before[name] = asked.Load()
		}
		url := serveFront(t, build, fronted(t, plugin.Front{}, "a 0 70", "b 0 25", "c 0 5", "d 0 0", "e 1 100"))
		for range 200 {
			post(t, url+"/chat/completions", "{}")
		}
		got := map[string]int64{}
		for name, asked := range inner.asked {
			got[name] = asked.Load() - before[name]
		}
		assert.Equal(t, map[string]int64{"a": 140, "b": 50, "c": 10, "d": 0, "e": 0}, got)
	})
}

// TestAnErrorThatDoesNotEndIsLeft would catch a client that waits for the rest of an answer that it does not get.
func TestAnErrorThatDoesNotEndIsLeft(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		inner.set("a", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
		inner.set("b", answering("b", http.StatusOK))
		url := serveFront(t, build, fronted(t, plugin.Front{}, "a 0 1", "b 1 1"))
		answered := make(chan int, 1)
		go func() {
			response, err := http.Post(url+"/chat/completions", "application/json", strings.NewReader("{}"))
			if assert.NoError(t, err) {
				answered <- response.StatusCode
				_ = response.Body.Close()
			}
		}()
		select {
		case status := <-answered:
			assert.Equal(t, http.StatusOK, status)
		case <-time.After(5 * time.Second):
			t.Error("the client still waits")
		}
	})
}

// TestAHangingBackendIsLeft would catch a client that waits for a server that never answers, by its header or by its first event, and one that is asked
// again and again.
func TestAHangingBackendIsLeft(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		release := make(chan bool)
		defer close(release)
		hang := func(header bool) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if header {
					w.Header().Set("Content-Type", "text/event-stream")
					w.WriteHeader(http.StatusOK)
					w.(http.Flusher).Flush()
				}
				select {
				case <-release:
				case <-r.Context().Done():
				}
			}
		}
		inner.set("b", answering("b", http.StatusOK))
		for name, handler := range map[string]http.HandlerFunc{"header": hang(false), "event": hang(true)} {
			t.Run(name, func(t *testing.T) {
				inner.set("a", handler)
				url := serveFront(t, build, fronted(t, plugin.Front{HeaderTimeout: 300, FirstTokenTimeout: 300, EjectAfter: 2, EjectSeconds: 60}, "a 0 1", "b 1 1"))
				asked := inner.count("a")
				var slow int
				for range 6 {
					began := time.Now()
					status, body, _ := post(t, url+"/chat/completions", "{}")
					assert.Equal(t, http.StatusOK, status)
					assert.Equal(t, "b /secret/b/chat/completions {}", body)
					if time.Since(began) > 250*time.Millisecond {
						slow++
					}
				}
				assert.Equal(t, int64(2), inner.count("a")-asked, "it is ejected after two")
				assert.Equal(t, 2, slow)
			})
		}
	})
}

// TestAnEjectedBackendComesBack would catch one that is out for good, one that all clients try at once, and a Retry-After that is not kept.
func TestAnEjectedBackendComesBack(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		inner.set("b", answering("b", http.StatusOK))
		inner.set("a", answering("a", http.StatusServiceUnavailable))
		url := serveFront(t, build, fronted(t, plugin.Front{EjectAfter: 1, EjectSeconds: 1}, "a 0 1", "b 1 1"))
		ask := func() string {
			status, body, _ := post(t, url+"/chat/completions", "{}")
			assert.Equal(t, http.StatusOK, status)
			return body[:1]
		}
		asked := inner.count("a")
		for range 5 {
			assert.Equal(t, "b", ask())
		}
		assert.Equal(t, int64(1), inner.count("a")-asked)
		time.Sleep(1100 * time.Millisecond)
		assert.Equal(t, "b", ask(), "it is tried, and still fails")
		assert.Equal(t, "b", ask())
		assert.Equal(t, int64(2), inner.count("a")-asked)
		inner.set("a", answering("a", http.StatusOK))
		time.Sleep(1100 * time.Millisecond)
		assert.Equal(t, "a", ask())
		assert.Equal(t, "a", ask())

		inner.set("a", answering("a", http.StatusTooManyRequests, "Retry-After", "2"))
		asked = inner.count("a")
		for range 5 {
			assert.Equal(t, "b", ask())
		}
		assert.Equal(t, int64(1), inner.count("a")-asked)
		inner.set("a", answering("a", http.StatusOK))
		time.Sleep(2100 * time.Millisecond)
		assert.Equal(t, "a", ask())
	})
}

// TestStreamsPassTheFront would catch tokens that wait for one another, and an answer that has begun and is asked for again.
func TestStreamsPassTheFront(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		next := make(chan bool)
		inner.set("a", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for i := range 3 {
				_, _ = fmt.Fprintf(w, "data: %d\n\n", i)
				w.(http.Flusher).Flush()
				<-next
			}
			panic(http.ErrAbortHandler)
		})
		inner.set("b", answering("b", http.StatusOK))
		asked := inner.asked["b"].Load()
		for _, front := range []plugin.Front{{}, {FirstTokenTimeout: 5000, HeaderTimeout: 5000, Deadline: 10000}} {
			url := serveFront(t, build, fronted(t, front, "a 0 1", "b 1 1"))
			response, err := http.Post(url+"/chat/completions", "application/json", strings.NewReader("{}"))
			require.NoError(t, err)
			lines := bufio.NewReader(response.Body)
			for i := range 3 {
				line, err := lines.ReadString('\n')
				require.NoError(t, err)
				assert.Equal(t, fmt.Sprintf("data: %d\n", i), line)
				_, err = lines.ReadString('\n')
				require.NoError(t, err)
				next <- true
			}
			_, err = lines.ReadString('\n')
			assert.Error(t, err, "a stream that breaks off must not look whole")
			_ = response.Body.Close()
		}
		assert.Equal(t, asked, inner.asked["b"].Load())
	})
}

// TestOnlyFrontsReachTheInnerListener would catch a request that comes to a backend by the inner listener, and a token that a route could see.
func TestOnlyFrontsReachTheInnerListener(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		var token string
		inner.set("a", func(_ http.ResponseWriter, r *http.Request) { token = r.Header.Get("X-Modelplane-Token") })
		post(t, serveFront(t, build, fronted(t, plugin.Front{}, "a 0 1"))+"/chat/completions", "{}")
		require.Len(t, token, 64)

		guard, _ := build(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintf(w, "%s %v", r.RemoteAddr, r.Header)
		}), plugin.Config{Inner: true})
		for given, want := range map[string]int{token: http.StatusOK, "": http.StatusNotFound, token[:63]: http.StatusNotFound, strings.ToUpper(token): http.StatusNotFound} {
			r := httptest.NewRequest(http.MethodGet, "/secret/a/models", nil)
			r.RemoteAddr = "127.0.0.1:4711"
			r.Header.Set("X-Modelplane-Token", given)
			r.Header.Set("X-Modelplane-Client", "192.0.2.7:5000")
			answer := answerOf(guard, r)
			assert.Equal(t, want, answer.Code)
			if want == http.StatusOK {
				assert.Equal(t, "192.0.2.7:5000 map[]", answer.Body.String())
				r.Header.Set("X-Modelplane-Token", given)
				r.Header.Set("X-Modelplane-Body", "none")
				assert.Equal(t, http.StatusNotFound, answerOf(guard, r).Code, "a body that no front lends")
			}
		}
	})
}
