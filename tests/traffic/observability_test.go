package traffic

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/load"
	"github.com/modelplane/pulumi-modelplane/tests/localplane"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// collectorKey is what the collector of traces asks for.
const collectorKey = "collector-key-8d3f5a7e"

// observed is a stack whose gateway tells all it can of its requests.
type observed struct {
	*stack.Stack

	own, groq *modelserver.Server
	odd       *oddServer
	collector *collector
	urls      map[string]string
	scrapes   []scrape
}

// TestWhatAGatewayTellsOfItsRequests goes through figures, log, traces and dashboard, on one gateway that has them switched on and off under load.
func TestWhatAGatewayTellsOfItsRequests(t *testing.T) {
	o := &observed{Stack: harness.NewStack(t, "observed")}
	options := modelserver.Options{Address: ":8000", BasePath: "/v1", TokenDelay: 5 * time.Millisecond}
	options.Name = "own"
	o.own = harness.Serve(t, options)
	options.Name, options.Keys = "groq", []string{ownKey}
	o.groq = harness.Serve(t, options)
	o.odd, o.collector = serveOdd(t), collect(t)
	for name, value := range map[string]string{"key": ownKey, "keyAlice": aliceKey, "keyBob": bobNew, "keyCollector": collectorKey} {
		o.SetSecret(t, name, value)
	}
	installServiceMonitors(t)
	o.up(t, "")
	o.switched(t, fmt.Sprintf("observability: {metrics: {serviceMonitor: {labels: {release: prometheus}}}, dashboard: true, accessLog: true, "+
		"otlp: {endpoint: 'http://%s', headers: {X-Collector-Key: '${keyCollector}'}}}", o.collector.address))
	for _, part := range []struct {
		name string
		run  func(*testing.T, *observed)
	}{
		{"StreamsArriveTokenByToken", streamsArrive},
		{"WebSocketsUpgrade", webSocketsUpgrade},
		{"AnswersTellTheirEndpoint", answersTellTheirEndpoint},
		{"FiguresAreThoseOfTheRequests", figuresAreThoseOfTheRequests},
		{"TheDashboardsQueriesAnswer", dashboardAnswers},
		{"TheAccessLogHoldsNoKey", accessLogHoldsNoKey},
		{"TracesArriveWithoutAKey", tracesArrive},
		{"OtherTeamsReachNoFigures", otherTeamsReachNoFigures},
		{"TheOperatorFindsTheFigures", operatorFindsTheFigures},
		{"NoKeyIsInPlainText", noKeyOfObservability},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, o) })
	}
	t.Run("SwitchedOffUnderLoad", func(t *testing.T) { o.switched(t, "") })
	require.NoError(t, o.Destroy().Err)
}

// up runs the stack with this property of the gateway.
func (o *observed) up(t testing.TB, observability string) {
	t.Helper()
	properties := harness.Chart("readinessProbe: {periodSeconds: 2}, resources: {requests: {cpu: 10m}}") + ", replicas: 1"
	if observability != "" {
		properties += ", " + observability
	}
	weighted := "gateway: '${gw.gateway}', backends: [{endpoint: '${groq.backend}', weight: 30}, {endpoint: '${own.backend}', weight: 70}]"
	o.Write(t, harness.Program("observed", []string{
		harness.ModelGateway("gw", properties),
		harness.ModelEndpoint("own", fmt.Sprintf("url: 'http://%s/v1'", o.own.Address())),
		harness.ModelEndpoint("groq", fmt.Sprintf("url: 'http://%s/v1', apiKey: '${key}'", o.groq.Address())),
		harness.ModelEndpoint("odd", fmt.Sprintf("url: 'http://%s/v1'", o.odd.address)),
		harness.Resource("modelplane:ModelCallers", "teams", "keys: [{name: alice, key: '${keyAlice}'}, {name: bob, key: '${keyBob}'}]", ""),
		harness.Resource("modelplane:ModelService", "chat", weighted+", auth: {callers: '${teams.callers}'}", ""),
		harness.Resource("modelplane:ModelService", "free", weighted, ""),
		harness.ModelService("limited", "'${gw.gateway}'", "auth: {callers: '${teams.callers}'}, limits: {requests: [{by: Caller, requests: 2, seconds: 3600}]}", "own"),
		harness.ModelService("odd-ones", "'${gw.gateway}'", "", "odd"),
	}, "gateway: ${gw.url}", "chat: ${chat.url}", "free: ${free.url}", "limited: ${limited.url}", "odd: ${odd-ones.url}"))
	result := o.Up()
	require.NoError(t, result.Err, result.Output)
	o.urls = map[string]string{}
	for name, url := range o.Outputs(t) {
		o.urls[name] = url.(string)
	}
}

// switched changes what the gateway tells of its requests, and loses none meanwhile.
func (o *observed) switched(t *testing.T, observability string) {
	run := load.Start(t.Context(), load.Config{URL: o.urls["free"], RatePerSecond: 50})
	o.up(t, observability)
	report := run.Stop()
	require.NoError(t, report.Err())
	t.Logf("%d requests while observability changed, all answered", report.Total)
}

func streamsArrive(t *testing.T, o *observed) {
	for _, kind := range []string{"events", "chunks"} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.urls["odd"]+"/"+kind, strings.NewReader("{}"))
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err, "the header waits for the first token")
		lines := bufio.NewReader(response.Body)
		for i := range 5 {
			o.odd.next <- true
			line, err := lines.ReadString('\n')
			require.NoError(t, err, "%s: token %d waits for the next one", kind, i)
			assert.Equal(t, fmt.Sprintf("data: %d\n", i), line)
		}
		_, err = lines.ReadByte()
		assert.ErrorIs(t, err, io.EOF)
		require.NoError(t, response.Body.Close())
		cancel()
	}
	response, err := http.Get(o.urls["odd"] + "/cut")
	require.NoError(t, err)
	defer response.Body.Close()
	_, err = io.ReadAll(response.Body)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF, "a broken stream looks whole")
}

func webSocketsUpgrade(t *testing.T, o *observed) {
	host, path, _ := strings.Cut(strings.TrimPrefix(o.urls["odd"], "http://"), "/")
	if !strings.Contains(host, ":") {
		host += ":80"
	}
	connection, err := net.Dial("tcp", host)
	require.NoError(t, err)
	defer connection.Close()
	require.NoError(t, connection.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = fmt.Fprintf(connection, "GET /%s/socket HTTP/1.1\r\nHost: gw\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", path)
	require.NoError(t, err)
	reader := bufio.NewReader(connection)
	response, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
	for i := range 3 {
		_, err := fmt.Fprintf(connection, "message %d\n", i)
		require.NoError(t, err)
		line, err := reader.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprintf("message %d\n", i), line)
	}
}

// answersTellTheirEndpoint would catch a header that names another server, one that the server itself forges, and one that is missing on an
// answer of the gateway's in an endpoint's place.
func answersTellTheirEndpoint(t *testing.T, o *observed) {
	for range 6 {
		got := o.send(t, "chat", bearer(aliceKey))
		require.Equal(t, http.StatusOK, got.status)
		assert.Equal(t, got.header.Get(modelserver.HeaderName), got.header.Get("X-Modelplane-Endpoint"))
	}
	got := do(t, http.MethodGet, o.urls["odd"]+"/forged", nil, nil)
	assert.Equal(t, []string{"odd"}, got.header.Values("X-Modelplane-Endpoint"))
	got = do(t, http.MethodGet, o.urls["odd"]+"/hang-up", nil, nil)
	assert.Equal(t, http.StatusBadGateway, got.status)
	assert.Equal(t, "odd", got.header.Get("X-Modelplane-Endpoint"))
	assert.Empty(t, o.send(t, "chat", nil).header.Get("X-Modelplane-Endpoint"), "nobody was asked")
}

func (o *observed) send(t testing.TB, service string, header http.Header) answer {
	t.Helper()
	return do(t, http.MethodPost, o.urls[service]+"/chat/completions", header,
		strings.NewReader(`{"model":"m","stream":true,"messages":[{"role":"user","content":"Hello"}]}`))
}

// scrape is an answer of /metrics, as promquery takes it.
type scrape struct {
	At     int64             `json:"at"`
	Text   string            `json:"text"`
	Labels map[string]string `json:"labels"`
}

// scrape asks each of the gateway's Pods for its figures, as Prometheus does.
func (o *observed) scrape(t testing.TB) string {
	t.Helper()
	all := ""
	for name, address := range gatewayPods(t) {
		got := do(t, http.MethodGet, "http://"+address+":9100/metrics",
			http.Header{"Accept": {"application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}, "Accept-Encoding": {"gzip"}}, nil)
		require.Equal(t, http.StatusOK, got.status, got.body)
		require.Contains(t, got.body, "traefik_entrypoint_requests_total", "Traefik's own figures are missing")
		o.scrapes = append(o.scrapes, scrape{time.Now().UnixMilli(), got.body, map[string]string{"pod": name}})
		all += got.body
	}
	return all
}

// gatewayPods are the addresses of the gateway's Pods that do not end.
func gatewayPods(t testing.TB) map[string]string {
	t.Helper()
	list, err := harness.NewCluster(t).Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace("modelplane-gw").
		List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	pods := map[string]string{}
	for _, pod := range list.Items {
		address, _, _ := unstructured.NestedString(pod.Object, "status", "podIP")
		if pod.GetDeletionTimestamp() == nil && address != "" {
			pods[pod.GetName()] = address
		}
	}
	require.NotEmpty(t, pods)
	return pods
}

// figure is the sum of a family's series that have all of these labels, over all Pods.
func figure(t testing.TB, text, family string, labels ...string) float64 {
	t.Helper()
	sum := 0.0
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), "{")
		given, value, _ := strings.Cut(rest, "} ")
		has := name == family
		for _, label := range labels {
			has = has && strings.Contains(","+given+",", ","+label+",")
		}
		if has {
			var of float64
			_, err := fmt.Sscan(value, &of)
			require.NoError(t, err, line)
			sum += of
		}
	}
	return sum
}

// figuresAreThoseOfTheRequests would catch a request that is not counted, or as another's; times of another request; and figures of
// Traefik's that ours take the place of.
func figuresAreThoseOfTheRequests(t *testing.T, o *observed) {
	// What came before is there at the first look, so that rates have something to begin with.
	for range 3 {
		o.send(t, "limited", bearer(bobNew))
	}
	o.send(t, "chat", http.Header{"X-Modelserver-Status": {"503"}, "Authorization": {"Bearer " + aliceKey}})
	before := o.scrape(t)
	chat := `model_service="default/chat"`
	for range 40 {
		require.Equal(t, http.StatusOK, o.send(t, "chat", bearer(aliceKey)).status)
	}
	for range 4 {
		require.Equal(t, http.StatusUnauthorized, o.send(t, "chat", nil).status)
		o.send(t, "chat", http.Header{"X-Modelserver-Status": {"503"}, "Authorization": {"Bearer " + aliceKey}})
		o.send(t, "limited", bearer(bobNew))
	}
	response, err := http.Get(o.urls["odd"] + "/cut")
	require.NoError(t, err)
	_, _ = io.ReadAll(response.Body)
	require.NoError(t, response.Body.Close())
	time.Sleep(2 * time.Second)
	after := o.scrape(t)
	for _, c := range []struct {
		want   float64
		family string
		labels []string
	}{
		{12, "modelplane_requests_total", []string{chat, `model_endpoint="groq"`, `caller="alice"`, `code="200"`}},
		{28, "modelplane_requests_total", []string{chat, `model_endpoint="own"`, `caller="alice"`, `code="200"`}},
		{4, "modelplane_requests_total", []string{chat, `model_endpoint=""`, `caller=""`, `code="401"`}},
		{4, "modelplane_requests_total", []string{chat, `caller="alice"`, `code="503"`}},
		{4, "modelplane_requests_total", []string{`model_service="default/limited"`, `model_endpoint=""`, `caller="bob"`, `code="429"`}},
		{1, "modelplane_cut_answers_total", []string{`model_service="default/odd-ones"`, `model_endpoint="odd"`}},
		{40, "modelplane_first_token_seconds_count", []string{chat}},
		{48, "modelplane_first_byte_seconds_count", []string{chat}},
		{48, "modelplane_request_duration_seconds_bucket", []string{chat, `le="600"`}},
	} {
		assert.InDelta(t, c.want, figure(t, after, c.family, c.labels...)-figure(t, before, c.family, c.labels...), 1.01, "%s %v", c.family, c.labels)
	}
	assert.Equal(t, 40.0, figure(t, after, "modelplane_requests_total", chat, `code="200"`)-figure(t, before, "modelplane_requests_total", chat, `code="200"`))
	assert.Equal(t, 0.7, figure(t, after, "modelplane_share_asked", chat, `model_endpoint="own"`))
	assert.Equal(t, 1.0, figure(t, after, "modelplane_requests_total", `model_service="default/odd-ones"`, `code="101"`))
	assert.Contains(t, after, `gateway="modelplane-gw/gw"`)
	assert.Contains(t, after, "traefik_router_requests_total")
	assert.Contains(t, after, `le="600"`, "Traefik's buckets are too small for answers of models")
}

// dashboardAnswers would catch a query that Prometheus does not take, one that finds nothing although there is something, and one that finds
// something else than its panel says.
func dashboardAnswers(t *testing.T, o *observed) {
	list, err := harness.NewCluster(t).Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace("modelplane-gw").
		List(t.Context(), metav1.ListOptions{LabelSelector: "grafana_dashboard=1"})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	texts, _, _ := unstructured.NestedStringMap(list.Items[0].Object, "data")
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(texts["modelplane-gw-gw.json"]), &dashboard))
	var titles, queries []string
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			titles = append(titles, panel.Title)
			queries = append(queries, strings.NewReplacer("$__rate_interval", "5m", "$service", ".*").Replace(target.Expr))
		}
	}
	answers := o.query(t, queries...)
	find := func(title string, nth int, labels ...string) float64 {
		for i, of := range titles {
			if of != title {
				continue
			}
			if nth > 0 {
				nth--
				continue
			}
			for _, s := range answers[i] {
				has := true
				for j := 0; j < len(labels); j += 2 {
					has = has && s.Labels[labels[j]] == labels[j+1]
				}
				if has {
					return s.Value
				}
			}
		}
		return -1
	}
	for i, title := range titles {
		if title == "Failovers" {
			assert.Empty(t, answers[i])
			continue
		}
		assert.NotEmpty(t, answers[i], "%s: %s", title, queries[i])
		for _, s := range answers[i] {
			assert.GreaterOrEqual(t, s.Value, 0.0, "%s %v", title, s.Labels)
		}
	}
	for endpoint, share := range map[string]float64{"groq": 0.3, "own": 0.7} {
		assert.InDelta(t, share, find("Share got and share asked for", 0, "model_service", "default/chat", "model_endpoint", endpoint), 0.05, "got")
		assert.InDelta(t, share, find("Share got and share asked for", 1, "model_service", "default/chat", "model_endpoint", endpoint), 1e-9, "asked for")
	}
	assert.Positive(t, find("Answers by status", 0, "code", "401"))
	assert.Positive(t, find("Refused for a limit, by caller", 0, "caller", "bob"))
	assert.Equal(t, -1.0, find("Refused for a limit, by caller", 0, "caller", "alice"))
	assert.Positive(t, find("Errors", 0, "model_service", "default/chat", "model_endpoint", "own"))
	assert.Positive(t, find("Answers cut off", 0, "model_endpoint", "odd"))
	for i, last := 0, 0.0; i < 3; i++ {
		quantile := find("Time to the first token", i, "model_service", "default/chat", "model_endpoint", "own")
		assert.GreaterOrEqual(t, quantile, last, "quantiles fall")
		assert.Less(t, quantile, 60.0)
		last = quantile
	}
}

// sample is one line of a query's answer.
type sample struct {
	Labels map[string]string
	Value  float64
}

// query asks Prometheus' own engine about what was scraped.
func (o *observed) query(t testing.TB, queries ...string) [][]sample {
	t.Helper()
	program, err := exec.LookPath("promquery")
	require.NoError(t, err, "make bin/promquery builds it")
	asked, err := json.Marshal(map[string]any{"scrapes": o.scrapes, "queries": queries, "at": o.scrapes[len(o.scrapes)-1].At})
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), program)
	command.Stdin = bytes.NewReader(asked)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	answered, err := command.Output()
	require.NoError(t, err, complaint.String())
	var answers [][]sample
	require.NoError(t, json.Unmarshal(answered, &answers))
	require.Len(t, answers, len(queries))
	return answers
}

// accessLogHoldsNoKey would catch a key in any place where clients send it, and a log that does not say who called and who answered.
func accessLogHoldsNoKey(t *testing.T, o *observed) {
	header := http.Header{}
	secrets := []string{aliceKey, ownKey, collectorKey}
	for i, name := range []string{
		"Cookie", "X-Api-Key", "Api-Key", "X-Goog-Api-Key", "Proxy-Authorization", "Sec-Websocket-Protocol", "X-Modelplane-Caller", "X-Modelplane-Endpoint",
		"X_Modelplane_Caller", "User-Agent", "Referer", "X-Custom", "OpenAI-Organization",
	} {
		secret := fmt.Sprintf("sk-hidden-%d-9f8e7d", i)
		header[name], secrets = []string{secret}, append(secrets, secret)
	}
	header["Authorization"] = []string{"Bearer " + aliceKey}
	query := "?key=sk-hidden-query-1&api_key=sk-hidden-query-2;access_token=sk-hidden-query-3&x=sk-hidden-query-4"
	secrets = append(secrets, "sk-hidden-query")
	for _, path := range []string{"/models", "/nowhere", "/..%2Fmodels"} {
		do(t, http.MethodGet, o.urls["chat"]+path+query, header, nil)
	}
	do(t, http.MethodGet, o.urls["chat"]+"/models"+query, bearer(aliceKey), nil)
	do(t, http.MethodGet, o.urls["gateway"]+"/no-such-service"+query, header, nil)
	do(t, http.MethodGet, o.urls["chat"]+"/models"+query, http.Header{"Authorization": {"Bearer sk-hidden-wrong"}}, nil)
	secrets = append(secrets, "sk-hidden-wrong")
	time.Sleep(time.Second)
	logs := podLogs(t)
	assert.Empty(t, harness.Found(logs, secrets...))
	last := map[string]any{}
	for line := range strings.Lines(logs) {
		var entry map[string]any
		if json.Unmarshal([]byte(line), &entry) == nil && entry["RequestPath"] == "/default/chat/v1/models" && entry["DownstreamStatus"] == 200.0 {
			last = entry
		}
	}
	assert.Equal(t, "alice", last["downstream_Modelplane/Caller"], last)
	assert.Equal(t, "default/chat", last["downstream_Modelplane/Service"], last)
	assert.Contains(t, []any{"own", "groq"}, last["downstream_Modelplane/Endpoint"])
	for _, field := range []string{"Duration", "ClientHost", "RequestMethod", "StartUTC", "RouterName"} {
		assert.Contains(t, last, field)
	}
	for field := range last {
		assert.False(t, strings.HasPrefix(field, "request_") || strings.HasPrefix(field, "origin_"), field)
	}
}

// podUIDs are those of the gateway's Pods.
func podUIDs(t testing.TB) []string {
	t.Helper()
	list, err := harness.NewCluster(t).Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace("modelplane-gw").
		List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	var all []string
	for _, pod := range list.Items {
		all = append(all, string(pod.GetUID()))
	}
	require.NotEmpty(t, all)
	return all
}

// podLogs are the logs of all of the gateway's Pods.
func podLogs(t testing.TB) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(harness.Plane.PodsDir(), "modelplane-gw_*.log"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	all := ""
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		all += string(content)
	}
	return all
}

// tracesArrive would catch a collector that is sent nothing, or not its key, and a trace that holds one.
func tracesArrive(t *testing.T, o *observed) {
	var secrets []string
	assert.Eventually(t, func() bool {
		return strings.Contains(o.collector.received("/v1/traces"), "/default/chat/v1/models") && o.collector.received("/v1/metrics") != ""
	}, 30*time.Second, 200*time.Millisecond)
	assert.NotContains(t, podLogs(t), "OpenTelemetry")
	for _, pod := range podUIDs(t) {
		secrets = append(secrets, pod)
	}
	for _, path := range []string{"/v1/traces", "/v1/metrics"} {
		received := o.collector.received(path)
		assert.Contains(t, received, "gw")
		assert.Empty(t, harness.Found(received, aliceKey, bobNew, ownKey, collectorKey, "sk-hidden"), path)
		assert.Empty(t, harness.Found(received, secrets...), "%s: who knows the Pod's UID can make an IngressRoute that gets all requests", path)
	}
	assert.Equal(t, map[string]bool{collectorKey: true}, o.collector.keys())
}

// otherTeamsReachNoFigures would catch a way to all teams' figures for somebody who may make routes, Middlewares and Gateways in a namespace of
// their own, or who is outside of the cluster, and a way to spoil another team's figures.
func otherTeamsReachNoFigures(t *testing.T, o *observed) {
	cluster := harness.NewCluster(t)
	create := func(group, version, resource, kind, name string, spec map[string]any) {
		object := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
		object.SetAPIVersion(strings.TrimPrefix(group+"/"+version, "/"))
		object.SetKind(kind)
		object.SetName(name)
		content, err := object.MarshalJSON()
		require.NoError(t, err)
		require.NoError(t, object.UnmarshalJSON(content))
		kinds := cluster.Resource(schema.GroupVersionResource{Group: group, Version: version, Resource: resource})
		if resource == "namespaces" {
			_, err = kinds.Create(t.Context(), object, metav1.CreateOptions{})
		} else {
			_, err = kinds.Namespace("rivals").Create(t.Context(), object, metav1.CreateOptions{})
		}
		require.NoError(t, err, name)
		t.Cleanup(func() {
			if resource == "namespaces" {
				_ = kinds.Delete(context.Background(), name, metav1.DeleteOptions{})
			}
		})
	}
	create("", "v1", "namespaces", "Namespace", "rivals", nil)
	create("", "v1", "services", "Service", "mine", map[string]any{"ports": []any{map[string]any{"name": "http", "port": 9100, "appProtocol": "http"}}})
	slice := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": map[string]any{"name": "mine", "labels": map[string]any{"kubernetes.io/service-name": "mine"}},
		"addressType": "IPv4", "ports": []any{map[string]any{"name": "http", "port": int64(o.odd.port)}},
		"endpoints": []any{map[string]any{"addresses": []any{o.odd.host}, "conditions": map[string]any{"ready": true}}},
	}}
	_, err := cluster.Resource(schema.GroupVersionResource{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"}).Namespace("rivals").
		Create(t.Context(), slice, metav1.CreateOptions{})
	require.NoError(t, err)
	const traefik, gatewayAPI = "traefik.io", "gateway.networking.k8s.io"
	plugin := func(name string, config map[string]any) {
		create(traefik, "v1alpha1", "middlewares", "Middleware", name, map[string]any{"plugin": map[string]any{"modelplane": config}})
	}
	plugin("reports", map[string]any{"report": "rivals/gw"})
	plugin("gw-metrics", map[string]any{"report": "modelplane-gw/gw"})
	plugin("spoils", map[string]any{"count": true, "service": "default/chat"})
	create(gatewayAPI, "v1", "gateways", "Gateway", "mine", map[string]any{
		"gatewayClassName": "modelplane-gw.gw",
		"listeners":        []any{map[string]any{"name": "metrics", "protocol": "HTTP", "port": 9100, "allowedRoutes": map[string]any{"namespaces": map[string]any{"from": "All"}}}},
	})
	route := func(name, path string, parent map[string]any, backend map[string]any, filters ...any) {
		create(gatewayAPI, "v1", "httproutes", "HTTPRoute", name, map[string]any{
			"parentRefs": []any{parent},
			"rules": []any{map[string]any{
				"matches": []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": path}}}, "filters": filters, "backendRefs": []any{backend},
			}},
		})
	}
	public := map[string]any{"name": "gw", "namespace": "modelplane-gw"}
	own := map[string]any{"name": "mine", "port": 9100}
	through := func(name string) map[string]any {
		return map[string]any{"type": "ExtensionRef", "extensionRef": map[string]any{"group": traefik, "kind": "Middleware", "name": name}}
	}
	route("reports", "/rivals/reports", public, own, through("reports"))
	route("named-alike", "/rivals/named-alike", public, own, through("gw-metrics"))
	route("metrics", "/metrics", public, own, through("gw-metrics"))
	route("internal", "/rivals/internal", public, map[string]any{"group": traefik, "kind": "TraefikService", "name": "prometheus@internal"},
		map[string]any{"type": "URLRewrite", "urlRewrite": map[string]any{"path": map[string]any{"type": "ReplaceFullPath", "replaceFullPath": "/metrics"}}})
	route("spoils", "/rivals/spoils", public, own, through("spoils"))
	mine := map[string]any{"name": "mine"}
	route("taken", "/metrics", mine, own)
	route("taken-longer", "/metrics/x", mine, own)
	route("taken-all", "/", mine, own)
	seen := func() bool {
		return do(t, http.MethodGet, o.urls["gateway"]+"/rivals/spoils", nil, nil).header.Get("X-Odd") != ""
	}
	require.Eventually(t, seen, 20*time.Second, 200*time.Millisecond, "the rivals' own route is not served")
	time.Sleep(2 * time.Second)

	before := figure(t, o.scrape(t), "modelplane_requests_total", `model_service="default/chat"`)
	for range 5 {
		do(t, http.MethodGet, o.urls["gateway"]+"/rivals/spoils", nil, nil)
	}
	for _, path := range []string{"/metrics", "/rivals/reports", "/rivals/reports/metrics", "/rivals/named-alike", "/rivals/internal", "/default/chat/v1/metrics"} {
		got := do(t, http.MethodGet, o.urls["gateway"]+path, nil, nil)
		assert.NotContains(t, got.body, "modelplane_", path)
		assert.NotContains(t, got.body, "traefik_", path)
	}
	after := o.scrape(t) // it is Traefik's own answer, and whole
	// The path below the service is the chat service's own, and is asked for a key.
	assert.Equal(t, before+1, figure(t, after, "modelplane_requests_total", `model_service="default/chat"`), "rivals count for another team")
	for _, address := range gatewayPods(t) {
		for _, path := range []string{"/", "/metrics/x", "/v1/models"} {
			got := do(t, http.MethodGet, "http://"+address+":9100"+path, nil, nil)
			assert.Equal(t, http.StatusNotFound, got.status, path)
			assert.Empty(t, got.header.Get("X-Odd"), "rivals answer on the entry point of metrics")
		}
	}
	address := strings.TrimPrefix(o.urls["gateway"], "http://")
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	if connection, err := net.DialTimeout("tcp", net.JoinHostPort(address, "9100"), 2*time.Second); err == nil {
		_ = connection.Close()
		t.Error("the load balancer takes connections for the metrics")
	}
}

// operatorFindsTheFigures would catch a ServiceMonitor that Prometheus' operator does not select, or whose Service leads nowhere.
func operatorFindsTheFigures(t *testing.T, _ *observed) {
	cluster := harness.NewCluster(t)
	monitor, err := cluster.Resource(serviceMonitors).Namespace("modelplane-gw").Get(t.Context(), "gw", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, "prometheus", monitor.GetLabels()["release"])
	selector, _, err := unstructured.NestedStringMap(monitor.Object, "spec", "selector", "matchLabels")
	require.NoError(t, err)
	var terms []string
	for key, value := range selector {
		terms = append(terms, key+"="+value)
	}
	services, err := cluster.Resource(schema.GroupVersionResource{Version: "v1", Resource: "services"}).Namespace("modelplane-gw").
		List(t.Context(), metav1.ListOptions{LabelSelector: strings.Join(terms, ",")})
	require.NoError(t, err)
	require.Len(t, services.Items, 1)
	assert.Equal(t, "gw-metrics", services.Items[0].GetName())
	kind, _, _ := unstructured.NestedString(services.Items[0].Object, "spec", "type")
	assert.Equal(t, "ClusterIP", kind, "figures are outside of the cluster")
	address, _, _ := unstructured.NestedString(services.Items[0].Object, "spec", "clusterIP")
	assert.NotEmpty(t, address)
}

// noKeyOfObservability would catch a header for the collector in the release, in a Pod or in Pulumi's state.
func noKeyOfObservability(t *testing.T, o *observed) {
	assert.Empty(t, harness.Found(o.State(t), collectorKey, aliceKey, ownKey), "Pulumi's state")
	for name, object := range harness.NewCluster(t).Objects(t) {
		if strings.HasPrefix(name, "secrets ") && object.GetLabels()["modelplane/component"] != "" {
			continue
		}
		content, err := object.MarshalJSON()
		require.NoError(t, err)
		assert.Empty(t, harness.Found(string(content), collectorKey), name)
	}
}

var serviceMonitors = schema.GroupVersionResource{Group: "monitoring.coreos.com", Version: "v1", Resource: "servicemonitors"}

// installServiceMonitors installs a CRD of that name, as Prometheus' operator brings one.
func installServiceMonitors(t *testing.T) {
	crds := harness.NewCluster(t).Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	_, err := crds.Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": "servicemonitors.monitoring.coreos.com"},
		"spec": map[string]any{
			"group": "monitoring.coreos.com", "scope": "Namespaced",
			"names": map[string]any{"kind": "ServiceMonitor", "listKind": "ServiceMonitorList", "plural": "servicemonitors", "singular": "servicemonitor"},
			"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true, "schema": map[string]any{
				"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true},
			}}},
		},
	}}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = crds.Delete(context.Background(), "servicemonitors.monitoring.coreos.com", metav1.DeleteOptions{})
	})
	require.Eventually(t, func() bool {
		_, err := harness.NewCluster(t).Resource(serviceMonitors).List(t.Context(), metav1.ListOptions{})
		return err == nil
	}, 20*time.Second, 100*time.Millisecond)
}

// oddServer answers as servers seldom do.
type oddServer struct {
	address, host string
	port          int
	// next lets a stream go on.
	next chan bool
}

func serveOdd(t *testing.T) *oddServer {
	host := harness.FreeAddress(t, localplane.Free4).String()
	o := &oddServer{host: host, port: 8000, address: host + ":8000", next: make(chan bool)}
	serveAt(t, o.address, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Odd", "yes")
		flush := func() { _ = http.NewResponseController(w).Flush() }
		switch strings.TrimPrefix(r.URL.Path, "/v1") {
		case "/events", "/chunks":
			if strings.HasSuffix(r.URL.Path, "events") {
				w.Header().Set("Content-Type", "text/event-stream")
			}
			w.WriteHeader(http.StatusOK)
			flush()
			for i := range 5 {
				select {
				case <-o.next:
				case <-r.Context().Done():
					return
				}
				_, _ = fmt.Fprintf(w, "data: %d\n", i)
				flush()
			}
		case "/cut":
			_, _ = io.WriteString(w, "data: 1\n")
			flush()
			panic(http.ErrAbortHandler)
		case "/hang-up":
			panic(http.ErrAbortHandler)
		case "/forged":
			w.Header().Set("X-Modelplane-Endpoint", "forged")
		case "/socket":
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "websocket")
			w.WriteHeader(http.StatusSwitchingProtocols)
			connection, buffered, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.Copy(connection, buffered)
				_ = connection.Close()
			}
		}
	})
	return o
}

func serveAt(t *testing.T, address string, handler http.HandlerFunc) {
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(handler)
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
}

// collector takes what is sent by OTLP.
type collector struct {
	address string
	lock    sync.Mutex
	bodies  map[string]string
	seen    map[string]bool
}

func collect(t *testing.T) *collector {
	c := &collector{address: harness.FreeAddress(t, localplane.Free4).String() + ":4318", bodies: map[string]string{}, seen: map[string]bool{}}
	serveAt(t, c.address, func(_ http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			unpacked, err := gzip.NewReader(r.Body)
			if err != nil {
				return
			}
			body = unpacked
		}
		content, _ := io.ReadAll(body)
		c.lock.Lock()
		defer c.lock.Unlock()
		c.bodies[r.URL.Path] += string(content)
		c.seen[r.Header.Get("X-Collector-Key")] = true
	})
	return c
}

func (c *collector) received(path string) string {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.bodies[path]
}

func (c *collector) keys() map[string]bool {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.seen
}
