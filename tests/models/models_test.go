package models

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/load"
	"github.com/modelplane/pulumi-modelplane/tests/localplane"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// saasKey is the provider's.
const saasKey = "sk-Provider-7c1d2e94af"

// theirs are the names by which each server knows its model. Some know two, for a change of the name.
var theirs = map[string][]string{
	"own":  {`meta/"Large" é`, "meta/large-next"},
	"saas": {"large-versatile"},
	"tiny": {"tiny"},
	"many": {"many-a", "many-b"},
}

// stacked is a gateway with one large model that two servers have, and two other models.
type stacked struct {
	*stack.Stack

	servers map[string]*modelserver.Server
	urls    map[string]string
	// forger is the address of a server that names another model.
	forger string
}

// TestModelsByName goes through all that a gateway does with a model's name, on one stack.
func TestModelsByName(t *testing.T) {
	s := &stacked{Stack: harness.NewStack(t, "models"), servers: map[string]*modelserver.Server{}}
	s.SetSecret(t, "key", saasKey)
	for name, path := range map[string]string{"own": "/v1", "saas": "/openai/v1", "tiny": "/v3", "many": "/v1"} {
		options := modelserver.Options{Name: name, Address: ":8000", BasePath: path, Models: theirs[name]}
		if name == "saas" {
			options.Keys = []string{saasKey}
		}
		s.servers[name] = harness.Serve(t, options)
	}
	listener, err := net.Listen("tcp", harness.FreeAddress(t, localplane.Free4).String()+":8000")
	require.NoError(t, err)
	s.forger = listener.Addr().String()
	go func() {
		_ = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set(plugin.ModelHeader, "forged") })) //nolint:gosec // it ends with the test
	}()
	t.Cleanup(func() { _ = listener.Close() })
	s.up(t, theirs["own"][0], everyModel)
	for _, part := range []struct {
		name string
		run  func(*testing.T, *stacked)
	}{
		{"EachServerIsAskedByItsOwnName", eachServerByItsOwnName},
		{"AFailoverAsksByTheNextServersName", failoverByName},
		{"OneURLLeadsToAllModels", oneURL},
		{"TheCatalogListsItsModels", theList},
		{"WhatNobodyCanTellIsRefused", refused},
		{"BodiesOfAnyLengthArriveAsTheyWere", longBodies},
		{"NobodyForgesTheServedModel", forgedModel},
		{"TheCatalogsOwnPolicyHolds", ownPolicy},
		{"AnotherModelAnswers", anotherModel},
		{"NothingChangesByItself", nothingChanges},
		{"AnotherNameCostsNoRequest", anotherName},
		{"ModelsComeAndGoUnderLoad", modelsComeAndGo},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, s) })
	}
	require.NoError(t, s.Destroy().Err)
}

// everyModel are the catalog's models.
var everyModel = []string{
	"{name: large, aliases: [gpt-4o], service: '${split.service}'}",
	"{name: tiny, service: '${tiny-service.service}'}",
	"{name: 'many-*', service: '${many-service.service}'}",
	"{name: forger, service: '${forger-service.service}'}",
}

// up runs the stack. Own is what the own server calls the large model.
func (s *stacked) up(t testing.TB, own string, models []string) stack.Result {
	t.Helper()
	endpoint := func(name, path, properties string) string {
		return harness.ModelEndpoint(name, fmt.Sprintf("url: 'http://%s%s'%s", s.servers[name].Address(), path, properties))
	}
	service := func(name, properties string) string {
		return harness.Resource("modelplane:ModelService", name, "gateway: '${gw.gateway}', "+properties, "")
	}
	s.Write(t, harness.Program("models", []string{
		harness.ModelGateway("gw", harness.Chart("readinessProbe: {periodSeconds: 3}, resources: {requests: {cpu: 10m}}")),
		endpoint("own", "/v1", fmt.Sprintf(", model: %q", own)),
		endpoint("saas", "/openai/v1", ", model: large-versatile, apiKey: '${key}'"),
		endpoint("tiny", "/v3", ""), endpoint("many", "/v1", ""),
		service("split", "backends: [{endpoint: '${own.backend}', weight: 3}, {endpoint: '${saas.backend}', weight: 1}]"),
		service("spare", "failover: {headerTimeout: 5s}, backends: [{endpoint: '${own.backend}'}, {endpoint: '${saas.backend}', priority: 1}]"),
		service("tiny-service", "backends: [{endpoint: '${tiny.backend}'}], limits: {maxBodyBytes: 100000}"),
		harness.ModelEndpoint("forger", fmt.Sprintf("url: 'http://%s/v1'", s.forger)),
		service("forger-service", "backends: [{endpoint: '${forger.backend}'}]"),
		service("many-service", "backends: [{endpoint: '${many.backend}'}]"),
		harness.Resource("modelplane:ModelCatalog", "catalog", "gateway: '${gw.gateway}', models: ["+strings.Join(models, ", ")+"]", ""),
		harness.Resource("modelplane:ModelCatalog", "guarded", "gateway: '${gw.gateway}', path: /default/guarded, models: ["+models[0]+"], "+
			"cors: {allowOrigins: ['https://app.example.com']}, allowFrom: [0.0.0.0/0], limits: {maxBodyBytes: 300, requests: [{requests: 3, seconds: 3600}]}", ""),
		harness.Resource("modelplane:ModelCatalog", "backed", "gateway: '${gw.gateway}', path: /default/backed, models: [{name: large, service: '${split.service}', fallbacks: [many-b, tiny]}, "+
			"{name: tiny, service: '${tiny-service.service}', contextFallbacks: [many-b]}, {name: many-b, service: '${many-service.service}'}]", ""),
		harness.Resource("modelplane:ModelCatalog", "far", "gateway: '${gw.gateway}', path: /default/far, models: ["+models[0]+"], allowFrom: [192.0.2.0/24]", ""),
	}, "split: ${split.url}", "spare: ${spare.url}", "catalog: ${catalog.url}", "guarded: ${guarded.url}", "far: ${far.url}", "backed: ${backed.url}", "names: ${catalog.modelNames}"))
	result := s.Up()
	require.NoError(t, result.Err, result.Output)
	s.urls = map[string]string{}
	for name, output := range s.Outputs(t) {
		s.urls[name], _ = output.(string)
	}
	return result
}

// answer is what a client got.
type answer struct {
	status int
	header http.Header
	body   string
	// model is the one that the answer names; code is that of an error.
	model, code string
}

func (s *stacked) send(t testing.TB, method, url string, body io.Reader, header ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, body)
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	var read struct {
		Model string
		Error struct{ Code string }
	}
	_ = json.Unmarshal(content, &read)
	return answer{response.StatusCode, response.Header, string(content), read.Model, read.Error.Code}
}

// ask asks a model by a chat completion.
func (s *stacked) ask(t testing.TB, url, model string) answer {
	t.Helper()
	return s.send(t, http.MethodPost, url+"/chat/completions", strings.NewReader(chat(model)))
}

func chat(model string) string {
	return `{"messages":[{"role":"user","content":"the \"model\": \"x\""}],"model":"` + model + `"}`
}

// isServed accepts an answer whose header names a model that its server has.
func isServed(response *http.Response, _ []byte) error {
	server, served := response.Header.Get(modelserver.HeaderName), response.Header.Values(plugin.ModelHeader)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	for _, name := range theirs[server] {
		if len(served) == 1 && served[0] == name {
			return nil
		}
	}
	return errors.New(server + " has served " + strings.Join(served, ", "))
}

// eachServerByItsOwnName would catch a server that is asked by the client's name or another server's, and a split that is not exact any more.
func eachServerByItsOwnName(t *testing.T, s *stacked) {
	report := load.Do(t.Context(), load.Config{URL: s.urls["split"], Body: chat("any"), Accept: isServed, MaxRequests: 400, RatePerSecond: 200})
	require.NoError(t, report.Err())
	assert.InDelta(t, 0.75, report.Share("own"), 0.005, "%v", report.ByBackend)
	assert.InDelta(t, 0.25, report.Share("saas"), 0.005, "%v", report.ByBackend)
}

// failoverByName would catch a second server that is asked by the first one's name.
func failoverByName(t *testing.T, s *stacked) {
	s.servers["own"].SetFailure(http.StatusServiceUnavailable)
	defer s.servers["own"].SetFailure(0)
	got := s.ask(t, s.urls["spare"], "any")
	assert.Equal(t, http.StatusOK, got.status, got.body)
	assert.Equal(t, "large-versatile", got.model)
	assert.Equal(t, "large-versatile", got.header.Get(plugin.ModelHeader))
}

// oneURL would catch a model that is not reached by the catalog's URL, under its path and by its server's name.
func oneURL(t *testing.T, s *stacked) {
	assert.True(t, strings.HasSuffix(s.urls["catalog"], "/v1"), s.urls["catalog"])
	for asked, server := range map[string]string{"large": "own saas", "gpt-4o": "own saas", "tiny": "tiny", "many-a": "many", "many-b": "many"} {
		got := s.ask(t, s.urls["catalog"], asked)
		require.Equal(t, http.StatusOK, got.status, "%s: %s", asked, got.body)
		assert.Contains(t, strings.Fields(server), got.header.Get(modelserver.HeaderName), asked)
		assert.Equal(t, []string{got.model}, got.header.Values(plugin.ModelHeader), asked)
		assert.Contains(t, theirs[got.header.Get(modelserver.HeaderName)], got.model, asked)
	}
	report := load.Do(t.Context(), load.Config{URL: s.urls["catalog"], Body: chat("large"), Accept: isServed, MaxRequests: 400, RatePerSecond: 200})
	require.NoError(t, report.Err())
	assert.InDelta(t, 0.75, report.Share("own"), 0.005, "%v", report.ByBackend)
	for _, request := range s.servers["saas"].Requests() {
		assert.Equal(t, "/openai/v1/chat/completions", request.URI)
	}
	body := strings.TrimSuffix(chat("large"), "}") + `,"stream":true}`
	stream := s.send(t, http.MethodPost, s.urls["catalog"]+"/chat/completions", strings.NewReader(body))
	assert.Contains(t, stream.body, "data: [DONE]")
}

// theList would catch a list that a client cannot read, and a model in it that is not there.
func theList(t *testing.T, s *stacked) {
	var list struct{ Data []struct{ ID string } }
	got := s.send(t, http.MethodGet, s.urls["catalog"]+"/models", nil)
	require.NoError(t, json.Unmarshal([]byte(got.body), &list), got.body)
	assert.Equal(t, []struct{ ID string }{{"large"}, {"tiny"}, {"forger"}}, list.Data)
	for id, status := range map[string]int{"large": 200, "many-x": 200, "gpt-4o": 200, "gpt-5": 404} {
		assert.Equal(t, status, s.send(t, http.MethodGet, s.urls["catalog"]+"/models/"+id, nil).status, id)
	}
	assert.Equal(t, []any{"large", "tiny", "many-*", "forger"}, s.Outputs(t)["names"])
}

// refused would catch a request that some server is sent although the gateway cannot tell which it is for.
func refused(t *testing.T, s *stacked) {
	before := s.counts()
	for name, c := range map[string]struct {
		url, body string
		header    []string
		status    int
		code      string
	}{
		"unknown":           {"catalog", chat("gpt-5"), nil, 404, "model_not_found"},
		"no model":          {"catalog", `{"messages":[]}`, nil, 400, "missing_model"},
		"two":               {"catalog", `{"model":"tiny","model":"large"}`, nil, 400, "ambiguous_model"},
		"another spelling":  {"catalog", `{"model":"tiny","Model":"large"}`, nil, 400, "ambiguous_model"},
		"an escape":         {"catalog", `{"mod\u0065l":"tiny"}`, nil, 400, "ambiguous_model"},
		"cut":               {"catalog", `{"model":"tiny"`, nil, 400, "invalid_json"},
		"compressed":        {"catalog", "\x1f\x8b", []string{"Content-Encoding", "gzip"}, 415, "unsupported_media_type"},
		"a form":            {"catalog", "--x", []string{"Content-Type", "multipart/form-data; boundary=x"}, 415, "unsupported_media_type"},
		"two, one service":  {"split", `{"model":"a","model":"b"}`, nil, 400, "ambiguous_model"},
		"a number":          {"split", `{"model":1}`, nil, 400, "invalid_model"},
		"compressed, split": {"split", "\x1f\x8b", []string{"Content-Encoding", "gzip"}, 415, "unsupported_media_type"},
		"more than allowed": {"catalog", `{"x":"` + strings.Repeat("x", 100_000) + `","model":"tiny"}`, nil, 413, "request_too_large"},
	} {
		got := s.send(t, http.MethodPost, s.urls[c.url]+"/chat/completions", strings.NewReader(c.body), c.header...)
		assert.Equal(t, c.status, got.status, "%s: %s", name, got.body)
		assert.Equal(t, c.code, got.code, "%s: %s", name, got.body)
	}
	assert.Equal(t, before, s.counts())
}

// counts are how many requests each server has had.
func (s *stacked) counts() map[string]int {
	counts := map[string]int{}
	for name, server := range s.servers {
		counts[name] = server.Count()
	}
	return counts
}

// longBodies would catch a body that is cut, doubled or misread where it is longer than what the entry point holds, or has no length.
func longBodies(t *testing.T, s *stacked) {
	for _, url := range []string{"split", "spare", "catalog"} {
		for _, length := range []int{1 << 10, 1 << 20, 5 << 20} {
			body := `{"messages":[{"role":"user","content":"` + strings.Repeat(`word\n\"`, length/8) + `"}],"model":"large","stream":false}`
			for kind, reader := range map[string]io.Reader{"with its length": strings.NewReader(body), "in chunks": io.MultiReader(strings.NewReader(body))} {
				got := s.send(t, http.MethodPost, s.urls[url]+"/chat/completions", reader)
				require.Equal(t, http.StatusOK, got.status, "%s, %d bytes %s: %.300s", url, length, kind, got.body)
				assert.Contains(t, theirs[got.header.Get(modelserver.HeaderName)], got.model)
			}
		}
	}
	got := s.send(t, http.MethodPost, s.urls["catalog"]+"/chat/completions", strings.NewReader(`{"x":"`+strings.Repeat("x", 33<<20)+`","model":"large"}`))
	assert.Equal(t, http.StatusRequestEntityTooLarge, got.status)
}

// forgedModel would catch a client's or a server's word that is taken for the gateway's.
func forgedModel(t *testing.T, s *stacked) {
	assert.Equal(t, []string{"forger"}, s.ask(t, s.urls["catalog"], "forger").header.Values(plugin.ModelHeader))
	got := s.send(t, http.MethodPost, s.urls["catalog"]+"/chat/completions", strings.NewReader(chat("tiny")), plugin.ModelHeader, "forged")
	assert.Equal(t, []string{"tiny"}, got.header.Values(plugin.ModelHeader))
	requests := s.servers["tiny"].Requests()
	assert.Empty(t, requests[len(requests)-1].Header.Values(plugin.ModelHeader))
}

// ownPolicy would catch a catalog whose limits, sites or addresses do not hold.
func ownPolicy(t *testing.T, s *stacked) {
	preflight := s.send(t, http.MethodOptions, s.urls["guarded"]+"/chat/completions", nil, "Origin", "https://app.example.com", "Access-Control-Request-Method", "POST")
	assert.Equal(t, "https://app.example.com", preflight.header.Get("Access-Control-Allow-Origin"))
	assert.Equal(t, http.StatusForbidden, s.ask(t, s.urls["far"], "large").status)
	long := s.send(t, http.MethodPost, s.urls["guarded"]+"/chat/completions", strings.NewReader(chat(strings.Repeat("x", 250))))
	assert.Equal(t, http.StatusRequestEntityTooLarge, long.status, long.body)
	statuses := map[int]int{}
	for range 20 {
		statuses[s.ask(t, s.urls["guarded"], "large").status]++
	}
	// Each of two replicas lets three pass, and one of them may have the client's connections alone.
	assert.Contains(t, []int{3, 6}, statuses[http.StatusOK], "%v", statuses)
	assert.Equal(t, 20, statuses[http.StatusOK]+statuses[http.StatusTooManyRequests], "%v", statuses)
}

// anotherModel would catch a model that does not answer in place of one that cannot, and one that does although nothing is wrong.
func anotherModel(t *testing.T, s *stacked) {
	fail := func(server string, status int) {
		s.servers[server].SetFailure(status)
		t.Cleanup(func() { s.servers[server].SetFailure(0) })
	}
	ask := func(model string) answer { return s.ask(t, s.urls["backed"], model) }
	assert.Contains(t, []string{theirs["own"][0], "large-versatile"}, ask("large").header.Get(plugin.ModelHeader))
	for _, step := range []struct{ down, want string }{{"own", "large-versatile"}, {"saas", "many-b"}, {"many", "tiny"}} {
		fail(step.down, http.StatusServiceUnavailable)
		served := map[string]bool{}
		for range 4 {
			got := ask("large")
			require.Equal(t, http.StatusOK, got.status, got.body)
			served[got.header.Get(plugin.ModelHeader)] = true
		}
		assert.True(t, served[step.want], "%v without %s", served, step.down)
	}
	fail("tiny", http.StatusInternalServerError)
	assert.Equal(t, http.StatusInternalServerError, ask("large").status)
	for _, server := range []string{"own", "saas", "many", "tiny"} {
		s.servers[server].SetFailure(0)
	}
	long := s.send(t, http.MethodPost, s.urls["backed"]+"/chat/completions", strings.NewReader(chat("tiny")), modelserver.HeaderStatus, "400")
	assert.Equal(t, http.StatusBadRequest, long.status, "the server does not say that it is too long")
}

func nothingChanges(t *testing.T, s *stacked) {
	for _, result := range []stack.Result{s.Up(), s.Refresh(), s.Up()} {
		require.NoError(t, result.Err, result.Output)
		assert.Len(t, result.Changes, 1, "%v", result.Changes)
	}
}

// anotherName would catch a request that fails while a server's name for the model changes, or that has half of the change.
func anotherName(t *testing.T, s *stacked) {
	for _, url := range []string{"split", "catalog"} {
		for _, name := range []string{theirs["own"][1], theirs["own"][0]} {
			run := load.Start(t.Context(), load.Config{URL: s.urls[url], Body: chat("large"), Accept: isServed, RatePerSecond: 50, Workers: 8})
			require.NoError(t, run.WaitFor(t.Context(), 50))
			s.up(t, name, everyModel)
			require.NoError(t, run.WaitFor(t.Context(), 50))
			report := run.Stop()
			require.NoError(t, report.Err())
			t.Logf("%s: %d requests", url, report.Total)
		}
	}
}

// modelsComeAndGo would catch a model whose requests fail because another one is added or taken away.
func modelsComeAndGo(t *testing.T, s *stacked) {
	run := load.Start(t.Context(), load.Config{URL: s.urls["catalog"], Body: chat("large"), Accept: isServed, RatePerSecond: 50, Workers: 8})
	require.NoError(t, run.WaitFor(t.Context(), 50))
	s.up(t, theirs["own"][0], everyModel[:1])
	assert.Equal(t, http.StatusNotFound, s.ask(t, s.urls["catalog"], "tiny").status)
	s.up(t, theirs["own"][0], everyModel)
	assert.Equal(t, http.StatusOK, s.ask(t, s.urls["catalog"], "tiny").status)
	require.NoError(t, run.WaitFor(t.Context(), 50))
	report := run.Stop()
	require.NoError(t, report.Err())
	t.Logf("%d requests", report.Total)
}
