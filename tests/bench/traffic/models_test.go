package traffic

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/tests/bench/figures"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

const (
	byRenamed = "renamed"
	byCatalog = "catalog"
	byUsage   = "usage"
	byLimited = "limited"
	// metered is the gateway that counts tokens. What it does to requests it does to all of them, so that it is another one.
	metered = "metered"
	// countsTokens has a gateway do so.
	countsTokens = "observability: {metrics: {}, tokens: true}"
	// limitsTokens is a limit that no run reaches.
	limitsTokens = "limits: {tokens: [{by: Caller, tokens: 2000000000, seconds: 86400}]}"
)

// calls are what is asked for, each by one connection.
var calls = []figures.Call{{Body: 1000}, {Body: 1000, IsStreamed: true}, {Body: 32_000}, {Body: 1_000_000}}

// BenchmarkModels measures what models by name cost, and writes it to the file that MODELPLANE_FIGURES names.
func BenchmarkModels(t *testing.B) {
	b := begin(t, "traefik")
	for _, name := range named {
		b.servers.at(b, name, answerNamed)
	}
	b.measure(part{"models", models}, part{"soak", soak})
	// The figures of a gateway that grows are there to be looked at.
	if b.Soak != nil {
		require.Empty(t, b.Soak.Grown(), "after %d reloads", b.Soak.Reloads)
	}
}

// promise is what the answers of a way must be.
type promise struct {
	// asked is what clients call the model.
	asked string
	// headers are those that each answer must have. An empty one may have any value.
	headers map[string]string
	// isRewritten says that an answer is not byte for byte what the server has written.
	isRewritten bool
	// answered counts the answers that were right.
	answered atomic.Int64
}

// models measures each way with each call. From the plain route on, each of ours does all that the one before does.
func models(b *bench) {
	renamed := map[string]string{plugin.ModelHeader: serversModel}
	promises := map[string]*promise{
		"servers": {asked: serversModel},
		byPlain:   {asked: serversModel},
		byRenamed: {asked: "m", headers: renamed},
		byCatalog: {asked: "m", headers: renamed},
		byUsage:   {asked: "m", headers: renamed},
		byLimited: {asked: "m", headers: map[string]string{plugin.ModelHeader: serversModel, "X-Ratelimit-Remaining-Tokens": ""}},
		"litellm": {asked: "m", isRewritten: true},
	}
	b.up(b.modelServices())
	ways := []way{{name: "servers", url: "http://" + b.servers.addresses[named[0]] + "/v1"}}
	for _, name := range []string{byPlain, byRenamed, byCatalog} {
		ways = append(ways, way{name: name, url: b.direct(name)})
	}
	for _, name := range []string{byUsage, byLimited} {
		ways = append(ways, way{name: name, url: b.directAt(metered, name)})
	}
	ways = append(ways, b.rival("litellm", func(b *bench, folder string) (way, error) {
		return runLiteLLM(b, folder, serversModel, b.modelServers())
	})...)
	for _, w := range ways {
		one := promises[w.name].load(w, calls[0]).send(http.DefaultClient)
		require.NoError(b, one.err, "the first request by %s", w.name)
	}
	promises[byUsage].answered.Store(0)
	promises[byLimited].answered.Store(0)
	before := map[string]float64{"": b.tokensOut(""), "bench": b.tokensOut("bench")}

	span := either(b, 2*time.Second, 200*time.Millisecond)
	take := func(w way, round int) {
		for _, c := range calls {
			t, failed := turn(w.name, promises[w.name].load(w, c), round, span)
			require.NoError(b, failed, "%s, %+v", w.name, c)
			require.Positive(b, t.Requests, "%s, %+v", w.name, c)
			t.Call = c
			b.Turns = append(b.Turns, t)
		}
	}
	warm := func(w way) {
		for _, c := range calls {
			_, failed := turn(w.name, promises[w.name].load(w, c), 0, span)
			require.NoError(b, failed, "%s, %+v", w.name, c)
		}
	}
	inTurns(ways, either(b, 10, 2), warm, take)
	// A way that counts too few is quick for a bad reason.
	for caller, way := range map[string]string{"": byUsage, "bench": byLimited} {
		want := float64(promises[way].answered.Load() * replyTokens)
		counted := func() float64 { return b.tokensOut(caller) - before[caller] }
		require.Eventually(b, func() bool { return counted() == want }, 10*time.Second, time.Second, "%s: %v tokens are to be counted, of %v", way, want, counted())
	}
}

// modelServices are the ways of ours. All have two endpoints with a key.
func (b *bench) modelServices() string {
	text := b.gateway(metered, countsTokens)
	for i, server := range b.modelServers() {
		text += endpoint(fmt.Sprint("p", i), server, "apiKey: '${key}'") + endpoint(fmt.Sprint("r", i), server, fmt.Sprintf("apiKey: '${key}', model: '%s'", serversModel))
	}
	catalog := func(name, gateway, service, more string) string {
		return harness.Resource("modelplane:ModelCatalog", name,
			fmt.Sprintf("gateway: '${%s.gateway}', path: /default/%s/all, models: [{name: m, service: '${%s.service}'}]%s", gateway, name, service, more), "")
	}
	return text + service(byPlain, "", "p0", "p1") + service(byRenamed, "", "r0", "r1") + catalog(byCatalog, ours, byRenamed, "") +
		harness.ModelService("metered-chat", "'${"+metered+".gateway}'", "", "r0", "r1") +
		harness.ModelService("limited-chat", "'${"+metered+".gateway}'", whoMayCall, "r0", "r1") +
		catalog(byUsage, metered, "metered-chat", "") + catalog(byLimited, metered, "limited-chat", ", "+whoMayCall+", "+limitsTokens)
}

func (b *bench) modelServers() []string {
	return []string{b.servers.addresses[named[0]], b.servers.addresses[named[1]]}
}

// load is a call by a way on one connection, whose answers are checked.
func (p *promise) load(w way, c figures.Call) load {
	return load{
		url: w.url, header: w.header, body: chatOf(p.asked, c), connections: 1,
		check: func(response *http.Response, body []byte) error { return p.check(c, response, body) },
	}
}

// check says what is wrong with an answer.
func (p *promise) check(c figures.Call, response *http.Response, body []byte) error {
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d: %.300s", response.StatusCode, body)
	}
	for name, value := range p.headers {
		if got := response.Header.Get(name); got == "" || value != "" && got != value {
			return fmt.Errorf("the header %s is %q", name, got)
		}
	}
	if p.isRewritten {
		if err := isTheReply(c, body, p.asked); err != nil {
			return err
		}
	} else if string(body) != written[c.IsStreamed] {
		return fmt.Errorf("the answer is not what the server has written: %.300q", body)
	}
	p.answered.Add(1)
	return nil
}

// tokensOut are the tokens of answers that the gateway has counted for a caller.
func (b *bench) tokensOut(caller string) float64 {
	return harness.Figure(b, b.scrape(metered), "modelplane_tokens_total", `caller="`+caller+`"`, `gen_ai_token_type="output"`)
}

// scrape is what the gateway's Pod tells of itself.
func (b *bench) scrape(gateway string) string {
	b.Helper()
	response, err := http.Get("http://" + b.podOf(gateway) + ":9100/metrics") //nolint:noctx // it ends with the run
	require.NoError(b, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(b, err)
	require.Equal(b, http.StatusOK, response.StatusCode)
	return string(text)
}

// TestTheCheckFindsWrongAnswers would catch a run whose figures are those of errors.
func TestTheCheckFindsWrongAnswers(t *testing.T) {
	whole, streamed := figures.Call{Body: 1000}, figures.Call{Body: 1000, IsStreamed: true}
	ask := func(p *promise, c figures.Call, status int, body string, headers ...string) error {
		answer := &http.Response{StatusCode: status, Header: http.Header{}}
		for i := 0; i < len(headers); i += 2 {
			answer.Header.Set(headers[i], headers[i+1])
		}
		return p.check(c, answer, []byte(body))
	}
	exact, renamed, other := &promise{}, &promise{headers: map[string]string{plugin.ModelHeader: serversModel}}, &promise{asked: serversModel, isRewritten: true}
	for _, c := range []figures.Call{whole, streamed} {
		right := written[c.IsStreamed]
		require.NoError(t, errors.Join(ask(exact, c, 200, right), ask(renamed, c, 200, right, plugin.ModelHeader, serversModel), ask(other, c, 200, right)))
		for _, wrong := range []error{
			ask(exact, c, 429, right), ask(exact, c, 200, right[:len(right)-1]), ask(renamed, c, 200, right), ask(renamed, c, 200, right, plugin.ModelHeader, "m"),
			ask(other, c, 500, right), ask(other, c, 200, strings.Replace(right, serversModel, "m", 1)), ask(other, c, 200, strings.Replace(right, "word ", "", 1)),
			ask(other, c, 200, strings.Replace(right, "data: [DONE]", "", 1)+"x"),
		} {
			require.Error(t, wrong, "%+v", c)
		}
	}
	require.EqualValues(t, 2, exact.answered.Load())
}
