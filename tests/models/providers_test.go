package models

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

// providers are the rows of docs/how-to/providers.md.
var providers = []provider{
	{id: "openai", name: "OpenAI", base: "https://api.openai.com/v1", header: "Authorization", scheme: "Bearer", model: "gpt-4.1-mini"},
	{id: "azure", name: "Azure OpenAI", base: "https://<resource>.openai.azure.com/openai/v1", header: "api-key", model: "my-gpt-4.1"},
	{id: "anthropic", name: "Anthropic, in OpenAI's form", base: "https://api.anthropic.com/v1", header: "Authorization", scheme: "Bearer", model: "claude-sonnet-4-5"},
	{
		id: "claude", name: "Anthropic, in its own form", base: "https://api.anthropic.com/v1", header: "x-api-key", model: "claude-opus-4-5",
		calls: []string{"/messages", "/messages/count_tokens"}, sent: map[string]string{"Anthropic-Version": "2023-06-01", "Anthropic-Beta": "a-feature-of-tomorrow"},
		optionsRefused: http.StatusBadRequest,
	},
	{id: "gemini", name: "Gemini", base: "https://generativelanguage.googleapis.com/v1beta/openai", header: "Authorization", scheme: "Bearer", model: "gemini-2.5-flash"},
	{id: "groq", name: "Groq", base: "https://api.groq.com/openai/v1", header: "Authorization", scheme: "Bearer", model: "llama-3.3-70b-versatile"},
	{
		id: "mistral", name: "Mistral", base: "https://api.mistral.ai/v1", header: "Authorization", scheme: "Bearer", model: "mistral-large-latest",
		needs: "streamUsage: false", optionsRefused: http.StatusUnprocessableEntity,
	},
	{
		id: "openrouter", name: "OpenRouter", base: "https://openrouter.ai/api/v1", header: "Authorization", scheme: "Bearer", model: "meta-llama/llama-3.3-70b-instruct",
		set: map[string]string{"HTTP-Referer": "https://app.example.com", "X-OpenRouter-Title": "Our assistant"}, comment: ": OPENROUTER PROCESSING\n\n",
	},
	{id: "bedrock", name: "Amazon Bedrock", base: "https://bedrock-runtime.<region>.amazonaws.com/openai/v1", header: "Authorization", scheme: "Bearer", model: "openai.gpt-oss-120b-1:0"},
	{id: "vllm", name: "vLLM", base: "http://<host>:8000/v1", header: "Authorization", scheme: "Bearer", model: "meta-llama/Llama-3.3-70B-Instruct"},
	{id: "ollama", name: "Ollama", base: "http://<host>:11434/v1", model: "gpt-oss:20b"},
}

// TestProviders goes through all providers that the documentation has, each as a server that insists on what that provider does, on one stack.
func TestProviders(t *testing.T) {
	m := &metered{&stacked{Stack: harness.NewStack(t, "providers")}}
	m.SetSecret(t, "keyAna", anaKey)
	servers := map[string][]provider{}
	for _, p := range providers {
		if p.header != "" {
			m.SetSecret(t, "key"+p.id, p.key())
		}
		servers[p.url().Host] = append(servers[p.url().Host], p)
	}
	for _, rows := range servers {
		serveProvider(t, rows)
	}
	m.upWith(t, providers)
	t.Run("TheDocumentationHasThem", documentedProviders)
	t.Run("TheServersInsist", insistingServers)
	before := m.figures(t)
	for _, p := range providers {
		t.Run(p.id, func(t *testing.T) { askProvider(t, m, p) })
	}
	t.Run("TheirTokensAreCounted", func(t *testing.T) { countedTokens(t, m, before) })
	t.Run("TheirRefusalsArrive", func(t *testing.T) { refusedOptions(t, m) })
	require.NoError(t, m.Destroy().Err)
}

// upWith runs a program with an endpoint and a service for each provider, as the table says, and a catalog of all.
func (m *metered) upWith(t testing.TB, rows []provider) {
	t.Helper()
	resources := []string{
		harness.ModelGateway("gw", "replicas: 1, observability: {metrics: {}, tokens: true}, "+
			harness.Chart("readinessProbe: {periodSeconds: 3}, resources: {requests: {cpu: 10m}}")),
		harness.Resource("modelplane:ModelCallers", "teams", "keys: [{name: ana, key: '${keyAna}'}]", ""),
	}
	var models []string
	for _, p := range rows {
		resources = append(resources, harness.ModelEndpoint(p.id, p.properties()),
			harness.Resource("modelplane:ModelService", p.id+"-chat",
				fmt.Sprintf("gateway: '${gw.gateway}', auth: {callers: '${teams.callers}'}, backends: [{endpoint: '${%s.backend}'}]", p.id), ""))
		models = append(models, fmt.Sprintf("{name: %s, service: '${%s-chat.service}'}", p.asked(), p.id))
	}
	resources = append(resources, harness.Resource("modelplane:ModelCatalog", "catalog",
		"gateway: '${gw.gateway}', auth: {callers: '${teams.callers}'}, models: ["+strings.Join(models, ", ")+"]", ""))
	m.Write(t, harness.Program("providers", resources, "catalog: ${catalog.url}"))
	result := m.Up()
	require.NoError(t, result.Err, result.Output)
	m.urls = map[string]string{"catalog": m.Outputs(t)["catalog"].(string)}
}

// row is a row of the table: a link to the provider's documentation, and five more cells.
var row = regexp.MustCompile(`(?m)^\| \[([^\]]+)\]\(https://[^)]+\) \| (.+) \|$`)

// documentedProviders would catch a row that says another URL, header, scheme or name than the one that is tested, and one that nothing tests.
func documentedProviders(t *testing.T) {
	page, err := os.ReadFile("../../docs/how-to/providers.md")
	require.NoError(t, err)
	said := map[string][]string{}
	for _, found := range row.FindAllStringSubmatch(string(page), -1) {
		said[found[1]] = strings.Split(found[2], " | ")
	}
	assert.Len(t, said, len(providers))
	for _, p := range providers {
		cells := said[p.name]
		require.Len(t, cells, 5, "%q has no row", p.name)
		assert.Equal(t, []string{code(p.base), code(p.header), code(p.scheme), code(p.model)}, cells[:4], p.name)
		assert.Contains(t, cells[4], p.needs, p.name)
	}
}

// code is a cell of the table, with a dash for nothing.
func code(text string) string {
	if text == "" {
		return "–"
	}
	return "`" + text + "`"
}

// askProvider would catch a provider that is sent another path, Host, key, header or name than its own, or the caller's key in whichever header that came, and an
// answer that does not arrive whole.
func askProvider(t *testing.T, m *metered, p provider) {
	for _, call := range p.paths() {
		for _, header := range []string{"Authorization", "X-Api-Key", "Api-Key", "X-Goog-Api-Key"} {
			for _, stream := range []bool{false, true} {
				got := m.call(t, p, call, header, fmt.Sprintf(`"stream":%t`, stream))
				require.Equal(t, http.StatusOK, got.status, "%s, key in %s, stream %t: %s", call, header, stream, got.body)
				assert.Equal(t, []string{p.model}, got.header.Values(plugin.ModelHeader))
				assert.Equal(t, []string{p.id}, got.header.Values(plugin.EndpointHeader))
				switch {
				case call == "/messages/count_tokens":
					assert.JSONEq(t, `{"input_tokens":4}`, got.body)
				case !stream:
					assert.Equal(t, p.model, got.model)
					assert.Contains(t, got.body, providersReply)
				case call == "/messages":
					assert.Contains(t, got.body, "message_stop")
				default:
					assert.Contains(t, got.body, "data: [DONE]")
					assert.True(t, strings.HasPrefix(got.body, p.comment+"data: "), got.body)
				}
			}
		}
	}
}

// call sends a request by the catalog's URL, as a client of the provider's API would that has a caller's key.
func (m *metered) call(t testing.TB, p provider, call, header, more string) answer {
	t.Helper()
	key := anaKey
	if header == "Authorization" {
		key = "Bearer " + key
	}
	headers := []string{header, key}
	for name, value := range p.sent {
		headers = append(headers, name, value)
	}
	body := fmt.Sprintf(`{"model":%q,%s,"max_tokens":99,"messages":[{"role":"user","content":"four words of input"}]}`, p.asked(), more)
	return m.send(t, http.MethodPost, m.urls["catalog"]+call, strings.NewReader(body), headers...)
}

// countedTokens would catch a provider whose answers, whole or streamed, are not read, or whose count of tokens is taken for a use of them.
func countedTokens(t *testing.T, m *metered, before string) {
	after := m.figures(t)
	added := func(labels ...string) float64 {
		return harness.Figure(t, after, "modelplane_tokens_total", labels...) - harness.Figure(t, before, "modelplane_tokens_total", labels...)
	}
	for _, p := range providers {
		of := fmt.Sprintf("model_endpoint=%q", p.id)
		named := []string{of, `caller="ana"`, fmt.Sprintf("gen_ai_request_model=%q", p.asked()), fmt.Sprintf("gen_ai_response_model=%q", p.model)}
		// Four answers in one piece and four streams have been asked for.
		for kind, want := range map[string]float64{`gen_ai_token_type="input"`: 8 * 4, `gen_ai_token_type="output"`: 8 * 6} {
			assert.Equal(t, want, added(append([]string{kind}, named...)...), "%s, %v", kind, named)
			assert.Equal(t, want, added(kind, of), "%s, %s, under any name", kind, of)
		}
	}
	assert.Zero(t, harness.Figure(t, after, "modelplane_unmetered_streams_total")-harness.Figure(t, before, "modelplane_unmetered_streams_total"))
}

// refusedOptions would catch a provider's refusal that the gateway hides from the client that caused it.
func refusedOptions(t *testing.T, m *metered) {
	for _, p := range providers {
		want := p.optionsRefused
		if want == 0 {
			want = http.StatusOK
		}
		got := m.call(t, p, p.paths()[0], "Authorization", `"stream":true,"stream_options":{"include_usage":true}`)
		assert.Equal(t, want, got.status, "%s: %s", p.id, got.body)
	}
}

// insistingServers would catch a server that answers what its provider would refuse, with which the rest would prove nothing.
func insistingServers(t *testing.T) {
	for _, p := range providers {
		for _, call := range p.paths() {
			assert.Equal(t, http.StatusOK, p.try(call, nil), "%s%s", p.id, call)
		}
		for name, broken := range p.broken() {
			assert.Contains(t, []int{400, 401, 404}, p.try(p.paths()[0], broken), "%s: %s", p.id, name)
		}
	}
}
