package plugin_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// cut answers with a body and breaks off.
func cut(kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		inParts(kind, body, 1<<15)(w, r)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// TestNothingIsFree would catch an answer that costs less than its tokens, however its client or its server goes about it, and one that costs much more.
func TestNothingIsFree(t *testing.T) {
	const million = 1_000_000
	event := func(content string) string {
		return `data: {"choices":[{"delta":{"content":"` + content + `"}}]}` + "\n\n"
	}
	final := `data: {"response":{"model":"m","usage":{"input_tokens":7000,"output_tokens":3000}}}` + "\n\n"
	usage := `"usage":{"prompt_tokens":4000,"completion_tokens":1007}`
	soFar := func(n int) string {
		return fmt.Sprintf(`data: {"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":10,"completion_tokens":%d}}`, n) + "\n\n"
	}
	prompt := `{"prompt":"` + strings.Repeat("word ", 8000) + `","stre\u0061m":true}` // 40 kB
	inEveryEngine(t, func(t *testing.T, build engine) {
		for name, c := range map[string]struct {
			backend     http.HandlerFunc
			body        io.Reader
			least, most int
		}{
			"an event that is too long to be kept":      {inParts(events, `data: {"x":"`+strings.Repeat("x", 300_000)+`"}`+"\n\n"+event("a")+final, 1<<15), nil, 10_000, 10_000},
			"in small parts":                            {inParts(events, `data: {"x":"`+strings.Repeat("x", 100_000)+`"}`+"\n\n"+event("a")+final, 997), nil, 10_000, 10_000},
			"a usage within an event that is too long":  {inParts(events, `data: {"response":{"x":"`+strings.Repeat("x", 100_000)+`",`+usage+`,"y":"`+strings.Repeat("y", 100_000)+`"}}`+"\n\n", 4096), nil, 5007, 5007},
			"a usage in the middle of a long answer":    {inParts("application/json", `{"x":"`+strings.Repeat("x", 300_000)+`",`+usage+`,"prompt_logprobs":"`+strings.Repeat("y", 100_000)+`"}`, 1<<15), nil, 5007, 5007},
			"a usage at the beginning of a long answer": {inParts("application/json", `{`+usage+`,"x":"`+strings.Repeat("x", 300_000)+`","role":"usage"}`, 4096), nil, 5007, 5007},
			"a long prompt in chunks":                   {inParts(events, event("a")+"data: [DONE]\n\n", 4096), io.MultiReader(strings.NewReader(prompt)), 10_000, 10_010},
			"a long prompt with its length":             {inParts(events, event("a")+"data: [DONE]\n\n", 4096), strings.NewReader(prompt), 10_000, 10_010},
			"a whole answer that is cut":                {cut("application/json", `{"choices":[{"message":{"content":"`+strings.Repeat("word ", 8000)), nil, 10_000, 10_100},
			"a long one that is cut":                    {cut("application/json", `{"data":[`+strings.Repeat("0.5,", 100_000)), nil, 100_000, 100_100},
			"choices that each tell their tokens":       {cut(events, strings.Repeat(soFar(100), 12_800)), nil, 12_800, 12_900},
			"a usage that is there too early":           {cut(events, soFar(1)+strings.Repeat(event("x"), 500)), nil, 511, 511},
			"a usage that is none":                      {inParts(events, strings.Replace(soFar(1), `{"prompt_tokens":10,"completion_tokens":1}`, `"x"`, 1)+strings.Repeat(event("x"), 500), 4096), nil, 501, 510},
			"a sum alone":                               {inParts("application/json", `{"usage":{"total_tokens":5000}}`, 4096), nil, 5000, 5000},
			"both spellings":                            {inParts("application/json", `{"usage":{"prompt_tokens":1000,"input_tokens":1000,"completion_tokens":10,"output_tokens":10,"cache_read_input_tokens":900,"prompt_tokens_details":{"cached_tokens":900}}}`, 4096), nil, 1010, 1010},
			"signs of life":                             {inParts(events, strings.Repeat(": keep-alive\n\n", 1000)+event("a")+"data: [DONE]\n\n", 4096), nil, 2, 10},
			"a part for each token":                     {inParts(events, strings.Repeat(event("a"), 100), len(event("a"))), nil, 103, 103},
			"an answer of no tokens":                    {inParts("application/json", `{"data":[]}`, 4096), nil, 0, 0},
			"a long answer of no tokens":                {inParts("application/json", `{"data":["`+strings.Repeat("x", 200_000)+`"]}`, 4096), nil, 0, 0},
		} {
			t.Run(name, func(t *testing.T) {
				config := limited(t, aDay("all", million))
				server := httptest.NewServer(c.backend)
				defer server.Close()
				handler := metered(t, build, config, proxy(t, server))
				gateway := httptest.NewServer(handler)
				defer gateway.Close()
				if c.body == nil {
					c.body = strings.NewReader(`{"model":"m"}`)
				}
				if response, err := http.Post(gateway.URL+"/v1/chat/completions", "application/json", c.body); err == nil {
					_, _ = io.Copy(io.Discard, response.Body)
					_ = response.Body.Close()
				}
				server.Config.Handler = inParts("application/json", `{}`, 10)
				var charged int
				require.Eventually(t, func() bool {
					left, err := strconv.Atoi(answerOf(handler, chatOf("ana", `{}`)).Header().Get("X-Ratelimit-Remaining-Tokens"))
					charged = million - left
					return err == nil && charged >= c.least
				}, 5*time.Second, 20*time.Millisecond, "%d are charged", charged)
				assert.LessOrEqual(t, charged, c.most)
			})
		}
	})
}

// TestNoSocketPassesWhereTokensAreLimited would catch tokens that nobody counts.
func TestNoSocketPassesWhereTokensAreLimited(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler, _ := build(t, unreachable(t), limited(t, aDay("all", 10)))
		r := chatOf("ana", "")
		r.Header.Set("Upgrade", "websocket")
		refused := answerOf(handler, r)
		assert.Equal(t, http.StatusForbidden, refused.Code)
		assert.Equal(t, "websocket_not_allowed", errorCode(t, refused))
	})
}

// TestALargeBodyPassesUnasked would catch a body that is refused, or cut, because somebody counts tokens.
func TestALargeBodyPassesUnasked(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		body := `{"stream":true,"x":"` + strings.Repeat("x", bodyMemory) + `"}`
		backend := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got, _ := io.ReadAll(r.Body)
			assert.Equal(t, sha256.Sum256([]byte(body)), sha256.Sum256(got), "%d bytes of %d", len(got), len(body))
			inParts(events, openAIs, 100)(w, r)
		})
		handler := metered(t, build, metering(t), backend)
		for _, reader := range []io.Reader{strings.NewReader(body), io.MultiReader(strings.NewReader(body))} {
			r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", reader)
			got := answerOf(handler, r)
			assert.Equal(t, http.StatusOK, got.Code)
			assert.Equal(t, openAIs, got.Body.String())
		}
	})
}

// TestSignsOfLifeDoNotWait would catch a comment that keeps a client's connection alive and is held back until the next event.
func TestSignsOfLifeDoNotWait(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", events)
			for _, part := range []string{openAIs, ": ping\n"} {
				_, _ = io.WriteString(w, part)
				_ = http.NewResponseController(w).Flush()
			}
			<-r.Context().Done()
		}))
		defer server.Close()
		gateway := httptest.NewServer(metered(t, build, metering(t), proxy(t, server)))
		defer gateway.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, gateway.URL+"/v1/chat/completions", strings.NewReader(`{"stream":true}`))
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		reader := bufio.NewReader(response.Body)
		for _, want := range []string{strings.TrimSuffix(openAIs, "\n"), "\n", ": ping\n"} {
			line, err := reader.ReadString('\n')
			require.NoError(t, err)
			assert.Equal(t, want, line)
		}
	})
}

// TestNoServerHasAnEventHidden would catch a server, or a client, by whose word an answer loses an event.
func TestNoServerHasAnEventHidden(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler := metered(t, build, metering(t), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Modelplane-Asked", r.Header.Get("X-Modelplane-Asked")+"x")
			inParts(events, openAIs+openAIs2, 100)(w, r)
		}))
		r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(`{"stream":true,"stream_options":{"include_usage":true}}`))
		r.Header.Set("X-Modelplane-Asked", "x")
		got := answerOf(handler, r)
		assert.Equal(t, openAIs+openAIs2, got.Body.String())
		assert.Empty(t, got.Header().Values("X-Modelplane-Asked"))
	})
}

// TestNamesOfModelsAreBounded would catch memory that clients fill with names that a server answers by, labels that two rows share, and a caller who is not told from others any more.
func TestNamesOfModelsAreBounded(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		config := metering(t)
		name := ""
		handler := metered(t, build, config, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			inParts("application/json", `{"model":"`+name+`","usage":{"prompt_tokens":1}}`, 1<<20)(w, r)
		}))
		for i := range 1100 {
			name = fmt.Sprintf("%s-%d", strings.Repeat("m", 245), i)
			if i%2 == 0 {
				name = strings.Repeat("m", 100_000) + name
			}
			answerOf(handler, chatOf(fmt.Sprintf("caller-%d", i%5), "{}"))
		}
		sum, lines := 0, map[string]bool{}
		for series, figure := range reported(t, build, config.Service) {
			if strings.HasPrefix(series, "modelplane_tokens_total") && strings.Contains(series, "'input'") {
				n, err := strconv.Atoi(figure)
				require.NoError(t, err)
				sum += n
				lines[series] = true
				assert.Regexp(t, `caller='caller-\d'`, series)
			}
		}
		assert.Equal(t, 1100, sum)
		assert.LessOrEqual(t, len(lines), 5*51)
	})
}

// TestALateAttemptChangesNoOther would catch an answer that is changed by what an attempt before it does late.
func TestALateAttemptChangesNoOther(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		asking, _ := build(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), plugin.Config{Anonymous: true})
		leaving, _ := build(t, inParts(events, openAIs+openAIs2, 40), plugin.Config{Anonymous: true, LeaveUsage: true})
		first := true
		var attempts sync.WaitGroup
		outer, _ := build(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if first {
				first = false
				ctx, cancel := context.WithCancel(r.Context())
				late := r.Clone(ctx)
				late.Body = io.NopCloser(strings.NewReader(`{"stream":true}`))
				attempts.Go(func() { asking.ServeHTTP(httptest.NewRecorder(), late) })
				defer cancel()
			}
			leaving.ServeHTTP(w, r)
		}), metering(t))
		r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(`{"stream":true}`))
		assert.Equal(t, openAIs+openAIs2, answerOf(outer, r).Body.String())
		attempts.Wait()
	})
}
