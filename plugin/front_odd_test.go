package plugin_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// TestAStreamThatBreaksOffBeforeItsFirstEventIsAskedForAgain would catch one that a client gets, and one that is counted as a timeout.
func TestAStreamThatBreaksOffBeforeItsFirstEventIsAskedForAgain(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		inner.set("a", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		})
		inner.set("b", answering("b", http.StatusOK))
		url := serveFront(t, build, fronted(t, plugin.Front{FirstTokenTimeout: 5000}, "a 0 1", "b 1 1"))
		status, body, _ := post(t, url+"/chat/completions", "{}")
		assert.Equal(t, http.StatusOK, status)
		assert.Equal(t, "b /secret/b/chat/completions {}", body)
		figures := reported(t, build, "team/"+t.Name())
		assert.Equal(t, "1", figures[`modelplane_failovers_total,model_endpoint='a',reason='unreachable'`], "%v", figures)
	})
}

// TestAnOfferOfAnotherProtocolChangesNothing would catch a body that is lost because its request offers another protocol, as Java's client does with each,
// and a WebSocket that is opened at a mirror, where nobody would speak.
func TestAnOfferOfAnotherProtocolChangesNothing(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		copies := make(chan string, 10)
		inner.set("a", answering("a", http.StatusOK))
		inner.set("m", func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			copies <- fmt.Sprint(r.Method, r.Header["Upgrade"], r.Header["Connection"], string(body))
		})
		url := serveFront(t, build, fronted(t, plugin.Front{Mirror: &plugin.Mirror{Path: "/secret/m", Percent: 100}}, "a 0 1"))
		send := func(method, offered, body string) string {
			request, err := http.NewRequest(method, url+"/x", strings.NewReader(body))
			require.NoError(t, err)
			request.Header.Set("Connection", "Upgrade")
			request.Header.Set("Upgrade", offered)
			response, err := http.DefaultClient.Do(request)
			require.NoError(t, err)
			defer response.Body.Close()
			content, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			return string(content)
		}
		assert.Equal(t, "a /secret/a/x ", send(http.MethodGet, "websocket", ""))
		assert.Equal(t, `a /secret/a/x {"n":1}`, send(http.MethodPost, "h2c", `{"n":1}`))
		assert.Equal(t, `POST[] []{"n":1}`, <-copies)
		time.Sleep(100 * time.Millisecond)
		assert.Empty(t, copies)
	})
}
