package protocols

import (
	"bufio"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/examples/exampletest"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// protocol is a row of docs/how-to/protocols.md.
type protocol struct {
	// name, request and client are cells of the table.
	name, request, client string
	// model is what the catalog calls the model that is asked.
	model string
	asks  []ask
}

// ask is a call of a client.
type ask struct {
	// call is its function in ask.py, and method what programs write for it.
	call, method string
	// want is what the client makes of the answer.
	want string
	// loose says that the client's own types do not allow what is answered.
	loose bool
	// streams says that the gateway asks for the usage, since the client does not.
	streams bool
	// tokens are those of the input, of the output, the cached and the reasoning ones that are counted.
	tokens [4]float64
}

const (
	chatStream       = `{"text":"Hello to you, too.","finish":"stop","model":"gpt-4.1-mini","others":0,"empty":0,"usages":%s}`
	completionStream = `{"text":"Hello to you, too.","finish":"length","model":"gpt-4.1-mini","others":0,"empty":0,"usages":[]}`
	aMessage         = `"text":"Hello to you, too.","finish":"end_turn","model":"claude-opus-4-5","usage":[15,10,6,2]`
	aResponse        = `"text":"Hello to you, too.","finish":"completed","model":"gpt-4.1-mini","usage":[14,9,5,4],"id":"…"`
	responseEvents   = `["response.created","response.in_progress","response.output_item.added","response.content_part.added","response.output_text.delta","response.output_text.delta",` +
		`"response.output_text.delta","response.output_text.delta","response.output_text.done","response.content_part.done","response.output_item.done","response.completed"]`
)

// protocols are the rows of docs/how-to/protocols.md.
var protocols = []protocol{
	{name: "Chat completions", request: "POST /chat/completions", client: "openai", model: "our-gpt", asks: []ask{
		{call: "chat", method: "chat.completions.create", want: `{"text":"Hello to you, too.","finish":"stop","model":"gpt-4.1-mini","usage":[11,7,3,2]}`, tokens: [4]float64{11, 7, 3, 2}},
		{call: "chat_stream", method: "chat.completions.create", want: fmt.Sprintf(chatStream, "[]"), streams: true, tokens: [4]float64{11, 7, 3, 2}},
		{call: "chat_stream_usage", method: "chat.completions.create", want: fmt.Sprintf(chatStream, "[[11,7,3,2]]"), tokens: [4]float64{11, 7, 3, 2}},
	}},
	{name: "Text completions", request: "POST /completions", client: "openai", model: "our-gpt", asks: []ask{
		{call: "completion", method: "completions.create", want: `{"text":"Hello to you, too.","finish":"length","model":"gpt-4.1-mini","usage":[12,8]}`, tokens: [4]float64{12, 8}},
		// In the client's types each event says why it is the last, and in the API all but one say null.
		{call: "completion_stream", method: "completions.create", want: completionStream, loose: true, streams: true, tokens: [4]float64{12, 8}},
	}},
	{name: "Embeddings", request: "POST /embeddings", client: "openai", model: "our-gpt", asks: []ask{
		// The client asks for base64, which its types do not have before it has decoded it.
		{call: "embedding", method: "embeddings.create", want: `{"vectors":[[0.5,-2],[1,0.25]],"model":"gpt-4.1-mini","usage":[13]}`, loose: true, tokens: [4]float64{13}},
	}},
	{name: "Responses", request: "POST /responses", client: "openai", model: "our-gpt", asks: []ask{
		{call: "response", method: "responses.create", want: "{" + aResponse + "}", tokens: [4]float64{14, 9, 5, 4}},
		{call: "response_stream", method: "responses.create", want: `{"deltas":"Hello to you, too.","events":` + responseEvents + "," + aResponse + "}", tokens: [4]float64{14, 9, 5, 4}},
	}},
	{name: "Speech", request: "POST /audio/speech", client: "openai", model: "our-gpt", asks: []ask{
		{call: "speech", method: "audio.speech.create", want: fmt.Sprintf(`{"base64":%q}`, base64.StdEncoding.EncodeToString(sound))},
	}},
	{name: "Messages", request: "POST /messages", client: "anthropic", model: "our-claude", asks: []ask{
		// What the cache has is a part of the input to the gateway, and none to Anthropic.
		{call: "message", method: "messages.create", want: "{" + aMessage + "}", tokens: [4]float64{15 + 6 + 2, 10, 6, 1}},
		{call: "message_stream", method: "messages.stream", want: `{"deltas":"Hello to you, too.",` + aMessage + "}", tokens: [4]float64{15 + 6 + 2, 10, 6, 1}},
	}},
	{name: "Counting tokens", request: "POST /messages/count_tokens", client: "anthropic", model: "our-claude", asks: []ask{
		{call: "count", method: "messages.count_tokens", want: `{"tokens":16}`},
	}},
	{name: "Models", request: "GET /models", client: "openai", model: "our-gpt", asks: []ask{
		{call: "models", method: "models.list", want: `{"ids":["our-gpt","our-claude","our-state"]}`},
	}},
	{name: "Models", request: "GET /models/{model}", client: "openai", model: "our-claude", asks: []ask{
		{call: "model", method: "models.retrieve", want: `{"id":"our-claude","object":"model"}`},
	}},
	{name: "Models", request: "GET /models", client: "anthropic", model: "our-claude", asks: []ask{
		// The client's newest types have fields that say what Anthropic plans for a model.
		{call: "models", method: "models.list", want: `{"ids":["our-gpt","our-claude","our-state"]}`, loose: true},
	}},
}

//go:embed ask.py
var program []byte

// asked is a gateway with servers of both APIs, and a process with both clients.
type asked struct {
	*stack.Stack

	urls map[string]string
	// servers are the APIs by the names of their endpoints.
	servers map[string]*api
	in      *json.Encoder
	out     *bufio.Reader
}

// The callers' keys. Cy's is for one model, and ana and those with numbers for all.
const (
	anaKey    = "sk-ana-4b1f6a0e93d2"
	cyKey     = "sk-cy-90d7c3b8ea15"
	serverKey = "sk-server-2f8e51c7"
	numbered  = 8
)

func numberedKey(i int) string { return fmt.Sprintf("sk-number-%d-6ac19f04", i) }

// TestProtocols goes through all protocols that the documentation has, and what it says does not work, on one stack.
func TestProtocols(t *testing.T) {
	a := &asked{Stack: harness.NewStack(t, "protocols"), servers: map[string]*api{
		"gpt": openAI("gpt-4.1-mini", serverKey), "claude": anthropicAPI("claude-opus-4-5", serverKey),
		"east": openAI("our-state", ""), "west": openAI("our-state", ""), "ollama": ollama("llama"),
	}}
	for name, server := range a.servers {
		serve(t, name, server)
	}
	a.up(t)
	a.start(t)
	t.Run("TheDocumentationHasThem", documented)
	for _, p := range protocols {
		for _, one := range p.asks {
			t.Run(p.client+"/"+one.call, func(t *testing.T) { a.askOne(t, p, one) })
		}
	}
	for _, part := range []struct {
		name string
		run  func(*testing.T, *asked)
	}{
		{"WhatIsNotKnownPassesUnread", unknown},
		{"WhatACatalogCannotTellItRefuses", refused},
		{"AFollowUpFindsItsState", followUps},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, a) })
	}
	require.NoError(t, a.Destroy().Err)
}

func (a *asked) up(t testing.TB) {
	t.Helper()
	a.SetSecret(t, "keyServer", serverKey)
	keys := []string{"{name: ana, key: '${keyAna}'}", "{name: cy, key: '${keyCy}', models: [our-gpt]}"}
	a.SetSecret(t, "keyAna", anaKey)
	a.SetSecret(t, "keyCy", cyKey)
	for i := range numbered {
		name := fmt.Sprintf("keyNumber%d", i)
		a.SetSecret(t, name, numberedKey(i))
		keys = append(keys, fmt.Sprintf("{name: number-%d, key: '${%s}'}", i, name))
	}
	endpoint := func(name, server, path, properties string) string {
		return harness.ModelEndpoint(name, fmt.Sprintf("url: 'http://%s%s'%s", a.servers[server].address, path, properties))
	}
	service := func(name, properties string) string {
		return harness.Resource("modelplane:ModelService", name, "gateway: '${gw.gateway}', auth: {callers: '${teams.callers}'}, "+properties, "")
	}
	chart, err := json.Marshal(exampletest.BriefChart())
	require.NoError(t, err)
	a.Write(t, harness.Program("protocols", []string{
		harness.ModelGateway("gw", "replicas: 1, observability: {metrics: {}, tokens: true}, chart: "+string(chart)),
		harness.Resource("modelplane:ModelCallers", "teams", "keys: ["+strings.Join(keys, ", ")+"]", ""),
		endpoint("gpt", "gpt", "/v1", ", apiKey: '${keyServer}', model: gpt-4.1-mini"),
		endpoint("claude", "claude", "/v1", ", apiKey: '${keyServer}', apiKeyHeader: x-api-key, model: claude-opus-4-5"),
		endpoint("plain", "gpt", "/v1", ", apiKey: '${keyServer}'"),
		endpoint("ollama", "ollama", "/api", ""),
		endpoint("east", "east", "/v1", ""), endpoint("west", "west", "/v1", ""),
		service("gpt-service", "backends: [{endpoint: '${gpt.backend}'}]"),
		service("claude-service", "backends: [{endpoint: '${claude.backend}'}]"),
		service("plain-service", "backends: [{endpoint: '${plain.backend}'}]"),
		service("ollama-service", "backends: [{endpoint: '${ollama.backend}'}]"),
		service("state", "affinity: {by: Caller}, backends: [{endpoint: '${east.backend}'}, {endpoint: '${west.backend}'}]"),
		service("scattered", "backends: [{endpoint: '${east.backend}'}, {endpoint: '${west.backend}'}]"),
		harness.Resource("modelplane:ModelCatalog", "catalog", "gateway: '${gw.gateway}', auth: {callers: '${teams.callers}'}, models: [{name: our-gpt, service: '${gpt-service.service}'}, "+
			"{name: our-claude, service: '${claude-service.service}'}, {name: our-state, service: '${state.service}'}]", ""),
	}, "catalog: ${catalog.url}", "gpt: ${gpt-service.url}", "plain: ${plain-service.url}", "ollama: ${ollama-service.url}", "state: ${state.url}", "scattered: ${scattered.url}"))
	result := a.Up()
	require.NoError(t, result.Err, result.Output)
	a.urls = map[string]string{}
	for name, output := range a.Outputs(t) {
		a.urls[name], _ = output.(string)
	}
}

// start starts the process with the clients, which are installed with those of the examples.
func (a *asked) start(t testing.TB) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ask.py")
	require.NoError(t, os.WriteFile(path, program, 0o600))
	command := exec.CommandContext(t.Context(), filepath.Join(exampletest.Environment(t)["VIRTUAL_ENV"], "bin", "python"), path)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	require.NoError(t, err)
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	a.in, a.out = json.NewEncoder(in), bufio.NewReader(out)
	t.Cleanup(func() {
		_ = in.Close()
		_ = command.Wait()
	})
}

// told is what a client made of an answer.
type told struct {
	Result         json.RawMessage
	Refusal, Error string
	// Sent are the bodies that it has sent.
	Sent [][]byte
}

// do has a client make a call.
func (a *asked) do(t testing.TB, client, call, url, key, model string, more map[string]any) told {
	t.Helper()
	said := map[string]any{"client": client, "call": call, "url": url, "key": key, "model": model}
	for name, value := range more {
		said[name] = value
	}
	require.NoError(t, a.in.Encode(said))
	line, err := a.out.ReadBytes('\n')
	require.NoError(t, err)
	var got told
	require.NoError(t, json.Unmarshal(line, &got), "%s", line)
	require.Empty(t, got.Error)
	return got
}

// base is what a client takes as base URL. Anthropic's adds /v1 itself.
func (a *asked) base(client, url string) string {
	if client == "anthropic" {
		return strings.TrimSuffix(a.urls[url], "/v1")
	}
	return a.urls[url]
}

// askOne would catch a call that a gateway refuses, an answer that its client cannot read or reads otherwise than it was sent, a body that is changed where it need not be, and tokens that are
// counted twice, not at all, or for somebody else.
func (a *asked) askOne(t *testing.T, p protocol, one ask) {
	before, requests := a.figures(t), a.requests()
	got := a.do(t, p.client, one.call, a.base(p.client, "catalog"), anaKey, p.model, map[string]any{"loose": one.loose})
	require.Empty(t, got.Refusal)
	assert.JSONEq(t, one.want, anyID(got.Result))
	endpoint := strings.TrimPrefix(p.model, "our-")
	server := a.servers[endpoint]
	require.Len(t, got.Sent, 1)
	if p.isAnswered() {
		assert.Equal(t, requests, a.requests())
	} else {
		method, path, _ := strings.Cut(p.request, " ")
		assert.Equal(t, received{method, "/v1" + path, arrives(string(got.Sent[0]), p.model, server.model, one.streams)}, server.last())
		served := []string{`model_service="default/` + endpoint + `-service"`, fmt.Sprintf("model_endpoint=%q", endpoint), `caller="ana"`, `code="200"`}
		require.Eventually(t, func() bool {
			return harness.Figure(t, a.figures(t), "modelplane_requests_total", served...) == harness.Figure(t, before, "modelplane_requests_total", served...)+1
		}, soon, tick)
	}
	after := a.figures(t)
	named := []string{fmt.Sprintf("model_endpoint=%q", endpoint), `caller="ana"`, fmt.Sprintf("gen_ai_request_model=%q", p.model), fmt.Sprintf("gen_ai_response_model=%q", server.model)}
	for i, kind := range kinds {
		added := func(labels ...string) float64 {
			labels = append(labels, fmt.Sprintf("gen_ai_token_type=%q", kind.label))
			return harness.Figure(t, after, "modelplane_tokens_total", labels...) - harness.Figure(t, before, "modelplane_tokens_total", labels...)
		}
		assert.Equal(t, one.tokens[i], added(named...), kind.label)
		assert.Equal(t, one.tokens[i], added(), "%s, whoever they are counted for", kind.label)
	}
	assert.Zero(t, harness.Figure(t, after, "modelplane_unmetered_streams_total"))
}

// requests is how many requests all servers have had.
func (a *asked) requests() int {
	all := 0
	for _, server := range a.servers {
		all += server.count()
	}
	return all
}

// isAnswered says whether the gateway answers itself.
func (p protocol) isAnswered() bool { return strings.HasPrefix(p.request, "GET /models") }

// kinds are the kinds of tokens, by their labels and the table's words.
var kinds = []struct{ label, word string }{{"input", "input"}, {"output", "output"}, {"input_cached", "cached"}, {"output_reasoning", "reasoning"}}

// arrives is what a server must get of a body.
func arrives(sent, model, theirs string, asksUsage bool) string {
	body := strings.Replace(sent, `"model":"`+model+`"`, `"model":"`+theirs+`"`, 1)
	if asksUsage {
		body = `{"stream_options":{"include_usage":true},` + strings.TrimPrefix(body, "{")
	}
	return body
}

// anyID is a result without the name of a response, which is another one each time.
func anyID(result json.RawMessage) string {
	var fields map[string]any
	if json.Unmarshal(result, &fields) == nil && strings.HasPrefix(fmt.Sprint(fields["id"]), "resp_") {
		fields["id"] = "…"
		result, _ = json.Marshal(fields)
	}
	return string(result)
}

// figures are what the gateway's Pod tells.
func (a *asked) figures(t testing.TB) string {
	t.Helper()
	all := ""
	for _, address := range harness.GatewayPods(t) {
		response, err := http.Get("http://" + address + ":9100/metrics") //nolint:noctx // it ends with the test
		require.NoError(t, err)
		content, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		all += string(content)
	}
	return all
}

// documented would catch a row that says another path, client, call, change or count than the one that is tested, and one that nothing tests.
func documented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/how-to/protocols.md")
	require.NoError(t, err)
	var rows []string
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "| ") && (strings.Contains(line, "`openai`") || strings.Contains(line, "`anthropic`")) {
			rows = append(rows, strings.TrimSpace(line))
		}
	}
	var want []string
	for _, p := range protocols {
		want = append(want, p.row())
	}
	assert.Equal(t, want, rows)
}

// row is the protocol's row of the table.
func (p protocol) row() string {
	var methods []string
	var counted [4]float64
	reads, changes := "`model`", "`model`"
	for _, one := range p.asks {
		if called := "`" + one.method + "`"; !slices.Contains(methods, called) {
			methods = append(methods, called)
		}
		counted = one.tokens
		if one.streams {
			changes = "`model`; `stream_options` of streams"
		}
	}
	var tokens []string
	for i, kind := range kinds {
		if counted[i] > 0 {
			tokens = append(tokens, kind.word)
		}
	}
	if len(tokens) > 0 {
		reads += ", `usage`"
	}
	if p.isAnswered() {
		reads, changes = "–", "–"
	}
	cells := []string{p.name, "`" + p.request + "`", "`" + p.client + "`", strings.Join(methods, ", "), reads, changes, strings.Join(append(tokens, "–")[:max(1, len(tokens))], ", ")}
	return "| " + strings.Join(cells, " | ") + " |"
}
