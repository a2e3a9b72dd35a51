package traffic

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/load"
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
		harness.Resource("modelplane:ModelService", "backed", "gateway: '${gw.gateway}', outlierEjection: {failures: 1, duration: 1s}, "+
			"backends: [{endpoint: '${groq.backend}'}, {endpoint: '${own.backend}', priority: 1}]", ""),
	}, "gateway: ${gw.url}", "chat: ${chat.url}", "free: ${free.url}", "limited: ${limited.url}", "odd: ${odd-ones.url}", "backed: ${backed.url}"))
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
