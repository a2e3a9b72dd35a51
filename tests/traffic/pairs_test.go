package traffic

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// pairs is a stack whose services have several options that could spoil one another.
type pairs struct {
	*stack.Stack

	own, other, teller, candidate *played
	urls                          map[string]string
}

// site is the one whose pages may use the services.
const site = "https://app.example.com"

// TestOptionsKeepTheirPromisesTogether goes through pairs of options of which one could undo what the other promises, on one gateway.
func TestOptionsKeepTheirPromisesTogether(t *testing.T) {
	p := &pairs{
		Stack: harness.NewStack(t, "pairs"), urls: map[string]string{},
		own: play(t, "own"), other: play(t, "other"), teller: play(t, "teller"), candidate: play(t, "candidate"),
	}
	for name, value := range map[string]string{"key": ownKey, "keyAlice": aliceKey, "keyCarol": bobOld} {
		p.SetSecret(t, name, value)
	}
	endpoint := func(server *played, more string) string {
		return harness.ModelEndpoint(server.name, fmt.Sprintf("url: 'http://%s/v1'%s", server.address, more))
	}
	service := func(name, properties, first, second string) string {
		return harness.Resource("modelplane:ModelService", name, fmt.Sprintf("gateway: '${gw.gateway}', %s, backends: [{endpoint: '${%s.backend}'}%s]",
			properties, first, second), "")
	}
	const auth, later = "auth: {callers: '${teams.callers}'}", ", {endpoint: '${%s.backend}', priority: 1}"
	const rules = "rules: [{headers: {X-Team: blue}, backends: [{endpoint: '${other.backend}'}%s]}]"
	outputs := p.MustUp(t, harness.Program("pairs", []string{
		harness.ModelGateway("gw", "replicas: 1, observability: {metrics: {}}, "+
			harness.Chart("readinessProbe: {periodSeconds: 2}, resources: {requests: {cpu: 10m}}")),
		endpoint(p.own, ", apiKey: '${key}'"), endpoint(p.other, ""), endpoint(p.teller, ", forwardCaller: true"), endpoint(p.candidate, ""),
		harness.Resource("modelplane:ModelCallers", "teams", fmt.Sprintf("keys: [{name: alice, key: '${keyAlice}'}, {name: bob, sha256: '%x'}, "+
			"{name: carol, key: '${keyCarol}', expires: '2020-01-31T00:00:00Z'}]", sha256.Sum256([]byte(bobNew))), ""),
		service("counted", auth+", cors: {allowOrigins: ['"+site+"']}, limits: {requests: [{requests: 5, seconds: 3600}]}", "own", ""),
		service("spans", "limits: {requests: [{requests: 3, seconds: 60}, {requests: 5, seconds: 86400}]}", "own", ""),
		service("colours", "limits: {requests: [{requests: 4, seconds: 3600}, {by: Header, header: X-Team, requests: 2, seconds: 3600}]}", "own", ""),
		service("crews", "limits: {inFlight: [{by: Header, header: X-Team, requests: 1}]}", "own", ""),
		service("chat", auth+", cors: {allowOrigins: ['"+site+"']}, limits: {maxBodyBytes: 5000, inFlight: [{by: Caller, requests: 2}]}, "+
			"failover: {headerTimeout: 2s, firstTokenTimeout: 1s}, outlierEjection: {failures: 2, duration: 2s}, affinity: {by: Caller}, "+
			"mirror: {endpoint: '${candidate.backend}'}", "own", ", {endpoint: '${other.backend}'}"),
		service("told", auth+", failover: {}", "own", fmt.Sprintf(later, "teller")),
		service("brief", "failover: {deadline: 1s, attempts: 16}, outlierEjection: {failures: 1000}", "own", fmt.Sprintf(later, "other")),
		service("picky", "failover: {statusCodes: ['404', '410-418'], attempts: 2}, outlierEjection: {failures: 1000}", "own",
			", {endpoint: '${other.backend}', priority: 1}, {endpoint: '${teller.backend}', priority: 2}"),
		service("pages", "cors: {allowOrigins: ['"+site+"'], allowHeaders: [X-Team], allowMethods: [PUT], exposeHeaders: [X-Server], allowCredentials: true, "+
			"maxAge: 60}", "own", ""),
		service("ruled", auth+", "+fmt.Sprintf(rules, ""), "own", ""),
		service("fronts", auth+", failover: {}, outlierEjection: {failures: 1000}, "+fmt.Sprintf(rules, fmt.Sprintf(later, "teller")), "own", ""),
		service("uploads", "failover: {headerTimeout: 1s}, outlierEjection: {failures: 1, duration: 10m}", "own", fmt.Sprintf(later, "other")),
	}, "counted: ${counted.url}", "spans: ${spans.url}", "colours: ${colours.url}", "crews: ${crews.url}", "chat: ${chat.url}", "told: ${told.url}", "uploads: ${uploads.url}",
		"brief: ${brief.url}", "picky: ${picky.url}", "pages: ${pages.url}", "ruled: ${ruled.url}", "fronts: ${fronts.url}"))
	for name, of := range outputs {
		p.urls[name] = of.(string)
	}
	for _, part := range []struct {
		name string
		run  func(*testing.T, *pairs)
	}{
		{"ARefusedCallerUsesNoAllowance", refusedCallersUseNothing},
		{"LimitsCountApart", limitsCountApart},
		{"KeysGoNoFurtherThanTheGateway", keysGoNoFurther},
		{"ABodyThatIsTooLargeReachesNoBackend", largeBodiesReachNobody},
		{"AStreamIsUnderWayUntilItsEnd", streamsAreUnderWay},
		{"TeamsAreUnderWayByThemselves", teamsAreUnderWay},
		{"ASilentBackendHoldsNoRequestOfItsCaller", silentBackends},
		{"ACallerComesHomeAfterAnEjection", callersComeHome},
		{"AHangingMirrorCountsForNobody", hangingMirror},
		{"WebSocketsAskForAKeyAndAreUnderWay", guardedSockets},
		{"AnUpgradeThatNobodyTakesKeepsItsBody", upgradesKeepTheirBody},
		{"OnlyTheGatewaySaysWhichSitesMayRead", sitesThatMayRead},
		{"UploadsThatBreakOffEjectNobody", brokenUploads},
		{"ADeadlineEndsAllAttempts", deadlines},
		{"OnlyTheAnswersThatAreNamedGoOn", namedAnswers},
		{"BrowsersAreToldWhatTheyMay", browsersAreTold},
		{"KeysEndAndMayBeHashes", keysEnd},
		{"RulesAskForAKeyAndHaveTheirOwnNextBackend", rulesAsk},
		{"WhatIsRefusedIsCountedAndCopiesAreNot", refusedIsCounted},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, p) })
	}
	require.NoError(t, p.Destroy().Err)
}

func (p *pairs) ask(t testing.TB, method, service, path string, header http.Header, body string) answer {
	t.Helper()
	return do(t, method, p.urls[service]+path, header, strings.NewReader(body))
}

// refusedCallersUseNothing would catch a caller who is refused, or a browser's preflight request, and takes from what others may ask for; and a page
// that cannot read why.
func refusedCallersUseNothing(t *testing.T, p *pairs) {
	from := http.Header{"Origin": {site}}
	for i := range 20 {
		header := from.Clone()
		header.Set("X-Modelplane-Caller", "alice")
		if i%2 == 0 {
			header.Set("Authorization", "Bearer sk-wrong")
		}
		got := p.ask(t, http.MethodPost, "counted", "/chat/completions", header, hello)
		require.Equal(t, http.StatusUnauthorized, got.status)
		assert.Equal(t, site, got.header.Get("Access-Control-Allow-Origin"))
		preflight := from.Clone()
		preflight.Set("Access-Control-Request-Method", http.MethodPost)
		require.Equal(t, http.StatusOK, p.ask(t, http.MethodOptions, "counted", "/chat/completions", preflight, "").status)
	}
	from.Set("Authorization", "Bearer "+aliceKey)
	for range 5 {
		require.Equal(t, http.StatusOK, p.ask(t, http.MethodPost, "counted", "/chat/completions", from, hello).status, "allowance is used up")
	}
	got := p.ask(t, http.MethodPost, "counted", "/chat/completions", from, hello)
	assert.Equal(t, http.StatusTooManyRequests, got.status)
	assert.Equal(t, site, got.header.Get("Access-Control-Allow-Origin"))
}

// limitsCountApart would catch two limits of a service that share a count, and a limit that counts what another one has refused.
func limitsCountApart(t *testing.T, p *pairs) {
	statuses := func(service string, header http.Header, n int) (all []int, wait int) {
		for range n {
			got := p.ask(t, http.MethodPost, service, "/chat/completions", header, hello)
			all = append(all, got.status)
			wait, _ = strconv.Atoi(got.header.Get("Retry-After"))
		}
		return all, wait
	}
	const ok, refused = http.StatusOK, http.StatusTooManyRequests
	got, wait := statuses("spans", nil, 4)
	assert.Equal(t, []int{ok, ok, ok, refused}, got, "three in a minute, and five in a day")
	assert.LessOrEqual(t, wait, 20, "the minute's limit is the one that is reached")
	got, _ = statuses("colours", with("X-Team", "red"), 6)
	assert.Equal(t, []int{ok, ok, refused, refused, refused, refused}, got)
	got, _ = statuses("colours", with("X-Team", "blue"), 3)
	assert.Equal(t, []int{ok, ok, refused}, got, "the red team's refused requests count for all")
}

// keysGoNoFurther would catch a caller's key at a backend, at the next one, or at a mirror; and the first backend's own key at the next one.
func keysGoNoFurther(t *testing.T, p *pairs) {
	header := http.Header{
		"Authorization": {"Bearer " + aliceKey}, "X-Api-Key": {aliceKey}, "Api-Key": {"sk-unknown-to-the-gateway"}, "X-Goog-Api-Key": {aliceKey},
		"X-Forwarded-For": {"198.51.100.1"}, "X-Modelplane-Client": {"198.51.100.2:7"}, "Forwarded": {"for=198.51.100.3"},
	}
	for _, server := range []*played{p.own, p.other} {
		server.set(fails)
		defer server.set(well)
		before, copied := p.own.count()+p.other.count(), p.candidate.count()
		p.ask(t, http.MethodPost, "chat", "/chat/completions?key="+aliceKey, header, hello)
		require.Greater(t, p.own.count()+p.other.count(), before)
		assert.Eventually(t, func() bool { return p.candidate.count() > copied }, 5*time.Second, 20*time.Millisecond)
	}
	for _, server := range []*played{p.own, p.other, p.candidate} {
		for _, r := range server.requests(0) {
			sent := fmt.Sprint(r.URL, r.Header)
			assert.Empty(t, harness.Found(sent, aliceKey, "sk-unknown", "198.51.100."), server.name)
			assert.NotContains(t, sent, "X-Modelplane-", server.name)
			assert.Equal(t, server == p.own, strings.Contains(sent, ownKey), "%s: %s", server.name, sent)
		}
	}
	got := p.ask(t, http.MethodPost, "told", "/chat/completions", header, hello)
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, 1, p.teller.count(), "own fails")
	told := p.teller.requests(0)[0].Header
	assert.Equal(t, "alice", told.Get("X-Modelplane-Caller"), "forwardCaller")
	assert.Equal(t, []string{harness.Plane.First().Node.String()}, told["X-Forwarded-For"], "the client's address, once, and not the gateway's own")
	assert.Empty(t, harness.Found(fmt.Sprint(told), aliceKey, ownKey, "198.51.100.2"))
	assert.NotContains(t, told, "X-Modelplane-Token")
	time.Sleep(2 * time.Second) // until nobody is out any more
}

// largeBodiesReachNobody would catch a body that is too large and that a backend, the next one or a mirror is sent, and one that shows strangers a limit.
func largeBodiesReachNobody(t *testing.T, p *pairs) {
	before := p.own.count() + p.other.count() + p.candidate.count()
	large := strings.Repeat("x", 5001)
	for name, body := range map[string]io.Reader{"with its length": strings.NewReader(large), "without": io.MultiReader(strings.NewReader(large))} {
		got := do(t, http.MethodPost, p.urls["chat"]+"/chat/completions", bearer(aliceKey), body)
		assert.Equal(t, http.StatusRequestEntityTooLarge, got.status, name)
	}
	assert.Equal(t, http.StatusUnauthorized, p.ask(t, http.MethodPost, "chat", "/chat/completions", nil, large).status)
	time.Sleep(200 * time.Millisecond)
	assert.Equal(t, before, p.own.count()+p.other.count()+p.candidate.count(), "requests that reached a server")
}

// sitesThatMayRead would catch a server that lets pages of other sites read answers, although the service names those that may.
func sitesThatMayRead(t *testing.T, p *pairs) {
	for origin, want := range map[string][]string{site: {site}, "https://evil.example.com": nil} {
		header := bearer(aliceKey)
		header.Set("Origin", origin)
		got := p.ask(t, http.MethodGet, "chat", "/open", header, "")
		require.Equal(t, http.StatusOK, got.status)
		assert.Equal(t, want, got.header["Access-Control-Allow-Origin"], origin)
		assert.Empty(t, got.header["Access-Control-Allow-Credentials"], origin)
	}
}

// brokenUploads would catch a client that has a backend that is well left out, for everybody, by sending less than it promised, or by sending it slowly.
func brokenUploads(t *testing.T, p *pairs) {
	u, err := url.Parse(p.urls["uploads"])
	require.NoError(t, err)
	for _, parts := range []int{1, 1, 15} {
		connection, err := net.Dial("tcp", net.JoinHostPort(u.Hostname(), "80"))
		require.NoError(t, err)
		// More than is held to be sent again.
		_, err = fmt.Fprintf(connection, "POST %s/chat/completions HTTP/1.1\r\nHost: gw\r\nContent-Length: 40000000\r\n\r\n", u.Path)
		require.NoError(t, err)
		for range parts {
			_, err = io.WriteString(connection, "{")
			require.NoError(t, err)
			time.Sleep(100 * time.Millisecond)
		}
		require.NoError(t, connection.Close())
		time.Sleep(100 * time.Millisecond)
		got := p.ask(t, http.MethodPost, "uploads", "/chat/completions", nil, hello)
		require.Equal(t, http.StatusOK, got.status)
		assert.Equal(t, "own", got.header.Get("X-Server"), "own is out after %d parts", parts)
	}
}

// refusedIsCounted would catch a request that is refused and that nobody counts, and a copy that counts as a request.
func refusedIsCounted(t *testing.T, p *pairs) {
	scrape := func() string {
		all := ""
		for _, address := range harness.GatewayPods(t) {
			all += do(t, http.MethodGet, "http://"+address+":9100/metrics", nil, nil).body
		}
		return all
	}
	before := scrape()
	p.ask(t, http.MethodPost, "chat", "/chat/completions", nil, hello)
	p.ask(t, http.MethodPost, "chat", "/chat/completions", bearer(aliceKey), strings.Repeat("x", 5001))
	p.ask(t, http.MethodPost, "counted", "/chat/completions", bearer(bobNew), hello)
	p.home(t, bobNew)
	time.Sleep(200 * time.Millisecond)
	after := scrape()
	for labels, want := range map[string]float64{
		`model_service="default/chat",code="401",model_endpoint="",caller=""`:       1,
		`model_service="default/chat",code="413",model_endpoint="",caller="alice"`:  1,
		`model_service="default/counted",code="429",model_endpoint="",caller="bob"`: 1,
		`model_service="default/chat",code="200",caller="bob"`:                      1,
		`model_service="default/chat"`:                                              3,
		`model_endpoint="candidate"`:                                                0,
	} {
		of := strings.Split(labels, ",")
		assert.Equal(t, want, harness.Figure(t, after, "modelplane_requests_total", of...)-harness.Figure(t, before, "modelplane_requests_total", of...), labels)
	}
	assert.Zero(t, harness.Figure(t, after, "modelplane_requests_in_flight"), "requests that are under way for ever")
	assert.Positive(t, harness.Figure(t, after, "modelplane_ejections_total", `model_service="default/chat"`))
}
