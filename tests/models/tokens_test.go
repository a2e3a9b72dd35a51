package models

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/load"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// The callers' keys. Ana's lets her send few requests.
const (
	anaKey = "sk-ana-9d4e0c7b21f3"
	benKey = "sk-ben-51aa07e9c2d8"
	cyKey  = "sk-cy-0b7f3e6d9a14"
)

// metered is a gateway that counts tokens, on one replica, so that limits are exact.
type metered struct {
	*stacked
}

// TestTokens goes through all that a gateway does with tokens, on one stack.
func TestTokens(t *testing.T) {
	m := &metered{&stacked{Stack: harness.NewStack(t, "tokens"), servers: map[string]*modelserver.Server{}}}
	for name, key := range map[string]string{"keyAna": anaKey, "keyBen": benKey, "keyCy": cyKey} {
		m.SetSecret(t, name, key)
	}
	for name, options := range map[string]modelserver.Options{
		"own":     {Reply: "This answer has six tokens exactly."},
		"mistral": {Reply: "And this one has seven of them.", UsageUnasked: true},
	} {
		options.Name, options.Address, options.BasePath = name, ":8000", "/v1"
		m.servers[name] = harness.Serve(t, options)
	}
	m.up(t)
	for _, part := range []struct {
		name string
		run  func(*testing.T, *metered)
	}{
		{"FiguresTellTokensByCallerAndModel", tokensByCaller},
		{"WhatTheGatewayAsksForIsHidden", hiddenUsage},
		{"TheAccessLogTellsThem", loggedTokens},
		{"NobodyPassesOnceTheTokensAreUsed", usedUp},
		{"ACatalogsTokensAreThoseOfAllItsModels", usedUpTogether},
		{"AKeyHasItsOwnNumberOfRequests", fewRequests},
		{"NothingChangesByItself", func(t *testing.T, m *metered) { nothingChanges(t, m.stacked) }},
		{"CountingCostsNoRequestToTurnOff", turnedOff},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, m) })
	}
	require.NoError(t, m.Destroy().Err)
}

func (m *metered) up(t testing.TB, without ...string) {
	t.Helper()
	endpoint := func(name, properties string) string {
		return harness.ModelEndpoint(name, fmt.Sprintf("url: 'http://%s/v1', %s", m.servers[name].Address(), properties))
	}
	service := func(name, properties string) string {
		return harness.Resource("modelplane:ModelService", name, "gateway: '${gw.gateway}', auth: {callers: '${teams.callers}'}, "+properties, "")
	}
	observability := "observability: {metrics: {}, accessLog: true, tokens: true}"
	if len(without) > 0 {
		observability = "observability: {metrics: {}, accessLog: true}"
	}
	m.Write(t, harness.Program("tokens", []string{
		harness.ModelGateway("gw", "replicas: 1, "+observability+", "+harness.Chart("readinessProbe: {periodSeconds: 3}, resources: {requests: {cpu: 10m}}")),
		harness.Resource("modelplane:ModelCallers", "teams", "keys: [{name: ana, key: '${keyAna}'}, {name: ben, key: '${keyBen}'}, "+
			"{name: cy, key: '${keyCy}', requestsPerMinute: 3}]", ""),
		endpoint("own", "price: {input: 2, output: 1000000}"),
		endpoint("mistral", "streamUsage: false, model: mistral-large-latest, price: {input: 0, output: 0}"),
		service("large", "backends: [{endpoint: '${own.backend}'}]"),
		service("small", "failover: {}, backends: [{endpoint: '${mistral.backend}'}]"),
		service("limited", "backends: [{endpoint: '${own.backend}'}], limits: {tokens: [{by: Caller, tokens: 30, seconds: 86400}, {tokens: 2000000000, seconds: 60}]}"),
		harness.Resource("modelplane:ModelCatalog", "catalog", "gateway: '${gw.gateway}', auth: {callers: '${teams.callers}'}, "+
			"models: [{name: large, service: '${large.service}'}, {name: small, service: '${small.service}'}, {name: limited, service: '${limited.service}'}]", ""),
		harness.Resource("modelplane:ModelCatalog", "frugal", "gateway: '${gw.gateway}', path: /default/frugal, auth: {callers: '${teams.callers}'}, "+
			"limits: {tokens: [{by: Header, header: X-Project, tokens: 15, seconds: 86400}]}, "+
			"models: [{name: large, service: '${large.service}'}, {name: small, service: '${small.service}'}]", ""),
	}, "large: ${large.url}", "small: ${small.url}", "limited: ${limited.url}", "catalog: ${catalog.url}", "frugal: ${frugal.url}"))
	result := m.Up()
	require.NoError(t, result.Err, result.Output)
	m.urls = map[string]string{}
	for name, output := range m.Outputs(t) {
		m.urls[name], _ = output.(string)
	}
}

// chat asks for a completion, whole or as a stream.
func (m *metered) chat(t testing.TB, key, url, model string, stream bool) answer {
	t.Helper()
	body := fmt.Sprintf(`{"model":%q,"stream":%t,"messages":[{"role":"user","content":"four words of input"}]}`, model, stream)
	return m.send(t, http.MethodPost, m.urls[url]+"/chat/completions", strings.NewReader(body), "Authorization", "Bearer "+key)
}

// figures are what the gateway's Pods tell.
func (m *metered) figures(t testing.TB) string {
	t.Helper()
	all := ""
	for _, address := range harness.GatewayPods(t) {
		all += m.send(t, http.MethodGet, "http://"+address+":9100/metrics", nil).body
	}
	return all
}

// tokensByCaller would catch tokens that are counted for another caller, model or endpoint, twice, or for a wrong price, and requests whose streams count for nothing.
func tokensByCaller(t *testing.T, m *metered) {
	before := m.figures(t)
	for _, of := range []struct {
		key, url, model string
	}{{anaKey, "large", "any"}, {anaKey, "catalog", "large"}, {benKey, "catalog", "large"}, {benKey, "catalog", "small"}, {benKey, "small", "any"}} {
		for _, stream := range []bool{false, true} {
			got := m.chat(t, of.key, of.url, of.model, stream)
			require.Equal(t, http.StatusOK, got.status, "%v: %s", of, got.body)
		}
	}
	after := m.figures(t)
	added := func(family string, labels ...string) float64 {
		return harness.Figure(t, after, family, labels...) - harness.Figure(t, before, family, labels...)
	}
	own, mistral := `model_endpoint="own"`, `model_endpoint="mistral"`
	input, output := `gen_ai_token_type="input"`, `gen_ai_token_type="output"`
	for _, c := range []struct {
		want   float64
		labels []string
	}{
		{16, []string{`model_service="default/large"`, own, `caller="ana"`, input}},
		{24, []string{`model_service="default/large"`, own, `caller="ana"`, output}},
		{8, []string{`model_service="default/large"`, own, `caller="ana"`, `gen_ai_request_model="large"`, `gen_ai_response_model="large"`, input}},
		{12, []string{own, `caller="ben"`, `gen_ai_request_model="large"`, output}},
		{16, []string{`model_service="default/small"`, mistral, `caller="ben"`, `gen_ai_response_model="mistral-large-latest"`, input}},
		{28, []string{mistral, output}},
		{14, []string{mistral, `gen_ai_request_model="small"`, output}},
	} {
		assert.Equal(t, c.want, added("modelplane_tokens_total", c.labels...), "%v", c.labels)
	}
	assert.InDelta(t, 24+16*2e-6, added("modelplane_cost_total", `caller="ana"`), 1e-9)
	assert.Zero(t, added("modelplane_cost_total", mistral))
	assert.Equal(t, 6.0, added("gen_ai_client_token_usage_count", own, output))
	assert.Zero(t, added("modelplane_unmetered_streams_total"))
}

// hiddenUsage would catch a client that gets an event that it has not asked for, or not the one that it has, and a server that may compress what is to be read.
func hiddenUsage(t *testing.T, m *metered) {
	for _, url := range []string{"large", "catalog"} {
		got := m.chat(t, anaKey, url, "large", true)
		assert.NotContains(t, got.body, `"usage":{`)
		assert.Equal(t, 9, strings.Count(got.body, "data: "), got.body) // the role, six tokens, the end and [DONE]
		body := `{"model":"large","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"x"}]}`
		asked := m.send(t, http.MethodPost, m.urls[url]+"/chat/completions", strings.NewReader(body), "Authorization", "Bearer "+anaKey, "Accept-Encoding", "gzip")
		assert.Equal(t, 10, strings.Count(asked.body, "data: "), asked.body)
		requests := m.servers["own"].Requests()
		assert.Equal(t, []string{"identity"}, requests[len(requests)-1].Header.Values("Accept-Encoding"))
	}
}

// loggedTokens would catch a log that does not say what a request has cost.
func loggedTokens(t *testing.T, m *metered) {
	require.Equal(t, http.StatusOK, m.chat(t, benKey, "catalog", "small", true).status)
	require.Equal(t, http.StatusOK, m.chat(t, anaKey, "catalog", "large", false).status)
	want := map[string]map[string]string{
		"ana": {
			plugin.LoggedEndpoint: "own", plugin.LoggedRequestModel: "large", plugin.LoggedResponseModel: "large", plugin.LoggedInput: "4", plugin.LoggedOutput: "6",
			plugin.LoggedCached: "0", plugin.LoggedReasoning: "0", plugin.LoggedCost: "6.00001",
		},
		"ben": {plugin.LoggedRequestModel: "small", plugin.LoggedResponseModel: "mistral-large-latest", plugin.LoggedInput: "4", plugin.LoggedOutput: "7", plugin.LoggedCost: "0"},
	}
	time.Sleep(time.Second)
	last := map[string]map[string]any{}
	for line := range strings.Lines(harness.PodLogs(t, "modelplane-gw")) {
		var entry map[string]any
		if json.Unmarshal([]byte(line), &entry) == nil && entry["RequestPath"] == "/v1/chat/completions" {
			caller, _ := entry["downstream_"+plugin.LoggedCaller].(string)
			last[caller] = entry
		}
	}
	for caller, fields := range want {
		for field, value := range fields {
			assert.Equal(t, value, last[caller]["downstream_"+field], "%s of %s", field, caller)
		}
	}
}

// usedUp would catch a caller that goes on after its tokens, by either URL, and one that pays for another.
func usedUp(t *testing.T, m *metered) {
	left := []string{}
	for i, url := range []string{"limited", "catalog", "limited"} {
		got := m.chat(t, anaKey, url, "limited", i == 1)
		require.Equal(t, http.StatusOK, got.status, got.body)
		left = append(left, got.header.Get("X-Ratelimit-Remaining-Tokens"))
	}
	assert.Equal(t, []string{"30", "20", "10"}, left)
	for _, url := range []string{"limited", "catalog"} {
		got := m.chat(t, anaKey, url, "limited", true)
		assert.Equal(t, http.StatusTooManyRequests, got.status, got.body)
		assert.Equal(t, "rate_limit_exceeded", got.code)
		assert.NotEmpty(t, got.header.Get("Retry-After"))
	}
	assert.Equal(t, http.StatusOK, m.chat(t, benKey, "limited", "limited", false).status)
	assert.Equal(t, http.StatusOK, m.chat(t, anaKey, "catalog", "large", false).status)
}

// usedUpTogether would catch a catalog that counts each model by itself, or forgets a stream.
func usedUpTogether(t *testing.T, m *metered) {
	ask := func(project, model string, stream bool) int {
		body := fmt.Sprintf(`{"model":%q,"stream":%t,"messages":[{"role":"user","content":"four words of input"}]}`, model, stream)
		return m.send(t, http.MethodPost, m.urls["frugal"]+"/chat/completions", strings.NewReader(body), "Authorization", "Bearer "+benKey, "X-Project", project).status
	}
	for i, c := range []struct {
		project, model string
		stream         bool
		want           int
	}{
		{"a", "large", false, 200},
		{"a", "small", true, 200},
		{"a", "large", false, 429},
		{"a", "small", false, 429},
		{"b", "small", true, 200},
		{"b", "large", true, 200},
		{"b", "small", true, 429},
	} {
		assert.Equal(t, c.want, ask(c.project, c.model, c.stream), "request %d", i)
	}
}

// fewRequests would catch a key whose number holds at one service alone.
func fewRequests(t *testing.T, m *metered) {
	for i, url := range []string{"large", "catalog", "large", "catalog"} {
		got := m.chat(t, cyKey, url, "large", false)
		if i == 3 {
			assert.Equal(t, http.StatusTooManyRequests, got.status)
			break
		}
		require.Equal(t, http.StatusOK, got.status)
		assert.Equal(t, fmt.Sprint(2-i), got.header.Get("X-Ratelimit-Remaining-Requests"))
	}
}

// turnedOff would catch a request that fails while counting ends or begins, and a usage that is hidden from a client by then.
func turnedOff(t *testing.T, m *metered) {
	body := `{"model":"large","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"x"}]}`
	accept := func(response *http.Response, content []byte) error {
		if response.StatusCode != http.StatusOK || !strings.Contains(string(content), `"usage":{`) || !strings.Contains(string(content), "[DONE]") {
			return fmt.Errorf("status %d: %s", response.StatusCode, content)
		}
		return nil
	}
	for _, without := range [][]string{{"tokens"}, nil} {
		run := load.Start(t.Context(), load.Config{
			URL: m.urls["catalog"], Body: body, Header: http.Header{"Authorization": {"Bearer " + anaKey}}, Accept: accept, RatePerSecond: 50, Workers: 8,
		})
		require.NoError(t, run.WaitFor(t.Context(), 50))
		m.up(t, without...)
		require.NoError(t, run.WaitFor(t.Context(), 50))
		report := run.Stop()
		require.NoError(t, report.Err())
		t.Logf("%d requests", report.Total)
	}
}
