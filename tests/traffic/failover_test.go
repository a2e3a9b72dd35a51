package traffic

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/load"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// failover is a stack with a service over two servers of one's own and a provider with a path, a key and TLS of its own.
type failover struct {
	*stack.Stack

	servers map[string]*modelserver.Server
	urls    map[string]string
	// rules are those of two services.
	rules string
	// program has a variable whose change replaces the gateway's Pods.
	program func(variable string) string
}

// TestAnotherBackendAnswers goes through all that happens when a backend fails, on one gateway.
func TestAnotherBackendAnswers(t *testing.T) {
	f := &failover{Stack: harness.NewStack(t, "failover"), servers: map[string]*modelserver.Server{}, urls: map[string]string{}, rules: beta}
	f.SetSecret(t, "key", ownKey)
	f.servers["own"] = harness.Serve(t, modelserver.Options{Name: "own", Address: ":8000", BasePath: "/v1"})
	f.servers["other"] = harness.Serve(t, modelserver.Options{Name: "other", Address: ":8000", BasePath: "/v3"})
	f.servers["saas"] = harness.Serve(t, modelserver.Options{Name: "saas", Address: ":8000", BasePath: "/openai/v1", Keys: []string{ownKey}})
	entry := func(endpoint string, weight, priority int) string {
		return fmt.Sprintf("{endpoint: '${%s.backend}', weight: %d, priority: %d}", endpoint, weight, priority)
	}
	service := func(name, properties string, backends ...string) string {
		return harness.Resource("modelplane:ModelService", name,
			fmt.Sprintf("gateway: '${gw.gateway}', %s, backends: [%s]", properties, strings.Join(backends, ", ")), "")
	}
	endpoint := func(name, path, properties string) string {
		return harness.ModelEndpoint(name, fmt.Sprintf("url: 'http://%s%s'%s", f.servers[name].Address(), path, properties))
	}
	f.servers["slow"] = harness.Serve(t, modelserver.Options{
		Name: "slow", Address: ":8000", BasePath: "/v1", Reply: strings.Repeat("word ", 40), TokenDelay: 250 * time.Millisecond,
	})
	f.servers["candidate"] = harness.Serve(t, modelserver.Options{Name: "candidate", Address: ":8000", BasePath: "/v4"})
	f.program = func(variable string) string {
		return harness.Program("failover", []string{
			harness.ModelGateway("gw", harness.Chart(fmt.Sprintf("env: [{name: CHANGED, value: %s}], readinessProbe: {periodSeconds: 3}, "+
				"resources: {requests: {cpu: 10m}}", variable))+", resources: {requests: {cpu: 10m}, limits: {memory: 256Mi}}"),
			endpoint("own", "/v1", ""), endpoint("other", "/v3", ""), endpoint("saas", "/openai/v1", ", apiKey: '${key}'"),
			endpoint("slow", "/v1", ""), endpoint("candidate", "/v4", ""),
			service("chat", "failover: {headerTimeout: 2s, firstTokenTimeout: 2s}, outlierEjection: {failures: 2, duration: 2s}",
				entry("own", 75, 0), entry("other", 25, 0), entry("saas", 1, 1)),
			service("long", "failover: {headerTimeout: 2s}", entry("own", 1, 0), entry("slow", 1, 1)),
			service("mirrored", f.rules+"mirror: {endpoint: '${candidate.backend}', percent: 20}, affinity: {by: Header, name: X-Session}",
				entry("own", 1, 0), entry("other", 1, 0)),
			service("plain", f.rules+"allowAnonymous: true", entry("own", 1, 0), entry("other", 1, 0)),
			service("sticky", "affinity: {by: Cookie, name: session}", entry("own", 1, 0), entry("other", 1, 0)),
		}, "chat: ${chat.url}", "long: ${long.url}", "mirrored: ${mirrored.url}", "plain: ${plain.url}", "sticky: ${sticky.url}")
	}
	for name, url := range f.MustUp(t, f.program("made")) {
		f.urls[name] = url.(string)
	}
	for _, part := range []struct {
		name string
		run  func(*testing.T, *failover)
	}{
		{"SharesAreExact", frontedShares},
		{"NothingChangesByItself", frontedSame},
		{"ADeadBackendCostsNothing", deadBackend},
		{"AHangingBackendCostsOneTimeout", hangingBackend},
		{"TheProviderAnswersUnderItsOwnPathAndKey", providerAnswers},
		{"StreamsComeTokenByToken", frontedStreams},
		{"SessionsStayAtTheirBackend", sessions},
		{"AMirrorCostsNothing", mirrorCostsNothing},
		{"RulesGoByHeaders", rulesByHeader},
		{"RulesComeAndGoUnderLoad", rulesChange},
		{"BodiesBeyondTheMemoryAreRefused", bodiesBeyondMemory},
		{"NobodyElseHasTheInnerListener", innerListener},
		{"PodsThatEndFinishWhatTheyFront", podsThatEnd},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, f) })
	}
	require.NoError(t, f.Destroy().Err)
}

func frontedShares(t *testing.T, f *failover) {
	report := load.Do(t.Context(), load.Config{URL: f.urls["chat"], MaxRequests: 800, RatePerSecond: 400})
	require.NoError(t, report.Err())
	assert.InDelta(t, 0.75, report.Share("own"), 0.005, "%v", report.ByBackend)
	assert.Len(t, report.ByBackend, 2, "%v", report.ByBackend)
}

func frontedSame(t *testing.T, f *failover) {
	for _, result := range []stack.Result{f.Up(), f.Refresh(), f.Up()} {
		require.NoError(t, result.Err, result.Output)
		assert.Len(t, result.Changes, 1, "%v", result.Changes)
	}
}

// deadBackend would catch a request that fails because a server does.
func deadBackend(t *testing.T, f *failover) {
	run := load.Start(t.Context(), load.Config{URL: f.urls["chat"], RatePerSecond: 100, Workers: 8})
	require.NoError(t, run.WaitFor(t.Context(), 100))
	f.servers["own"].SetFailure(http.StatusServiceUnavailable)
	require.NoError(t, run.WaitFor(t.Context(), 200))
	f.servers["other"].SetFailure(http.StatusTooManyRequests)
	require.NoError(t, run.WaitFor(t.Context(), 200))
	f.servers["own"].SetFailure(0)
	f.servers["other"].SetFailure(0)
	time.Sleep(3 * time.Second)
	require.NoError(t, run.WaitFor(t.Context(), 100))
	report := run.Stop()
	require.NoError(t, report.Err())
	t.Logf("%d requests, none failed, p99 %v: %v", report.Total, report.P99, report.ByBackend)
	assert.Greater(t, report.ByBackend["saas"], 50)
	after := load.Do(t.Context(), load.Config{URL: f.urls["chat"], MaxRequests: 200, RatePerSecond: 200})
	assert.InDelta(t, 0.75, after.Share("own"), 0.03, "%v", after.ByBackend)
	assert.Zero(t, after.ByBackend["saas"], "%v", after.ByBackend)
}

// hangingBackend would catch a server that does not answer and is asked again and again.
func hangingBackend(t *testing.T, f *failover) {
	f.servers["own"].SetDelay(20 * time.Second)
	defer f.servers["own"].SetDelay(0)
	slow := 0
	for range 40 {
		began := time.Now()
		require.Equal(t, http.StatusOK, do(t, http.MethodPost, f.urls["chat"]+"/chat/completions", nil, strings.NewReader(hello)).status)
		if time.Since(began) > time.Second {
			slow++
		}
	}
	// Two for each of two replicas, and one whenever it is tried again.
	assert.LessOrEqual(t, slow, 12)
}

// providerAnswers would catch a request that goes on with the path, Host or key of the backend before.
func providerAnswers(t *testing.T, f *failover) {
	for _, name := range []string{"own", "other"} {
		f.servers[name].SetFailure(http.StatusInternalServerError)
		defer f.servers[name].SetFailure(0)
	}
	header := bearer("of-the-caller")
	header.Set("X-Modelplane-Token", "forged")
	got := do(t, http.MethodPost, f.urls["chat"]+"/chat/completions?x=%2F", header, strings.NewReader(hello))
	require.Equal(t, http.StatusOK, got.status, got.body)
	requests := f.servers["saas"].Requests()
	last := requests[len(requests)-1]
	assert.Equal(t, "/openai/v1/chat/completions?x=%2F", last.URI)
	assert.Equal(t, []string{"Bearer " + ownKey}, last.Header["Authorization"])
	for name := range last.Header {
		assert.False(t, strings.HasPrefix(name, "X-Modelplane-") || strings.HasPrefix(name, "X-Forwarded-"), name)
	}
	f.servers["saas"].SetFailure(http.StatusServiceUnavailable)
	defer f.servers["saas"].SetFailure(0)
	refused := do(t, http.MethodPost, f.urls["chat"]+"/chat/completions", nil, strings.NewReader(hello))
	assert.Contains(t, []int{http.StatusInternalServerError, http.StatusServiceUnavailable}, refused.status)
	assert.Contains(t, refused.body, `{"error":`, "the last answer, whole")
}

// frontedStreams would catch tokens that are held back.
func frontedStreams(t *testing.T, f *failover) {
	time.Sleep(3 * time.Second)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.urls["chat"]+"/chat/completions",
		strings.NewReader(`{"model":"m","stream":true,"messages":[{"role":"user","content":"Hello"}]}`))
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	lines, events := bufio.NewScanner(response.Body), 0
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "data: ") {
			events++
		}
	}
	require.NoError(t, lines.Err())
	assert.Greater(t, events, 5)
}

// hello is a request's body.
const hello = `{"model":"m","messages":[{"role":"user","content":"Hello"}]}`

// sessions would catch one that changes its backend while that is well, and sessions that are all at one.
func sessions(t *testing.T, f *failover) {
	for service, header := range map[string]func(session int) http.Header{
		"mirrored": func(session int) http.Header { return with("X-Session", fmt.Sprint(session)) },
		"sticky":   func(session int) http.Header { return with("Cookie", fmt.Sprintf("theme=dark; session=%d", session)) },
	} {
		at, held := map[int]string{}, map[string]bool{}
		for n := range 100 {
			got := do(t, http.MethodPost, f.urls[service]+"/chat/completions", header(n%20), strings.NewReader(hello))
			require.Equal(t, http.StatusOK, got.status)
			name := got.header.Get("X-Modelserver-Name")
			held[name] = true
			if at[n%20] == "" {
				at[n%20] = name
			}
			assert.Equal(t, at[n%20], name, "%s: two replicas of the gateway choose the same", service)
		}
		assert.Len(t, held, 2, service)
	}
}

// mirrorCostsNothing would catch a client that waits for a copy, and copies under the wrong path.
func mirrorCostsNothing(t *testing.T, f *failover) {
	candidate := f.servers["candidate"]
	candidate.SetDelay(10 * time.Second)
	defer candidate.SetDelay(0)
	before := candidate.Count()
	report := load.Do(t.Context(), load.Config{URL: f.urls["mirrored"], MaxRequests: 100, RatePerSecond: 100})
	require.NoError(t, report.Err())
	assert.Less(t, report.P99, 2*time.Second)
	assert.Zero(t, report.ByBackend["candidate"])
	assert.Eventually(t, func() bool { return candidate.Count()-before >= 18 }, 5*time.Second, 50*time.Millisecond)
	assert.LessOrEqual(t, candidate.Count()-before, 21, "a fifth, counted by each of two replicas")
	assert.Equal(t, "/v4/chat/completions", candidate.Requests()[candidate.Count()-1].URI)
}

// innerListener would catch a route of another namespace that takes requests on their way to a backend, a backend that is reached from outside, and
// a backend's path that leads to it on the public listener.
func innerListener(t *testing.T, f *failover) {
	cluster := harness.NewCluster(t)
	thief := harness.Serve(t, modelserver.Options{Name: "thief", Address: ":8000"})
	cluster.Create(t, `{apiVersion: v1, kind: Namespace, metadata: {name: thieves}}`)
	routes := cluster.Resource(schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"})
	ours, err := routes.Namespace("default").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	var paths []string
	for _, route := range ours.Items {
		if strings.HasPrefix(route.GetName(), "chat-") {
			rules, _, _ := unstructured.NestedSlice(route.Object, "spec", "rules")
			matches, _, _ := unstructured.NestedSlice(rules[0].(map[string]any), "matches")
			path, _, _ := unstructured.NestedString(matches[0].(map[string]any), "path", "value")
			paths = append(paths, path)
		}
	}
	require.Len(t, paths, 3, "the inner routes of the service chat")
	address, port, _ := strings.Cut(thief.Address(), ":")
	cluster.Create(t, fmt.Sprintf(`{apiVersion: v1, kind: Service, metadata: {name: thief, namespace: thieves}, spec: {clusterIP: None, ports: [{name: http, port: %s, appProtocol: http}]}}`, port))
	cluster.Create(t, fmt.Sprintf(`{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4,
      metadata: {name: thief, namespace: thieves, labels: {kubernetes.io/service-name: thief}},
      endpoints: [{addresses: [%s], conditions: {ready: true}}], ports: [{name: http, port: %s}]}`, address, port))
	for i, prefix := range []string{"/", "/" + strings.Split(paths[0], "/")[1][:8]} {
		cluster.Create(t, fmt.Sprintf(`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: thief-%d, namespace: thieves},
          spec: {parentRefs: [{name: gw-inner, namespace: modelplane-gw}], rules: [{matches: [{path: {type: PathPrefix, value: '%s'}}], backendRefs: [{name: thief, port: %s}]}]}}`,
			i, prefix, port))
	}
	time.Sleep(2 * time.Second)
	report := load.Do(t.Context(), load.Config{URL: f.urls["chat"], MaxRequests: 100, RatePerSecond: 100})
	require.NoError(t, report.Err())
	assert.Zero(t, report.ByBackend["thief"])
	assert.Zero(t, thief.Count())

	gateway := strings.TrimSuffix(f.urls["chat"], "/default/chat/v1")
	// A front that leads to itself: by its route on the inner listener.
	cluster.Create(t, `{apiVersion: traefik.io/v1alpha1, kind: Middleware, metadata: {name: round, namespace: thieves}, spec: {plugin: {modelplane: {service: thieves/round,
      front: {attempts: 1, backends: [{endpoint: round, path: /thieves/round, weight: 1}]}}}}}`)
	time.Sleep(2 * time.Second)
	for _, parent := range []string{"gw", "gw-inner"} {
		cluster.Create(t, fmt.Sprintf(`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: round-%s, namespace: thieves},
          spec: {parentRefs: [{name: %s, namespace: modelplane-gw}], rules: [{matches: [{path: {type: PathPrefix, value: /thieves/round}}],
          filters: [{type: ExtensionRef, extensionRef: {group: traefik.io, kind: Middleware, name: round}}], backendRefs: [{name: thief, port: %s}]}]}}`, parent, parent, port))
	}
	require.Eventually(t, func() bool {
		return do(t, http.MethodGet, gateway+"/thieves/round", nil, nil).status == http.StatusLoopDetected
	}, 10*time.Second, 200*time.Millisecond)
	for _, path := range paths {
		assert.Equal(t, http.StatusNotFound, do(t, http.MethodGet, gateway+path+"/models", with("X-Modelplane-Token", "x"), nil).status)
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(gateway, "http://"), ":")
	connection, err := net.DialTimeout("tcp", host+":9400", 2*time.Second)
	if !assert.Error(t, err, "the inner listener can be reached from outside") {
		_ = connection.Close()
	}
}

// podsThatEnd would catch a stream that is cut, and a request that can no longer fail over, because a Pod of the gateway ends.
func podsThatEnd(t *testing.T, f *failover) {
	f.servers["own"].SetFailure(http.StatusServiceUnavailable)
	defer f.servers["own"].SetFailure(0)
	run := load.Start(t.Context(), load.Config{URL: f.urls["chat"], RatePerSecond: 50, Workers: 8})
	streams := make(chan int, 64)
	for range cap(streams) {
		go func() {
			got, _ := try(t.Context(), http.MethodPost, f.urls["long"]+"/chat/completions", nil, strings.NewReader(strings.Replace(hello, "{", `{"stream":true,`, 1)))
			streams <- strings.Count(got.body, "word ")
		}()
	}
	require.Eventually(t, func() bool { return f.servers["slow"].Tokens() > int64(cap(streams)) }, 20*time.Second, 20*time.Millisecond)
	f.MustUp(t, f.program("replaced"))
	for range cap(streams) {
		assert.Equal(t, 40, <-streams, "words of a stream")
	}
	time.Sleep(15 * time.Second)
	require.NoError(t, run.WaitFor(t.Context(), 100))
	report := run.Stop()
	require.NoError(t, report.Err())
	t.Logf("%d requests, none failed, and 64 streams, none cut", report.Total)
}
