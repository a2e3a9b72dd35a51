package plugin_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// BenchmarkFront is a short chat request through a front, with what is in front of it, to an inner listener that answers at once.
func BenchmarkFront(b *testing.B) {
	const chat = `{"model":"m","messages":[{"role":"user","content":"Hello"}]}`
	inner := serveInner(b)
	inner.set("a", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "ok")
	})
	for name, build := range engines {
		useBorrowOf(b, name)
		front, _ := build(b, http.NotFoundHandler(), fronted(b, plugin.Front{}, "a 0 1"))
		guarded, _ := build(b, front, reader)
		asked, _ := build(b, front, asking(line("alice", "sk-1")))
		for what, handler := range map[string]http.Handler{"alone": front, "guarded": guarded, "asked": asked} {
			b.Run(name+"/"+what, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					r := httptest.NewRequest(http.MethodPost, "/default/chat/v1/chat/completions", strings.NewReader(chat))
					r.Header["Authorization"] = []string{"Bearer sk-1"}
					require.Equal(b, http.StatusOK, answerOf(handler, r).Code)
				}
			})
		}
	}
}
