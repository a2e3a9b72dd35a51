package plugin_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// replica is one process of the plugin: the compiled one and the interpreted one count apart, as two replicas do.
type replica struct {
	handler http.Handler
	logged  *lockedBuffer
	share   func()
}

// replicas are two that share by a Redis server with a password.
func replicas(t *testing.T, limit plugin.Limit) (first, second replica, server *miniredis.Miniredis) {
	t.Helper()
	server = miniredis.RunT(t)
	server.RequireAuth("pass word")
	url := "redis://" + server.Addr() + "/3"
	first.share = plugin.ShareBy(url, "pass word", "gw")
	second.share = sharing(t)(url, "pass word", "gw")
	t.Cleanup(func() {
		plugin.ShareBy("", "", "")
		sharing(t)("", "", "")
	})
	backend := inParts("application/json", forms["OpenAI"].body, 1<<20) // 12 tokens
	config := limited(t, limit)
	inner, _ := compiled(t, backend, config)
	first.handler = inner
	second.handler, second.logged = interpreted(t, backend, config)
	first.logged = &lockedBuffer{}
	return first, second, server
}

// sharing is plugin.ShareBy of the interpreted plugin.
func sharing(t *testing.T) func(url, password, name string) func() {
	t.Helper()
	return symbol[func(string, string, string) func()](t, "plugin.shareBy")
}

func (r replica) ask(caller string) *httptest.ResponseRecorder {
	return answerOf(r.handler, chatOf(caller, "{}"))
}

// TestReplicasCountTogether would catch a replica that does not know what another one has counted, one that counts what it has sent twice, and a count that outlives its span.
func TestReplicasCountTogether(t *testing.T) {
	first, second, server := replicas(t, aDay("caller", 30))
	require.Equal(t, http.StatusOK, first.ask("ana").Code)
	first.share()
	require.Equal(t, http.StatusOK, second.ask("ana").Code)
	second.share()
	assert.Equal(t, "6", second.ask("ana").Header().Get("X-Ratelimit-Remaining-Tokens"), "12 of each before this one")
	second.share()
	first.ask("ben")
	first.share()
	assert.Equal(t, http.StatusOK, first.ask("ana").Code, "it has not asked for ana since")
	first.share()
	for _, r := range []replica{first, second} {
		r.share()
		r.share()
		assert.Equal(t, http.StatusTooManyRequests, r.ask("ana").Code)
		assert.Equal(t, http.StatusOK, r.ask("ben").Code)
		r.share()
	}
	server.Select(3)
	keys := slices.DeleteFunc(server.Keys(), func(key string) bool {
		return !strings.HasPrefix(key, "gw team/"+t.Name()+" tokens in 86400 by caller  ")
	})
	require.Len(t, keys, 2, "%v", server.Keys())
	for _, key := range keys {
		assert.Equal(t, 48*time.Hour, server.TTL(key))
	}
	sum, err := server.Get(keys[0])
	require.NoError(t, err)
	assert.Equal(t, "48", sum)
}

// TestWithoutTheServerEachReplicaCountsForItself would catch a request that waits or fails because the server is away, tokens that are forgotten meanwhile, and a failure that nobody is told of.
func TestWithoutTheServerEachReplicaCountsForItself(t *testing.T) {
	first, second, server := replicas(t, aDay("caller", 30))
	server.Close()
	for _, r := range []replica{first, second} {
		begun := time.Now()
		require.Equal(t, http.StatusOK, r.ask("ana").Code)
		require.Equal(t, http.StatusOK, r.ask("ana").Code)
		assert.Less(t, time.Since(begun), time.Second)
		r.share()
	}
	assert.Contains(t, second.logged.String(), "Redis does not answer")
	assert.NotContains(t, second.logged.String(), "pass word")
	answer := answerOf(reporting(t, interpreted, http.NotFoundHandler()), httptest.NewRequest(http.MethodGet, "/metrics", nil))
	assert.Contains(t, answer.Body.String(), `modelplane_shared_limits_up{gateway="infra/gw"} 0`)
	require.NoError(t, server.Restart())
	server.RequireAuth("pass word")
	time.Sleep(1100 * time.Millisecond)
	for _, r := range []replica{first, second} {
		r.share()
	}
	for _, r := range []replica{first, second} {
		r.ask("ana")
		r.share()
		assert.Equal(t, http.StatusTooManyRequests, r.ask("ana").Code, "48 tokens and more")
	}
	assert.Contains(t, second.logged.String(), "Redis answers again")
}

// TestAServerThatIsNoRedisIsNone would catch an answer that the plugin takes for a number, waits for or fails by.
func TestAServerThatIsNoRedisIsNone(t *testing.T) {
	first, second, _ := replicas(t, aDay("caller", 30))
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	first.share = plugin.ShareBy(strings.Replace(web.URL, "http", "redis", 1), "x", "gw")
	second.share = sharing(t)(strings.Replace(web.URL, "http", "redis", 1), "x", "gw")
	for _, r := range []replica{first, second} {
		require.Equal(t, http.StatusOK, r.ask("ana").Code)
		r.share()
		require.Equal(t, http.StatusOK, r.ask("ana").Code)
		r.share()
		assert.Equal(t, http.StatusOK, r.ask("ana").Code)
		assert.Equal(t, http.StatusTooManyRequests, r.ask("ana").Code)
	}
}
