package plugin_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// TestABackendWithoutAWeightIsNotWaitedFor would catch an answer that is thrown away for a backend that nobody asks.
func TestABackendWithoutAWeightIsNotWaitedFor(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		inner.set("a", answering("a", http.StatusTooManyRequests, "Retry-After", "7"))
		inner.set("b", answering("b", http.StatusOK))
		url := serveFront(t, build, fronted(t, plugin.Front{}, "a 0 1", "b 1 0"))
		status, body, header := post(t, url+"/x", "{}")
		assert.Equal(t, http.StatusTooManyRequests, status)
		assert.Equal(t, "a /secret/a/x {}", body)
		assert.Equal(t, "7", header.Get("Retry-After"))
	})
}

// TestASlowClientEjectsNobody would catch a deadline that a client uses up by sending its body slowly, so that it takes backends from all others.
func TestASlowClientEjectsNobody(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		inner.set("a", answering("a", http.StatusOK))
		inner.set("b", answering("b", http.StatusOK))
		url := serveFront(t, build, fronted(t, plugin.Front{Deadline: 1000, EjectAfter: 1, EjectSeconds: 60}, "a 0 1", "b 1 1"))
		response, err := http.Post(url+"/x", "application/json", io.MultiReader(strings.NewReader("{"), &late{text: "}", after: 1200 * time.Millisecond}))
		require.NoError(t, err)
		_ = response.Body.Close()
		assert.Equal(t, http.StatusOK, response.StatusCode)
		_, body, _ := post(t, url+"/x", "{}")
		assert.Equal(t, "a /secret/a/x {}", body)
	})
}

// late is a text that comes after a time.
type late struct {
	text  string
	after time.Duration
}

func (l *late) Read(p []byte) (int, error) {
	time.Sleep(l.after)
	l.after = 0
	n := copy(p, l.text)
	l.text = l.text[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// TestARequestThatCannotBeSentEjectsNobody would catch a client that takes all backends from all others by a request that no server could be sent. HTTP/2 has such
// methods, and HTTP/1 such trailers.
func TestARequestThatCannotBeSentEjectsNobody(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		inner.set("a", answering("a", http.StatusOK))
		for name, c := range map[string]struct {
			change func(*http.Request)
			want   int
		}{
			"trailer": {func(r *http.Request) {
				r.Trailer = http.Header{"Bad Name": nil}
				r.TransferEncoding = []string{"chunked"}
			}, http.StatusOK},
			"method": {func(r *http.Request) { r.Method = "NOT ONE" }, http.StatusBadRequest},
		} {
			t.Run(name, func(t *testing.T) {
				front, _ := build(t, http.NotFoundHandler(), fronted(t, plugin.Front{EjectAfter: 1, EjectSeconds: 60}, "a 0 1"))
				request := httptest.NewRequest(http.MethodPost, "/default/chat/v1/x", strings.NewReader("{}"))
				c.change(request)
				answer := answerOf(front, request)
				assert.Equal(t, c.want, answer.Code, answer.Body.String())
				figures := reported(t, build, "team/"+t.Name())
				for name := range figures {
					assert.NotContains(t, name, "ejections")
				}
			})
		}
	})
}

// TestAClientDoesNotChooseThePath would catch a request line that names a path of the inner listener beside the one that the service has: with the form x:y, the
// path is not where it usually is.
func TestAClientDoesNotChooseThePath(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		inner.set("a", answering("a", http.StatusOK))
		inner.set("b", answering("b", http.StatusOK))
		front, _ := build(t, http.NotFoundHandler(), fronted(t, plugin.Front{}, "a 0 1"))
		request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{}"))
		request.URL = &url.URL{Scheme: "http", Opaque: "x:/secret/b/x"}
		answer := answerOf(front, request)
		assert.Equal(t, "a /secret/a {}", answer.Body.String())
	})
}

// TestOnlyOneFindsOut would catch a backend that many requests at once try when its time is over, and an ejection that is counted for each of them.
func TestOnlyOneFindsOut(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		const clients = 40
		fail := answering("a", http.StatusServiceUnavailable)
		var all sync.WaitGroup
		all.Add(clients)
		inner.set("b", answering("b", http.StatusOK))
		inner.set("a", answering("a", http.StatusOK))
		config := fronted(t, plugin.Front{EjectAfter: 1, EjectSeconds: 1}, "a 0 1", "b 1 1")
		url := serveFront(t, build, config)
		post(t, url+"/x", "{}")
		// The first failure is alone, of another service: the interpreter fills tables of its own without a lock.
		inner.set("a", fail)
		config.Service += "-alone"
		post(t, serveFront(t, build, config)+"/x", "{}")
		// All are at the backend before it fails the first.
		inner.set("a", func(w http.ResponseWriter, r *http.Request) { all.Done(); all.Wait(); fail(w, r) })
		together := func() {
			var group sync.WaitGroup
			for range clients {
				group.Go(func() {
					status, _, _ := post(t, url+"/x", "{}")
					assert.Equal(t, http.StatusOK, status)
				})
			}
			group.Wait()
		}
		together()
		assert.Equal(t, "1", reported(t, build, "team/"+t.Name())[`modelplane_ejections_total,model_endpoint='a'`])
		time.Sleep(1100 * time.Millisecond)
		asked := inner.count("a")
		inner.set("a", func(w http.ResponseWriter, r *http.Request) { time.Sleep(500 * time.Millisecond); fail(w, r) })
		together()
		assert.Equal(t, int64(1), inner.count("a")-asked)
		assert.Equal(t, "2", reported(t, build, "team/"+t.Name())[`modelplane_ejections_total,model_endpoint='a'`])
	})
}

// TestNobodyIsEjectedUnasked would catch an ejection of a service that has none, after a backend has asked for a rest.
func TestNobodyIsEjectedUnasked(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		inner.set("a", answering("a", http.StatusTooManyRequests, "Retry-After", "1"))
		inner.set("b", answering("b", http.StatusOK))
		url := serveFront(t, build, fronted(t, plugin.Front{}, "a 0 1", "b 1 1"))
		post(t, url+"/x", "{}")
		inner.set("a", answering("a", http.StatusServiceUnavailable))
		time.Sleep(1100 * time.Millisecond)
		for range 3 {
			post(t, url+"/x", "{}")
		}
		assert.Equal(t, "1", reported(t, build, "team/"+t.Name())[`modelplane_ejections_total,model_endpoint='a'`])
	})
}

// TestAVeryLongRestIsKept would catch a time that does not fit into 64 bits, and so is none.
func TestAVeryLongRestIsKept(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		inner.set("b", answering("b", http.StatusOK))
		for _, seconds := range []string{"10000000000", "99999999999999999999"} {
			t.Run(seconds, func(t *testing.T) {
				inner.set("a", answering("a", http.StatusTooManyRequests, "Retry-After", seconds))
				url := serveFront(t, build, fronted(t, plugin.Front{}, "a 0 1", "b 1 1"))
				asked := inner.count("a")
				for range 3 {
					post(t, url+"/x", "{}")
				}
				assert.Equal(t, int64(1), inner.count("a")-asked)
			})
		}
	})
}

// TestWhatIsLeftOfADeadlineEjectsNobody would catch a backend that is left out because the one before it has hung: then none is left, for good.
func TestWhatIsLeftOfADeadlineEjectsNobody(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		inner.set("a", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		inner.set("b", func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(500 * time.Millisecond)
			_, _ = fmt.Fprint(w, "b")
		})
		url := serveFront(t, build, fronted(t, plugin.Front{HeaderTimeout: 1000, Deadline: 1200, EjectAfter: 1, EjectSeconds: 60}, "a 0 1", "b 1 1"))
		status, _, _ := post(t, url+"/x", "{}")
		assert.Equal(t, http.StatusGatewayTimeout, status)
		status, body, _ := post(t, url+"/x", "{}")
		assert.Equal(t, http.StatusOK, status)
		assert.Equal(t, "b", body)
	})
}

// TestAnAnswerThatBreaksOffGivesItsMemoryBack would catch memory that is lost with each answer that breaks off, until every request is refused.
func TestAnAnswerThatBreaksOffGivesItsMemoryBack(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		broken := func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		inner.set("a", broken)
		front, _ := build(t, http.NotFoundHandler(), fronted(t, plugin.Front{}, "a 0 1"))
		for name, gateway := range map[string]http.Handler{"fronted": guardOf(t, build, front), "plain": proxyTo(t, build, time.Minute, broken).Config.Handler} {
			t.Run(name, func(t *testing.T) {
				server := httptest.NewServer(gateway)
				defer server.Close()
				for range 2 * fits {
					response, err := http.Post(server.URL+"/default/chat/v1/x", "application/json", strings.NewReader(strings.Repeat("x", limit)))
					require.NoError(t, err)
					require.Equal(t, http.StatusOK, response.StatusCode)
					_, err = io.Copy(io.Discard, response.Body)
					require.Error(t, err)
					_ = response.Body.Close()
				}
			})
		}
	})
}

// TestNobodyBorrowsAnothersBody would catch a Middleware in front of a tenant's own route that names the number of another request's body, and has the tenant's server get that.
func TestNobodyBorrowsAnothersBody(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		const secret = "of another tenant"
		isThere, release := make(chan bool), make(chan bool)
		inner.set("held", func(http.ResponseWriter, *http.Request) {
			isThere <- true
			<-release
		})
		victim, _ := build(t, http.NotFoundHandler(), fronted(t, plugin.Front{}, "held 0 1"))
		done := make(chan bool)
		go func() {
			defer close(done)
			answerOf(victim, httptest.NewRequest(http.MethodPost, "/default/chat/v1/x", strings.NewReader(secret)))
		}()
		<-isThere

		got := make(chan string, 2)
		for _, name := range []string{"own", "copied"} {
			inner.set(name, func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got <- string(body)
			})
		}
		thief, _ := build(t, http.NotFoundHandler(), fronted(t, plugin.Front{Mirror: &plugin.Mirror{Path: "/secret/copied", Percent: 100}}, "own 0 1"))
		for number := range int64(2000) {
			r := httptest.NewRequest(http.MethodGet, "/default/chat/v1/x", nil)
			r.Header["X-Modelplane-Body"] = []string{strconv.FormatInt(number, 36)}
			require.Equal(t, http.StatusOK, answerOf(thief, r).Code)
			require.Empty(t, <-got, "%d", number)
			require.Empty(t, <-got, "%d", number)
		}
		close(release)
		<-done
	})
}

// TestATimeoutIsInTheWordsOfItsAPI would catch an error that a client takes for a fault of the server's program.
func TestATimeoutIsInTheWordsOfItsAPI(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		inner.set("a", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		url := serveFront(t, build, fronted(t, plugin.Front{HeaderTimeout: 50}, "a 0 1"))
		for path, want := range map[string]string{
			"/chat/completions":         `"type":"server_error"`,
			"/messages":                 `"type":"timeout_error"`,
			"/models/m:generateContent": `"status":"DEADLINE_EXCEEDED"`,
		} {
			status, body, _ := post(t, url+path, "{}")
			assert.Equal(t, http.StatusGatewayTimeout, status)
			assert.Contains(t, body, want)
		}
	})
}
