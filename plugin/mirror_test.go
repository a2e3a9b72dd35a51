package plugin_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// TestAMirrorCostsNothing would catch a client that waits for a copy, one that gets the copy's answer, and more or fewer copies than asked for.
func TestAMirrorCostsNothing(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		var copies sync.Map
		release := make(chan bool)
		inner.set("a", answering("a", http.StatusOK))
		inner.set("m", func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			copies.Store(string(body), r.URL.RequestURI()+" "+r.Header.Get("X-Team"))
			select {
			case <-release:
			case <-r.Context().Done():
			}
		})
		url := serveFront(t, build, fronted(t, plugin.Front{Mirror: &plugin.Mirror{Path: "/secret/m", Percent: 25}}, "a 0 1"))
		began := time.Now()
		for i := range 100 {
			request, err := http.NewRequest(http.MethodPost, url+"/chat/completions", strings.NewReader(fmt.Sprint(i)))
			require.NoError(t, err)
			request.Header.Set("X-Team", "red")
			response, err := http.DefaultClient.Do(request)
			require.NoError(t, err)
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			_ = response.Body.Close()
			require.Equal(t, fmt.Sprintf("a /secret/a/chat/completions %d", i), string(body))
		}
		assert.Less(t, time.Since(began), 10*time.Second)
		count := 0
		require.Eventually(t, func() bool {
			count = 0
			copies.Range(func(_, value any) bool { count++; return assert.Equal(t, "/secret/m/chat/completions red", value) })
			return count == 25
		}, 5*time.Second, 50*time.Millisecond)
		close(release)
	})
}

// TestFailoversAreCounted would catch a failure that nobody sees, since clients do not.
func TestFailoversAreCounted(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		inner.set("b", answering("b", http.StatusOK))
		release := make(chan bool)
		defer close(release)
		url := serveFront(t, build, fronted(t, plugin.Front{EjectAfter: 3, EjectSeconds: 60, HeaderTimeout: 1500}, "a 0 1", "b 1 1"))
		inner.set("a", answering("a", http.StatusServiceUnavailable))
		post(t, url+"/chat/completions", "{}")
		post(t, url+"/chat/completions", "{}")
		inner.set("a", func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		})
		post(t, url+"/chat/completions", "{}")
		post(t, url+"/chat/completions", "{}")
		figures := reported(t, build, "team/"+t.Name())
		assert.Equal(t, "2", figures[`modelplane_failovers_total,model_endpoint='a',reason='503'`], "%v", figures)
		assert.Equal(t, "1", figures[`modelplane_failovers_total,model_endpoint='a',reason='timeout'`], "%v", figures)
		assert.Equal(t, "1", figures[`modelplane_ejections_total,model_endpoint='a'`], "%v", figures)
	})
}
