package plugin_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// aDay is a limit whose span ends in this test only at midnight.
func aDay(by string, tokens int) plugin.Limit {
	return plugin.Limit{By: by, Tokens: tokens, Seconds: 86400}
}

func chatOf(caller, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(body))
	r.Header.Set(plugin.CallerHeader, caller)
	return r
}

// TestNobodyPassesOnceTheTokensAreUsed would catch a caller that goes on after its tokens, one that pays for another's, and a stream that costs nothing.
func TestNobodyPassesOnceTheTokensAreUsed(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		for kind, form := range map[string]tokened{"whole": forms["OpenAI"], "stream": forms["OpenAI's stream"]} {
			config := limited(t, aDay("caller", 13))
			config.Service += kind
			handler := metered(t, build, config, inParts(form.kind, form.body, 1<<20))
			for i, left := range []string{"13", "1"} {
				got := answerOf(handler, chatOf("ana", `{"stream":true}`))
				require.Equal(t, http.StatusOK, got.Code, i)
				assert.Equal(t, "13", got.Header().Get("X-Ratelimit-Limit-Tokens"))
				assert.Equal(t, left, got.Header().Get("X-Ratelimit-Remaining-Tokens"))
			}
			refused := answerOf(handler, chatOf("ana", `{}`))
			require.Equal(t, http.StatusTooManyRequests, refused.Code)
			assert.Equal(t, "rate_limit_exceeded", errorCode(t, refused))
			assert.Equal(t, "0", refused.Header().Get("X-Ratelimit-Remaining-Tokens"))
			seconds, err := strconv.Atoi(refused.Header().Get("Retry-After"))
			require.NoError(t, err)
			assert.InDelta(t, 86400-time.Now().Unix()%86400, seconds, 2)
			assert.Equal(t, http.StatusOK, answerOf(handler, chatOf("ben", `{}`)).Code)
		}
	})
}

// TestASpanOfTokensEnds would catch tokens that stay used, and a span that begins with a client's first request.
func TestASpanOfTokensEnds(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_800_000_000, 0) // a whole minute
	assert.Equal(t, 21*time.Second, plugin.SpendAt(t.Name(), at.Add(39*time.Second)))
	assert.Equal(t, time.Second/2, plugin.OverspentAt(t.Name(), at.Add(59500*time.Millisecond)))
	assert.Zero(t, plugin.OverspentAt(t.Name(), at.Add(time.Minute)))
}

// TestLeavingEarlySavesNothing would catch a caller that gets tokens for nothing: by leaving before the event with the usage, by a spelling that the gateway does not take for a stream,
// or because the server tells nothing.
func TestLeavingEarlySavesNothing(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		sent := make(chan bool, 1)
		gone := make(chan bool)
		backend := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			inParts(events, strings.Repeat(openAIs, 20), 1<<20)(w, r)
			if strings.Contains(r.URL.RawQuery, "wait") {
				sent <- true
				<-gone
			}
		})
		config := limited(t, aDay("caller", 25))
		handler := metered(t, build, config, backend)
		gateway := httptest.NewServer(handler)
		defer gateway.Close()
		// 24 bytes, which are about six tokens.
		body := `{"str\u0065am":true    }`
		ctx, cancel := context.WithCancel(t.Context())
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, gateway.URL+"/v1/chat/completions?wait", strings.NewReader(body))
		require.NoError(t, err)
		request.Header.Set(plugin.CallerHeader, "ana")
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		_, err = io.ReadFull(response.Body, make([]byte, len(openAIs)))
		require.NoError(t, err)
		<-sent
		cancel()
		_ = response.Body.Close()
		close(gone)
		require.Eventually(t, func() bool { return answerOf(handler, chatOf("ana", body)).Code == http.StatusTooManyRequests }, 5*time.Second, 20*time.Millisecond)
		require.Equal(t, http.StatusOK, answerOf(handler, chatOf("ben", body)).Code)
		assert.Equal(t, http.StatusTooManyRequests, answerOf(handler, chatOf("ben", body)).Code)
	})
}

// TestTheTightestLimitIsTold would catch a header that tells more than a client has left, and a server's own word that is taken for the gateway's.
func TestTheTightestLimitIsTold(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		backend := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Ratelimit-Remaining-Requests", "9999")
			w.Header().Set("X-Ratelimit-Remaining-Tokens", "9999")
			inParts("application/json", forms["OpenAI"].body, 1<<20)(w, r)
		})
		outer := limited(t, plugin.Limit{By: "all", Requests: 100, Seconds: 60}, aDay("all", 1000))
		outer.Service += "-outer"
		inner := limited(t, plugin.Limit{By: "caller", Requests: 3, Seconds: 3600}, plugin.Limit{By: "all", Requests: 50, Seconds: 60}, plugin.Limit{By: "all", InFlight: 9})
		between, _ := build(t, backend, inner)
		handler, _ := build(t, between, outer)
		got := answerOf(handler, chatOf("ana", "{}"))
		header := got.Header()
		assert.Equal(t, []string{"3", "2", "20m0s"}, []string{
			header.Get("X-Ratelimit-Limit-Requests"), header.Get("X-Ratelimit-Remaining-Requests"), header.Get("X-Ratelimit-Reset-Requests"),
		})
		assert.Equal(t, []string{"1000", "1000"}, []string{header.Get("X-Ratelimit-Limit-Tokens"), header.Get("X-Ratelimit-Remaining-Tokens")})
		for range 2 {
			answerOf(handler, chatOf("ana", "{}"))
		}
		refused := answerOf(handler, chatOf("ana", "{}"))
		require.Equal(t, http.StatusTooManyRequests, refused.Code)
		assert.Equal(t, []string{"0"}, refused.Header()["X-Ratelimit-Remaining-Requests"])
		assert.Equal(t, "964", refused.Header().Get("X-Ratelimit-Remaining-Tokens"))
	})
}

// TestALimitOfTwoKindsIsNone would catch a limit that is taken for something else than it says.
func TestALimitOfTwoKindsIsNone(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		for _, limit := range []plugin.Limit{
			{By: "all", Tokens: 1}, {By: "all", Tokens: -1, Seconds: 60}, {By: "all", Tokens: 1, Requests: 1, Seconds: 60}, {By: "all", Tokens: 1, InFlight: 1, Seconds: 60},
		} {
			handler, _ := build(t, unreachable(t), limited(t, limit))
			assert.Equal(t, http.StatusInternalServerError, answerOf(handler, chatOf("ana", "{}")).Code, limit)
		}
	})
}
