package traffic

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/load"
)

// beta is a rule for the requests of testers. They go to the provider, whose path and key differ.
const beta = "rules: [{headers: {X-Team: testers}, backends: [{endpoint: '${saas.backend}'}]}, " +
	"{headers: {X-Team: testers, X-Canary: 'yes'}, backends: [{endpoint: '${other.backend}'}]}], "

// rulesByHeader would catch a request that another rule takes than the one for its headers, with the plugin in front of the backends and without.
func rulesByHeader(t *testing.T, f *failover) {
	for _, service := range []string{"plain", "mirrored"} {
		for _, c := range []struct {
			team, canary string
			want         []string
		}{
			{"", "", []string{"own", "other"}},
			{"testers", "", []string{"saas"}},
			{"testers", "yes", []string{"other"}},
			{"", "yes", []string{"own", "other"}},
			{"Testers", "yes", []string{"own", "other"}},
			{"testers,x", "", []string{"own", "other"}},
		} {
			header := http.Header{}
			if c.team != "" {
				header.Set("x-team", c.team)
			}
			if c.canary != "" {
				header.Set("X-Canary", c.canary)
			}
			for range 4 {
				got := do(t, http.MethodPost, f.urls[service]+"/chat/completions", header, strings.NewReader(hello))
				require.Equal(t, http.StatusOK, got.status, got.body)
				assert.Contains(t, c.want, got.header.Get("X-Modelserver-Name"), "%s: %+v", service, c)
			}
		}
	}
	requests := f.servers["saas"].Requests()
	last := requests[len(requests)-1]
	assert.Equal(t, "/openai/v1/chat/completions", last.URI)
	assert.Equal(t, []string{"Bearer " + ownKey}, last.Header["Authorization"])
}

// rulesChange would catch a request that fails because a rule comes or goes.
func rulesChange(t *testing.T, f *failover) {
	header := with("X-Team", "testers")
	var runs []*load.Run
	for _, service := range []string{"plain", "mirrored"} {
		runs = append(runs, load.Start(t.Context(), load.Config{URL: f.urls[service], Header: header, RatePerSecond: 50, Workers: 4}))
	}
	for _, rules := range []string{"", beta} {
		f.rules = rules
		f.MustUp(t, f.program("made"))
		for _, run := range runs {
			require.NoError(t, run.WaitFor(t.Context(), 50))
		}
	}
	for _, run := range runs {
		report := run.Stop()
		require.NoError(t, report.Err())
		t.Logf("%d requests, none failed: %v", report.Total, report.ByBackend)
		assert.Positive(t, report.ByBackend["own"], "the rule did not go")
		assert.Greater(t, report.ByBackend["saas"], 50, "the rule did not come back")
	}
}

// bodiesBeyondMemory would catch a gateway that takes more bodies than its memory holds, and one that has not got over it. A quarter of 256 MiB
// holds 64 bodies of 1 MiB in each of two replicas.
func bodiesBeyondMemory(t *testing.T, f *failover) {
	for _, name := range []string{"own", "other"} {
		f.servers[name].SetDelay(3 * time.Second)
	}
	large := `{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("x", 1<<20-100) + `"}]}`
	var lock sync.Mutex
	answers := map[int]int{}
	var clients sync.WaitGroup
	for range 160 {
		clients.Go(func() {
			got, err := try(t.Context(), http.MethodPost, f.urls["sticky"]+"/chat/completions", nil, strings.NewReader(large))
			lock.Lock()
			defer lock.Unlock()
			answers[got.status]++
			if got.status != http.StatusOK {
				assert.NoError(t, err)
				assert.Equal(t, "1", got.header.Get("Retry-After"))
				assert.Contains(t, got.body, `"code":"gateway_busy"`)
			}
		})
	}
	clients.Wait()
	for _, name := range []string{"own", "other"} {
		f.servers[name].SetDelay(0)
	}
	t.Logf("answers by status: %v", answers)
	assert.Len(t, answers, 2)
	assert.GreaterOrEqual(t, answers[http.StatusServiceUnavailable], 160-2*64)
	assert.GreaterOrEqual(t, answers[http.StatusOK], 64)
	for range 10 {
		got := do(t, http.MethodPost, f.urls["sticky"]+"/chat/completions", nil, strings.NewReader(large))
		require.Equal(t, http.StatusOK, got.status, got.body)
	}
}
