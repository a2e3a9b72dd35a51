package traffic

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/load"
	"github.com/modelplane/pulumi-modelplane/tests/localplane"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

const (
	aliceKey = "sk-alice-6f1d0a5b7c"
	bobOld   = "sk-bob-old-91c2e4d6"
	bobNew   = "sk-bob-new-0b8f7a3d"
	ownKey   = "sk-server-5e4d3c2b1a"
	// basicUsers is the user carol with the password "carol's password", as htpasswd -nB prints it.
	basicUsers = "carol:$2a$04$9sG2d607J6j11sM03cPkQeYNnWSRcbPFwIDKhA922FD.s/x3BhlFq"
)

// access is a stack in which each service asks something else of its callers.
type access struct {
	*stack.Stack

	server *modelserver.Server
	urls   map[string]string
}

// TestWhoMayUseAService goes through all that a service can ask of its callers, on one gateway.
func TestWhoMayUseAService(t *testing.T) {
	a := &access{Stack: harness.NewStack(t, "access")}
	a.server = harness.Serve(t, modelserver.Options{Name: "server", Address: ":8000", BasePath: "/v1", Keys: []string{ownKey}})
	a.SetSecret(t, "key", ownKey)
	a.SetSecret(t, "keyAlice", aliceKey)
	a.SetSecret(t, "keyBob", bobOld)
	a.SetSecret(t, "keyBobNew", bobNew)
	a.up(t, "{name: alice, key: '${keyAlice}'}", "{name: bob, key: '${keyBob}'}")
	for _, part := range []struct {
		name string
		run  func(*testing.T, *access)
	}{
		{"CallersNeedAKey", callersNeedAKey},
		{"KeysAreRotatedWithoutALostRequest", keysAreRotated},
		{"LimitsCountEachCaller", limitsCountEachCaller},
		{"RequestsInFlightAreLimited", requestsInFlight},
		{"LargeBodiesAreRefused", largeBodies},
		{"BrowsersAskBeforeTheySendAKey", browsersAsk},
		{"OnlyAllowedAddressesGetIn", onlyAllowedAddresses},
		{"UsersHavePasswords", usersHavePasswords},
		{"AServerOfOnesOwnDecides", aServerDecides},
		{"NoKeyIsInPlainText", noKeyIsInPlainText},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, a) })
	}
	require.NoError(t, a.Destroy().Err)
}

// up runs the stack with these entries of keys.
func (a *access) up(t testing.TB, keys ...string) stack.Result {
	t.Helper()
	service := func(name, properties string) string {
		return harness.ModelService(name, "'${gw.gateway}'", properties, "server")
	}
	a.Write(t, harness.Program("access", []string{
		harness.ModelGateway("gw", harness.Chart("readinessProbe: {periodSeconds: 3}, resources: {requests: {cpu: 10m}}")),
		harness.ModelEndpoint("server", fmt.Sprintf("url: 'http://%s/v1', apiKey: '${key}'", a.server.Address())),
		harness.Resource("modelplane:ModelCallers", "teams", "keys: ["+strings.Join(keys, ", ")+"]", ""),
		harness.Resource("kubernetes:core/v1:Secret", "users", fmt.Sprintf("metadata: {name: users}, stringData: {users: '%s'}", basicUsers), ""),
		service("keyed", "auth: {callers: '${teams.callers}'}, limits: {maxBodyBytes: 2000}"),
		service("counted", "auth: {callers: '${teams.callers}'}, limits: {requests: [{by: Caller, requests: 5, seconds: 3600}]}"),
		service("few", "limits: {inFlight: [{requests: 3}]}"),
		service("browsers", "auth: {callers: '${teams.callers}'}, cors: {allowOrigins: ['https://app.example.com'], maxAge: 600}"),
		service("far", "allowFrom: [192.0.2.0/24]"),
		service("near", "allowFrom: [192.0.2.0/24, 0.0.0.0/0]"),
		service("basic", "auth: {basic: {secretName: '${users.metadata.name}'}}, limits: {requests: [{by: Caller, requests: 2, seconds: 3600}]}"),
		service("forward", fmt.Sprintf("auth: {forward: {url: 'http://%s/verify', responseHeaders: [X-Team]}}", verdicts(t))),
	}, "keyed: ${keyed.url}", "counted: ${counted.url}", "few: ${few.url}", "browsers: ${browsers.url}", "far: ${far.url}", "near: ${near.url}",
		"basic: ${basic.url}", "forward: ${forward.url}"))
	result := a.Up()
	require.NoError(t, result.Err, result.Output)
	a.urls = map[string]string{}
	for name, url := range a.Outputs(t) {
		a.urls[name] = url.(string)
	}
	return result
}

var verdictsAt string

// verdicts is the address of a server that lets in who says please, and names its team.
func verdicts(t testing.TB) string {
	t.Helper()
	if verdictsAt == "" {
		listener, err := net.Listen("tcp", harness.FreeAddress(t, localplane.Free4).String()+":9000")
		require.NoError(t, err)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Magic-Word") != "please" {
				w.Header().Set("X-Verdict", "no")
				w.WriteHeader(http.StatusForbidden)
				_, _ = io.WriteString(w, "say please")
				return
			}
			w.Header().Set("X-Team", "red")
			w.Header().Set("X-Modelplane-Caller", "dave")
		}))
		server.Listener = listener
		server.Start()
		verdictsAt = listener.Addr().String()
	}
	return verdictsAt
}

// answer is what a client got.
type answer struct {
	status int
	header http.Header
	body   string
}

// send sends a chat completion to a service, with these headers.
func (a *access) send(t testing.TB, service string, header http.Header, body ...string) answer {
	t.Helper()
	text := append(body, hello)[0]
	return do(t, http.MethodPost, a.urls[service]+"/chat/completions", header, strings.NewReader(text))
}

func do(t testing.TB, method, url string, header http.Header, body io.Reader) answer {
	t.Helper()
	got, err := try(t.Context(), method, url, header, body)
	require.NoError(t, err)
	return got
}

// try is do for a goroutine of its own.
func try(ctx context.Context, method, url string, header http.Header, body io.Reader) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return answer{}, err
	}
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(content)}, err
}

func with(name, value string) http.Header { return http.Header{name: {value}} }

func bearer(key string) http.Header { return with("Authorization", "Bearer "+key) }

// last is the last request that reached the server.
func (a *access) last() modelserver.Request {
	requests := a.server.Requests()
	return requests[len(requests)-1]
}

// callersNeedAKey would catch a request that gets by without a key, and a caller's key that a server learns.
func callersNeedAKey(t *testing.T, a *access) {
	before := a.server.Count()
	for name, header := range map[string]http.Header{
		"none": nil, "wrong": bearer("sk-alice-6f1d0a5b7d"), "the server's own": bearer(ownKey), "the caller's name": bearer("alice"),
		"a header of the gateway's": with("X-Modelplane-Caller", "alice"),
		"its twin":                  with("X_modelplane_caller", "alice"),
	} {
		got := a.send(t, "keyed", header)
		assert.Equal(t, http.StatusUnauthorized, got.status, name)
		assert.Contains(t, got.body, `_api_key"`, name)
	}
	assert.Equal(t, before, a.server.Count(), "requests that reached the server")
	for _, header := range []http.Header{
		bearer(aliceKey), with("X-Api-Key", aliceKey), with("Api-Key", aliceKey), with("X-Goog-Api-Key", aliceKey),
	} {
		got := a.send(t, "keyed", header)
		require.Equal(t, http.StatusOK, got.status, got.body)
		assert.Equal(t, []string{"Bearer " + ownKey}, a.last().Header["Authorization"])
		for name, values := range a.last().Header {
			assert.NotContains(t, strings.Join(values, " "), aliceKey, name)
		}
		assert.NotContains(t, a.last().Header, "X-Modelplane-Caller", "the server need not know who it is")
	}
}

// keysAreRotated would catch a request that is refused while a key is added or removed, and a removed one that still works.
func keysAreRotated(t *testing.T, a *access) {
	under := func(key string, keys ...string) {
		run := load.Start(t.Context(), load.Config{URL: a.urls["keyed"], Header: bearer(key), RatePerSecond: 50})
		require.NoError(t, run.WaitFor(t.Context(), 20))
		result := a.up(t, keys...)
		require.NoError(t, run.WaitFor(t.Context(), 50))
		report := run.Stop()
		require.NoError(t, report.Err())
		t.Logf("%d requests, none failed", report.Total)
		assert.Zero(t, result.Changes["delete"], "%v", result.Changes)
		assert.Equal(t, 1, result.Changes["update"], "the Middleware alone: %v", result.Changes)
	}
	const alice, old, next = "{name: alice, key: '${keyAlice}'}", "{name: bob, key: '${keyBob}'}", "{name: bob, key: '${keyBobNew}'}"
	under(bobOld, alice, old, next)
	under(bobNew, alice, next)
	assert.Equal(t, http.StatusUnauthorized, a.send(t, "keyed", bearer(bobOld)).status)
	preview := a.Preview()
	require.NoError(t, preview.Err)
	assert.Len(t, preview.Changes, 1, "%v", preview.Changes)
}

// limitsCountEachCaller would catch a caller who pays for another, a made-up name that helps, and an answer that clients do not understand.
func limitsCountEachCaller(t *testing.T, a *access) {
	for _, key := range []string{aliceKey, bobNew} {
		// Two replicas count for themselves.
		sent, refused := 0, answer{}
		for refused.status != http.StatusTooManyRequests && sent < 20 {
			header := bearer(key)
			header.Set("X-Modelplane-Caller", fmt.Sprint("made-up-", sent))
			refused = a.send(t, "counted", header)
			sent++
		}
		assert.GreaterOrEqual(t, sent, 6, key)
		assert.LessOrEqual(t, sent, 11, key)
		assert.Contains(t, refused.body, "rate_limit_exceeded")
		assert.Equal(t, "720", refused.header.Get("Retry-After"), "a fifth of an hour")
	}
}

// requestsInFlight would catch a limit that lets more through at once, and one that counts what has ended.
func requestsInFlight(t *testing.T, a *access) {
	a.server.SetDelay(time.Second)
	defer a.server.SetDelay(0)
	for range 2 {
		statuses := make(chan int)
		for range 12 {
			go func() {
				got, _ := try(t.Context(), http.MethodPost, a.urls["few"]+"/chat/completions", nil, strings.NewReader(hello))
				statuses <- got.status
			}()
		}
		count := map[int]int{}
		for range 12 {
			count[<-statuses]++
		}
		assert.LessOrEqual(t, count[http.StatusOK], 6, "three for each of two replicas: %v", count)
		assert.GreaterOrEqual(t, count[http.StatusOK], 3, "%v", count)
		assert.Equal(t, 12, count[http.StatusOK]+count[http.StatusTooManyRequests], "%v", count)
	}
}

// largeBodies would catch a body that is too large and reaches a server, with or without its length.
func largeBodies(t *testing.T, a *access) {
	before := a.server.Count()
	large := strings.Repeat("x", 2001)
	assert.Equal(t, http.StatusRequestEntityTooLarge, a.send(t, "keyed", bearer(aliceKey), large).status)
	chunked := do(t, http.MethodPost, a.urls["keyed"]+"/chat/completions", bearer(aliceKey), io.MultiReader(strings.NewReader(large)))
	assert.Equal(t, http.StatusRequestEntityTooLarge, chunked.status)
	assert.Equal(t, before, a.server.Count(), "requests that reached the server")
	assert.Equal(t, http.StatusUnauthorized, a.send(t, "keyed", nil, large).status, "who is not let in learns nothing of limits")
}

// browsersAsk would catch a preflight request that needs a key, which no browser sends, and another site that is let in.
func browsersAsk(t *testing.T, a *access) {
	for origin, want := range map[string]string{"https://app.example.com": "https://app.example.com", "https://evil.example.com": ""} {
		preflight := do(t, http.MethodOptions, a.urls["browsers"]+"/chat/completions", http.Header{
			"Origin": {origin}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"authorization,content-type"},
		}, nil)
		assert.Equal(t, want, preflight.header.Get("Access-Control-Allow-Origin"), origin)
		if want != "" {
			assert.Equal(t, http.StatusOK, preflight.status)
			assert.Equal(t, "Authorization,Content-Type", preflight.header.Get("Access-Control-Allow-Headers"))
			assert.Equal(t, "600", preflight.header.Get("Access-Control-Max-Age"))
		}
		header := bearer(aliceKey)
		header.Set("Origin", origin)
		assert.Equal(t, want, a.send(t, "browsers", header).header.Get("Access-Control-Allow-Origin"))
		refused := a.send(t, "browsers", with("Origin", origin))
		assert.Equal(t, http.StatusUnauthorized, refused.status)
		assert.Equal(t, want, refused.header.Get("Access-Control-Allow-Origin"), "a page must be able to read why")
	}
}

// onlyAllowedAddresses would catch an address that gets in by saying that it is another.
func onlyAllowedAddresses(t *testing.T, a *access) {
	for _, header := range []http.Header{nil, with("X-Forwarded-For", "192.0.2.7"), with("X-Real-Ip", "192.0.2.7"), with("Forwarded", "for=192.0.2.7")} {
		assert.Equal(t, http.StatusForbidden, a.send(t, "far", header).status, header)
	}
	assert.Equal(t, http.StatusOK, a.send(t, "near", nil).status)
}

// usersHavePasswords would catch a password that a server learns, and a user whom limits do not know.
func usersHavePasswords(t *testing.T, a *access) {
	basic := func(password string) http.Header {
		r := &http.Request{Header: http.Header{}}
		r.SetBasicAuth("carol", password)
		return r.Header
	}
	assert.Equal(t, http.StatusUnauthorized, a.send(t, "basic", nil).status)
	assert.Equal(t, http.StatusUnauthorized, a.send(t, "basic", basic("wrong")).status)
	statuses := map[int]int{}
	for range 6 {
		statuses[a.send(t, "basic", basic("carol's password")).status]++
	}
	assert.Positive(t, statuses[http.StatusOK], "%v", statuses)
	assert.GreaterOrEqual(t, statuses[http.StatusTooManyRequests], 2, "%v", statuses)
	assert.Equal(t, []string{"Bearer " + ownKey}, a.last().Header["Authorization"])
}

// aServerDecides would catch a verdict that the gateway does not follow, and headers of its answer that get lost.
func aServerDecides(t *testing.T, a *access) {
	refused := a.send(t, "forward", nil)
	assert.Equal(t, http.StatusForbidden, refused.status)
	assert.Equal(t, "say please", refused.body)
	assert.Equal(t, "no", refused.header.Get("X-Verdict"))
	require.Equal(t, http.StatusOK, a.send(t, "forward", http.Header{"X-Magic-Word": {"please"}, "X-Team": {"blue"}}).status)
	assert.Equal(t, []string{"red"}, a.last().Header["X-Team"])
}

// noKeyIsInPlainText would catch a caller's key anywhere in the cluster, and in the state.
func noKeyIsInPlainText(t *testing.T, a *access) {
	for name, object := range harness.NewCluster(t).Objects(t) {
		text, err := yaml.Marshal(object.Object)
		require.NoError(t, err)
		for _, key := range []string{aliceKey, bobOld, bobNew} {
			assert.Empty(t, harness.Found(string(text), key), name)
		}
	}
	assert.Empty(t, harness.Found(a.State(t), aliceKey, bobOld, bobNew, ownKey), "the state")
	assert.Empty(t, harness.Found(a.Log.String(), aliceKey, bobOld, bobNew, ownKey), "what the CLI printed")
}
