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

// BenchmarkCatalog is a chat request of 1 kB on all its way: the entry point, a plain key, or a catalog with callers, a limit in tokens and their count, whose backend has a key and a
// name of its own for the model.
func BenchmarkCatalog(b *testing.B) {
	chat := `{"messages":[{"role":"user","content":"` + strings.Repeat("word ", 190) + `"}],"model":"m"}`
	answer := inParts("application/json", forms["OpenAI"].body, 1<<20)
	server := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		answer(w, r)
	})
	inner := serveInner(b)
	key := "sk-backend"
	for name, build := range engines {
		useBorrowOf(b, name)
		with := func(next http.Handler, config plugin.Config) http.Handler {
			made, _ := build(b, next, config)
			return made
		}
		inner.setWhole(with(with(server, plugin.Config{Anonymous: true, Bearer: &key, Model: "servers-own"}), plugin.Config{Inner: true}))
		entry := func(next http.Handler) http.Handler {
			return with(next, plugin.Config{RemoveOwnHeaders: true, RefuseDotSegments: true, ReadBody: true})
		}
		catalog := func(tokens bool) http.Handler {
			config := cataloged(b, plugin.Model{Names: []string{"m"}, Service: "a", Count: true, Tokens: tokens})
			return with(http.NotFoundHandler(), config)
		}
		limits := limited(b, plugin.Limit{By: "caller", Tokens: 2_000_000_000, Seconds: 60})
		for what, handler := range map[string]http.Handler{
			"plain":   entry(with(server, plugin.Config{Anonymous: true, Bearer: &key})),
			"catalog": entry(catalog(false)),
			"tokens":  entry(with(with(with(catalog(true), limits), asking(line("alice", "sk-1"))), plugin.Config{ByModel: true})),
		} {
			b.Run(name+"/"+what, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(chat))
					r.Header["Authorization"] = []string{"Bearer sk-1"}
					r.Header["Content-Type"] = []string{"application/json"}
					require.Equal(b, http.StatusOK, answerOf(handler, r).Code)
				}
			})
		}
		inner.setWhole(nil)
	}
}
