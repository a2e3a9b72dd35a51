package plugin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// BenchmarkTokens is a request that is counted, with its tokens and without, and with a limit of them: an answer in one piece, and one of 100 events.
func BenchmarkTokens(b *testing.B) {
	ask := `{"model":"m","stream":%t,"messages":[{"role":"user","content":"Hello"}]}`
	stream := strings.Repeat(openAIs, 100)
	for name, build := range engines {
		for kind, backend := range map[string]http.Handler{
			"whole":  inParts("application/json", forms["OpenAI"].body, 1<<20),
			"stream": inParts(events, stream+openAIs2, len(openAIs)),
		} {
			with := counted(b)
			with.Tokens = true
			limit := limited(b, plugin.Limit{By: "caller", Tokens: 2_000_000_000, Seconds: 60})
			within, _ := build(b, metered(b, build, with, backend), limit)
			for what, handler := range map[string]http.Handler{"counted": metered(b, build, counted(b), backend), "tokens": metered(b, build, with, backend), "limited": within} {
				b.Run(name+"/"+kind+"/"+what, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						require.Equal(b, http.StatusOK, answerOf(handler, chatOf("ana", fmt.Sprintf(ask, kind == "stream"))).Code)
					}
				})
			}
		}
	}
}
