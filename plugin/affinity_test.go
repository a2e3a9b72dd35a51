package plugin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// TestConversationsStayAtTheirBackend would catch a conversation that changes its backend from turn to turn, one that moves although its own backend is
// well, and shares that do not follow the weights.
func TestConversationsStayAtTheirBackend(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		for _, name := range []string{"a", "b", "c", "d"} {
			inner.set(name, answering(name, http.StatusOK))
		}
		front := plugin.Front{AffinityBy: "prompt"}
		url := serveFront(t, build, fronted(t, front, "a 0 60", "b 0 30", "c 0 10"))
		ask := func(url, messages string) string {
			status, body, _ := post(t, url+"/chat/completions", `{"model": "m", "stream": false, "messages": [`+messages+`], "top_p": 1}`)
			require.Equal(t, http.StatusOK, status)
			return body[:1]
		}
		const conversations = 300
		first := make([]string, conversations)
		count := map[string]int{}
		for i := range conversations {
			system := `{"role":"system","content":"You are kind."}`
			begin := system + fmt.Sprintf(`,{"role":"user","content":"Question %d"}`, i)
			first[i] = ask(url, begin)
			count[first[i]]++
			assert.Equal(t, first[i], ask(url, begin+`,{"role":"assistant","content":"Answer"},{"role":"user","content":"And then?"}`), i)
		}
		assert.InDelta(t, 180, count["a"], 30, "%v", count)
		assert.InDelta(t, 90, count["b"], 25, "%v", count)

		// Another backend comes, and takes only what is its own.
		more := serveFront(t, build, fronted(t, front, "a 0 60", "b 0 30", "c 0 10", "d 0 100"))
		moved := 0
		for i := range conversations {
			now := ask(more, fmt.Sprintf(`{"role":"system","content":"You are kind."},{"role":"user","content":"Question %d"}`, i))
			if now != first[i] {
				assert.Equal(t, "d", now)
				moved++
			}
		}
		assert.InDelta(t, conversations/2, moved, 35)
	})
}

// TestWhatRequestsHaveInCommon would catch requests that are told apart by what they have in common, and a body that cannot be read and stops a request.
func TestWhatRequestsHaveInCommon(t *testing.T) {
	inner := serveInner(t)
	inEveryEngine(t, func(t *testing.T, build engine) {
		for _, name := range []string{"a", "b"} {
			inner.set(name, answering(name, http.StatusOK))
		}
		for by, header := range map[string]func(int) (string, string){
			"header": func(i int) (string, string) { return "X-Session", fmt.Sprint(i) },
			"cookie": func(i int) (string, string) { return "Cookie", fmt.Sprintf("other=%d; X-Session=%d", i%3, i) },
			"caller": func(i int) (string, string) { return plugin.CallerHeader, fmt.Sprint("team-", i) },
		} {
			url := serveFront(t, build, fronted(t, plugin.Front{AffinityBy: by, AffinityName: "X-Session"}, "a 0 1", "b 0 1"))
			at := map[int]string{}
			seen := map[string]bool{}
			for n := range 60 {
				i := n % 20
				request, err := http.NewRequest(http.MethodPost, url+"/chat/completions", strings.NewReader("{}"))
				require.NoError(t, err)
				name, value := header(i)
				request.Header.Set(name, value)
				response, err := http.DefaultClient.Do(request)
				require.NoError(t, err)
				body := make([]byte, 1)
				_, err = response.Body.Read(body)
				require.NoError(t, err)
				_ = response.Body.Close()
				if at[i] == "" {
					at[i] = string(body)
				}
				assert.Equal(t, at[i], string(body), "%s %d", by, i)
				seen[string(body)] = true
			}
			assert.Len(t, seen, 2, by)
		}
		url := serveFront(t, build, fronted(t, plugin.Front{AffinityBy: "prompt"}, "a 0 1", "b 0 1"))
		for _, body := range []string{
			"", "nonsense", "{", `{"messages"`, `{"messages":`, `{"messages":[`, `{"messages":[{"role":"us`, `{"messages":7}`, `{"messages":null}`, `{"input":"x"}`,
			`[]`, `{"messages":[1,2]}`, `{"prompt":"` + strings.Repeat("x", 100_000) + `"}`, `{"messages":[{"role":"user","content":"` + strings.Repeat("x", 100_000) + `"}]}`,
			"\xff\xfe", `{"messages":[{"role":"user","content":"\ud800"}]}`,
		} {
			first, second := "", ""
			for _, into := range []*string{&first, &second} {
				status, answer, _ := post(t, url+"/chat/completions", body)
				assert.Equal(t, http.StatusOK, status)
				*into = answer[:1]
			}
			if strings.Contains(body, `"x`) {
				assert.Equal(t, first, second)
			}
		}
	})
}
