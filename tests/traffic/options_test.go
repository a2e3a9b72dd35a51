package traffic

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// deadlines would catch a client that waits for one backend after another, beyond what all of them may take.
func deadlines(t *testing.T, p *pairs) {
	p.own.set(hangs)
	p.other.set(hangs)
	defer p.own.set(well)
	defer p.other.set(well)
	began := time.Now()
	got := p.ask(t, http.MethodPost, "brief", "/chat/completions", nil, hello)
	assert.Equal(t, http.StatusGatewayTimeout, got.status)
	assert.Contains(t, got.body, "backend_timeout")
	assert.InDelta(t, 1, time.Since(began).Seconds(), 0.9)
	p.own.set(well)
	assert.Equal(t, http.StatusOK, p.ask(t, http.MethodPost, "brief", "/chat/completions", nil, hello).status)
}

// namedAnswers would catch an answer after which the next backend is asked although nobody has named it, one after which none is although it is named, and
// more backends that are asked than may be.
func namedAnswers(t *testing.T, p *pairs) {
	for status, want := range map[string][]int{"404": {1, 1, 0}, "418": {1, 1, 0}, "503": {1, 0, 0}} {
		before := []int{p.own.count(), p.other.count(), p.teller.count()}
		assert.Equal(t, status, fmt.Sprint(p.ask(t, http.MethodPost, "picky", "/"+status, nil, hello).status), "the last answer")
		for i, server := range []*played{p.own, p.other, p.teller} {
			assert.Equal(t, want[i], server.count()-before[i], "%s after %s", server.name, status)
		}
	}
}

// browsersAreTold would catch a header, a method or an age that a browser is not told, and one that it is told for the pages of another site.
func browsersAreTold(t *testing.T, p *pairs) {
	preflight := http.Header{"Origin": {site}, "Access-Control-Request-Method": {http.MethodPut}}
	got := p.ask(t, http.MethodOptions, "pages", "/open", preflight, "")
	require.Equal(t, http.StatusOK, got.status)
	for name, want := range map[string]string{"Origin": site, "Headers": "X-Team", "Methods": "PUT", "Credentials": "true"} {
		assert.Equal(t, want, got.header.Get("Access-Control-Allow-"+name))
	}
	assert.Equal(t, "60", got.header.Get("Access-Control-Max-Age"))
	got = p.ask(t, http.MethodPut, "pages", "/open", with("Origin", site), "")
	assert.Equal(t, []string{site}, got.header["Access-Control-Allow-Origin"])
	assert.Equal(t, []string{"X-Server"}, got.header["Access-Control-Expose-Headers"])
	for _, method := range []string{http.MethodOptions, http.MethodPut} {
		preflight.Set("Origin", "https://evil.example.com")
		assert.Empty(t, p.ask(t, method, "pages", "/open", preflight, "").header["Access-Control-Allow-Origin"], method)
	}
}

// keysEnd would catch a key that has ended and still opens, and a caller whose key the program gives as a hash, who is not let in, or whom the hash lets in.
func keysEnd(t *testing.T, p *pairs) {
	got := p.ask(t, http.MethodPost, "told", "/chat/completions", bearer(bobOld), hello)
	assert.Equal(t, http.StatusUnauthorized, got.status)
	assert.Contains(t, got.body, "expired_api_key")
	assert.Equal(t, http.StatusOK, p.ask(t, http.MethodPost, "told", "/chat/completions", bearer(bobNew), hello).status)
	assert.Equal(t, http.StatusUnauthorized, p.ask(t, http.MethodPost, "told", "/chat/completions", bearer(fmt.Sprintf("%x", sha256.Sum256([]byte(bobNew)))), hello).status)
}

// rulesAsk would catch a rule that lets callers in without a key, one that takes the requests of another, and a backend of another rule that is asked next.
func rulesAsk(t *testing.T, p *pairs) {
	for _, service := range []string{"ruled", "fronts"} {
		status := func(header http.Header) (int, string) {
			got := p.ask(t, http.MethodPost, service, "/chat/completions", header, hello)
			return got.status, got.header.Get("X-Server")
		}
		for team, want := range map[string]string{"blue": "other", "red": "own", "bluer": "own"} {
			asked, _ := status(with("X-Team", team))
			assert.Equal(t, http.StatusUnauthorized, asked, team)
			header := bearer(aliceKey)
			header.Set("X-Team", team)
			_, by := status(header)
			assert.Equal(t, want, by, "%s: %s", service, team)
		}
		p.other.set(fails)
		header := bearer(aliceKey)
		header.Set("X-Team", "blue")
		got, by := status(header)
		p.other.set(well)
		assert.Equal(t, map[string]int{"ruled": http.StatusServiceUnavailable, "fronts": http.StatusOK}[service], got)
		assert.Equal(t, map[string]string{"ruled": "other", "fronts": "teller"}[service], by)
	}
}
