package plugin_test

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// limited is a configuration of a service of its own, so that no test counts another's requests.
func limited(t testing.TB, limits ...plugin.Limit) plugin.Config {
	return plugin.Config{Service: "team/" + t.Name(), Limits: limits}
}

// TestALimitLetsAsManyThroughAsItSays would catch one request too many or too few, clients that share a limit or share none, and a Retry-After
// after which the next request is refused again.
func TestALimitLetsAsManyThroughAsItSays(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		for by, from := range map[string]func(r *http.Request, client string){
			"caller":  func(r *http.Request, client string) { r.Header.Set(plugin.CallerHeader, client) },
			"address": func(r *http.Request, client string) { r.RemoteAddr = "[2001:db8:0:" + client + "::7]:4711" },
			"header":  func(r *http.Request, client string) { r.Header.Set("X-Team", client) },
			"all":     func(*http.Request, string) {},
		} {
			t.Run(by, func(t *testing.T) {
				handler, _ := build(t, echo, limited(t, plugin.Limit{By: by, Header: "X-Team", Requests: 5, Seconds: 2}))
				send := func(client string) *httptest.ResponseRecorder {
					r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", nil)
					from(r, client)
					return answerOf(handler, r)
				}
				for i := range 5 {
					require.Equal(t, http.StatusOK, send("1").Code, i)
				}
				refused := send("1")
				require.Equal(t, http.StatusTooManyRequests, refused.Code)
				assert.Contains(t, refused.Body.String(), `"code":"rate_limit_exceeded"`)
				want := http.StatusOK
				if by == "all" {
					want = http.StatusTooManyRequests
				}
				assert.Equal(t, want, send("2").Code)
				seconds, err := strconv.Atoi(refused.Header().Get("Retry-After"))
				require.NoError(t, err)
				require.LessOrEqual(t, seconds, 1, "one of five requests in two seconds is allowed again after 0.4 s")
				time.Sleep(time.Duration(seconds) * time.Second)
				assert.Equal(t, http.StatusOK, send("1").Code)
			})
		}
	})
}

// TestOneClientHasOneAddress would catch a client that gets a new allowance by an address that it makes up, or by another one of its own,
// and a proxy whose clients share one.
func TestOneClientHasOneAddress(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		for name, c := range map[string]struct {
			first, second string // the connection's address, and what X-Forwarded-For says
			shared        bool
		}{
			"made up":                         {"203.0.113.5:1 ", "203.0.113.5:2 198.51.100.1", true},
			"made up behind a proxy":          {"10.0.0.9:1 203.0.113.5", "10.0.0.9:2 198.51.100.1,203.0.113.5", true},
			"made up, with a proxy's address": {"10.0.0.9:1 203.0.113.5", "10.0.0.8:2 10.0.0.7,203.0.113.5,10.0.0.6", true},
			"in another form":                 {"10.0.0.9:1 203.0.113.5", "10.0.0.9:2 ::ffff:203.0.113.5", true},
			"another of its network":          {"[2001:db8::1]:1 ", "[2001:db8::ffff:1]:2 ", true},
			"another network":                 {"[2001:db8::1]:1 ", "[2001:db8:0:1::1]:1 ", false},
			"two clients of one proxy":        {"10.0.0.9:1 203.0.113.5", "10.0.0.9:1 203.0.113.6", false},
		} {
			config := limited(t, plugin.Limit{By: "address", Requests: 1, Seconds: 600})
			config.Service += name
			config.TrustedProxies = []string{"10.0.0.0/8"}
			handler, _ := build(t, echo, config)
			send := func(from string) int {
				r := httptest.NewRequest(http.MethodGet, "/v1/models", nil)
				var forwarded string
				r.RemoteAddr, forwarded, _ = strings.Cut(from, " ")
				r.Header.Set("X-Forwarded-For", forwarded)
				return answerOf(handler, r).Code
			}
			require.Equal(t, http.StatusOK, send(c.first), name)
			want := http.StatusOK
			if c.shared {
				want = http.StatusTooManyRequests
			}
			assert.Equal(t, want, send(c.second), name)
		}
	})
}

// TestProxiesThatMeanNothingStopTheMiddleware would catch limits that count all clients of a proxy as one because of a range that was misspelt.
func TestProxiesThatMeanNothingStopTheMiddleware(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		config := limited(t, plugin.Limit{By: "address", Requests: 1, Seconds: 1})
		config.TrustedProxies = []string{"10.0.0.1"}
		handler, logged := build(t, echo, config)
		assert.Equal(t, http.StatusInternalServerError, answerOf(handler, httptest.NewRequest(http.MethodGet, "/v1/models", nil)).Code)
		assert.Contains(t, logged.String(), "trustedProxies: range 1 is not a range of IP addresses")
	})
}

// TestALimitOutlivesAReload would catch allowances that are whole again whenever Traefik makes its middlewares again.
func TestALimitOutlivesAReload(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		config := limited(t, plugin.Limit{By: "all", Requests: 1, Seconds: 60})
		for i, want := range []int{http.StatusOK, http.StatusTooManyRequests, http.StatusTooManyRequests} {
			handler, _ := build(t, echo, config)
			answer := answerOf(handler, httptest.NewRequest(http.MethodGet, "/v1/models", nil))
			assert.Equal(t, want, answer.Code, i)
		}
	})
}

// TestLimitsCountApart would catch two limits that share a count because they tell clients apart by the same thing, and a limit that counts what another
// one has refused.
func TestLimitsCountApart(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		statuses := func(handler http.Handler, team string, n int) (all []int) {
			for range n {
				r := httptest.NewRequest(http.MethodGet, "/v1/models", nil)
				r.Header.Set("X-Team", team)
				all = append(all, answerOf(handler, r).Code)
			}
			return all
		}
		const ok, refused = http.StatusOK, http.StatusTooManyRequests
		config := limited(t, plugin.Limit{By: "all", Requests: 3, Seconds: 60}, plugin.Limit{By: "all", Requests: 5, Seconds: 86400})
		config.Service += " spans"
		handler, _ := build(t, echo, config)
		assert.Equal(t, []int{ok, ok, ok, refused}, statuses(handler, "", 4))

		config = limited(t, plugin.Limit{By: "all", Requests: 4, Seconds: 3600}, plugin.Limit{By: "header", Header: "X-Team", Requests: 2, Seconds: 3600})
		config.Service += " teams"
		handler, _ = build(t, echo, config)
		assert.Equal(t, []int{ok, ok, refused, refused, refused}, statuses(handler, "red", 5))
		assert.Equal(t, []int{ok, ok, refused}, statuses(handler, "blue", 3))

		// Long names are told apart, too.
		config = limited(t, plugin.Limit{By: "header", Header: "X-Team", Requests: 1, Seconds: 3600})
		config.Service += " long"
		handler, _ = build(t, echo, config)
		for _, end := range []string{"a", "b"} {
			assert.Equal(t, []int{ok, refused}, statuses(handler, strings.Repeat("x", 500_000)+end, 2), end)
		}
	})
}

// TestRequestsInFlightAreCounted would catch a request that is counted after its end, or one that a panic or a refusal leaves counted.
func TestRequestsInFlightAreCounted(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		entered, leave := make(chan bool), make(chan bool)
		handler, _ := build(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { entered <- true; <-leave }),
			limited(t, plugin.Limit{By: "all", InFlight: 2}, plugin.Limit{By: "all", Requests: 100, Seconds: 1}))
		send := func() int {
			return answerOf(handler, httptest.NewRequest(http.MethodGet, "/v1/models", nil)).Code
		}
		// The first request is alone: the interpreter fills tables of its own without a lock.
		go func() { <-entered; leave <- true }()
		require.Equal(t, http.StatusOK, send())
		for round := range 2 {
			var both sync.WaitGroup
			for range 2 {
				both.Go(func() { assert.Equal(t, http.StatusOK, send()) })
			}
			<-entered
			<-entered
			for range 3 {
				assert.Equal(t, http.StatusTooManyRequests, send(), round)
			}
			leave <- true
			leave <- true
			both.Wait()
		}
	})
}

// TestACutAnswerIsNotUnderWayForEver would catch a request that stays counted because its answer broke off, which Go's proxy says by a panic.
func TestACutAnswerIsNotUnderWayForEver(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler, _ := build(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
			limited(t, plugin.Limit{By: "all", InFlight: 1}))
		for range 3 {
			assert.Panics(t, func() { answerOf(handler, httptest.NewRequest(http.MethodGet, "/v1/models", nil)) })
		}
	})
}

// TestNobodyCountsForAnother would catch a Middleware by hand that uses up what a service of another namespace allows.
func TestNobodyCountsForAnother(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		for _, service := range []string{"", "team", "/chat", "default/chat", "tea/chat", "team_groq@kubernetescrd/chat"} {
			handler, logged := build(t, echo, plugin.Config{Service: service, Limits: []plugin.Limit{{By: "all", Requests: 1, Seconds: 1}}})
			assert.Equal(t, http.StatusInternalServerError, answerOf(handler, httptest.NewRequest(http.MethodGet, "/v1/models", nil)).Code, service)
			assert.Contains(t, logged.String(), "in the Middleware's own namespace")
		}
	})
}

// TestOnlyAllowedAddressesGetIn would catch a client that gets in by saying that it is another, and one behind a proxy that does not.
func TestOnlyAllowedAddressesGetIn(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler, _ := build(t, echo, plugin.Config{AllowFrom: []string{"192.0.2.0/24", "2001:db8::/32"}, TrustedProxies: []string{"10.0.0.0/8"}})
		for from, want := range map[[2]string]int{
			{"192.0.2.7:4711", ""}:                    http.StatusOK,
			{"[2001:db8::7]:4711", ""}:                http.StatusOK,
			{"192.0.3.7:4711", ""}:                    http.StatusForbidden,
			{"192.0.3.7:4711", "192.0.2.7"}:           http.StatusForbidden,
			{"10.1.2.3:4711", "192.0.2.7"}:            http.StatusOK,
			{"10.1.2.3:4711", "192.0.3.7"}:            http.StatusForbidden,
			{"10.1.2.3:4711", "192.0.2.7, 192.0.3.7"}: http.StatusForbidden,
			{"10.1.2.3:4711", "192.0.3.7, 192.0.2.7"}: http.StatusOK,
			{"10.1.2.3:4711", ""}:                     http.StatusForbidden,
			{"10.1.2.3:4711", "192.0.2.7, 10.9.9.9"}:  http.StatusOK,
			{"[::ffff:192.0.2.7]:4711", ""}:           http.StatusOK,
			{"nowhere", ""}:                           http.StatusForbidden,
		} {
			r := httptest.NewRequest(http.MethodGet, "/v1/models", nil)
			r.RemoteAddr = from[0]
			if from[1] != "" {
				r.Header.Set("X-Forwarded-For", from[1])
			}
			answer := answerOf(handler, r)
			assert.Equal(t, want, answer.Code, from)
			if want == http.StatusForbidden {
				assert.Contains(t, answer.Body.String(), "address_not_allowed")
			}
		}
	})
}

// TestMadeUpClientsTakeNoMemory would catch a count for each name that a client makes up.
func TestMadeUpClientsTakeNoMemory(t *testing.T) {
	handler, _ := compiled(t, echo, limited(t, plugin.Limit{By: "header", Header: "X-Team", Requests: 1, Seconds: 3600}))
	refused := 0
	for i := range 100_100 {
		r := httptest.NewRequest(http.MethodGet, "/v1/models", nil)
		r.Header.Set("X-Team", fmt.Sprint(i))
		answer := answerOf(handler, r)
		if answer.Code == http.StatusTooManyRequests {
			refused++
		}
	}
	assert.Equal(t, 99, refused, "the clients after the first 100,000 share one count")
}

// TestBodiesAreLimited would catch a body that is too large and goes on, and one that is not and does not.
func TestBodiesAreLimited(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		reached := 0
		handler, _ := build(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			content, err := io.ReadAll(r.Body)
			assert.NoError(t, err)
			reached = len(content)
			w.WriteHeader(http.StatusOK)
		}), plugin.Config{MaxBodyBytes: 1000})
		for _, known := range []bool{true, false} {
			for size, want := range map[int]int{0: 200, 1000: 200, 1001: 413, 5000: 413} {
				reached = -1
				r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(strings.Repeat("x", size)))
				if !known {
					r.ContentLength = -1
				}
				answer := answerOf(handler, r)
				assert.Equal(t, want, answer.Code, "%d %v", size, known)
				if want == http.StatusOK {
					assert.Equal(t, size, reached)
				} else {
					assert.Equal(t, -1, reached)
					assert.Contains(t, answer.Body.String(), "request_too_large")
				}
			}
		}
	})
}

// TestAClockThatIsSetBackChangesNothing would catch clients that are refused for as long as the clock has been set back.
func TestAClockThatIsSetBackChangesNothing(t *testing.T) {
	now := time.Now()
	require.Zero(t, plugin.TakeAt(t.Name(), now))
	// The seconds of the wall clock are in the upper part of the first word.
	*(*uint64)(unsafe.Pointer(&now)) -= 3600 << 30
	assert.Equal(t, time.Minute, plugin.TakeAt(t.Name(), now))
}

// TestAnEnormousBodyIsNotAskedFor would catch a Middleware of one team that spoils the memory of all.
func TestAnEnormousBodyIsNotAskedFor(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler, _ := build(t, echo, plugin.Config{MaxBodyBytes: math.MaxInt64})
		request := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", io.MultiReader(strings.NewReader("{}")))
		assert.Equal(t, http.StatusInternalServerError, answerOf(handler, request).Code)
	})
}

// TestALimitIsGivenBackBeforeItsAnswerIsWhole would catch a client that has all of its answer, asks again at once, and is refused for the request that was answered.
func TestALimitIsGivenBackBeforeItsAnswerIsWhole(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		text := forms["OpenAI"].body
		backend := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(text)))
			inParts("application/json", text, len(text))(w, r)
		})
		handler, _ := build(t, metered(t, build, metering(t), backend), limited(t, plugin.Limit{By: "all", InFlight: 1}, aDay("all", 1<<30)))
		server := httptest.NewServer(handler)
		defer server.Close()
		// A connection of its own for every other request: the gateway may end the one while it begins the next.
		clients := []*http.Client{{Transport: &http.Transport{}}, {Transport: &http.Transport{}}}
		for i := range 300 {
			response, err := clients[i%2].Post(server.URL+"/v1/chat/completions", "application/json", strings.NewReader("{}"))
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, response.Body)
			require.NoError(t, err)
			_ = response.Body.Close()
			require.Equal(t, http.StatusOK, response.StatusCode, "request %d", i)
		}
	})
}

// TestASpanThatOverflowsIsRefused would catch a Middleware of one tenant's that ends the counting of all, since a number in it is larger than a time can be.
func TestASpanThatOverflowsIsRefused(t *testing.T) {
	share := plugin.ShareBy("redis://127.0.0.1:1", "", "x")
	defer plugin.ShareBy("", "", "")
	inEveryEngine(t, func(t *testing.T, build engine) {
		for _, limit := range []plugin.Limit{
			{By: "all", Tokens: 1, Seconds: 1 << 55}, {By: "all", Tokens: 1, Seconds: plugin.MaxSeconds + 1}, {By: "all", Requests: 1, Seconds: 1 << 55}, {By: "all", Requests: 1 << 40, Seconds: 1},
		} {
			handler, logged := build(t, echo, limited(t, limit))
			assert.Equal(t, http.StatusInternalServerError, answerOf(handler, httptest.NewRequest(http.MethodGet, "/x", nil)).Code, "%+v", limit)
			assert.Contains(t, logged.String(), "limits has an entry that the plugin does not understand")
		}
		require.NotPanics(t, share)
	})
}
