package plugin_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// cataloged is a catalog at /v1 of models, each with one backend of the same name as its service.
func cataloged(t testing.TB, models ...plugin.Model) plugin.Config {
	t.Helper()
	for i, m := range models {
		models[i].Service = "team/" + m.Service + " of " + t.Name()
		if m.Rules == nil {
			models[i].Rules = []plugin.ModelRule{{Front: *fronted(t, plugin.Front{}, m.Service+" 0 1").Front}}
		}
		for j := range models[i].Rules {
			models[i].Rules[j].Front.Prefix = "/v1"
		}
	}
	return plugin.Config{Catalog: &plugin.Catalog{Prefix: "/v1", Models: models}}
}

// told is what a backend has been sent.
type told struct{ Backend, Path, Query, Body, Length string }

func tell(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_ = json.NewEncoder(w).Encode(told{name, r.URL.Path, r.URL.RawQuery, string(body), fmt.Sprint(r.ContentLength)})
	}
}

// TestTheModelDecidesTheService would catch a request that reaches another model's servers, by another path, or with another body than it should.
func TestTheModelDecidesTheService(t *testing.T) {
	inner := serveInner(t)
	for _, name := range []string{"llama", "mistral", "tiny"} {
		inner.set(name, tell(name))
	}
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler, _ := build(t, http.NotFoundHandler(), cataloged(t,
			plugin.Model{Names: []string{"llama", "gpt-4o", `odd "name" é`}, Service: "llama"},
			plugin.Model{Names: []string{"mistral-*", "gpt-5"}, Service: "mistral"},
			plugin.Model{Names: []string{"mistral-tiny", "m*"}, Service: "tiny"},
		))
		server := httptest.NewServer(handler)
		defer server.Close()
		for name, c := range map[string]struct {
			sent            string
			backend, served string
		}{
			"its name":            {"llama", "llama", "llama"},
			"an alias":            {"gpt-4o", "llama", "llama"},
			"an odd alias":        {`odd \"name\" \u00e9`, "llama", "llama"},
			"a wildcard":          {"mistral-large", "mistral", "mistral-large"},
			"a longer name":       {"mistral-tiny", "tiny", "mistral-tiny"},
			"a shorter beginning": {"mi", "tiny", "mistral-tiny"},
			"a family's alias":    {"gpt-5", "mistral", "gpt-5"},
		} {
			const body = `{"messages":[{"content":"model"}],"model": "%s","n":1}`
			status, content, header := post(t, server.URL+"/v1/chat/completions?x=1", fmt.Sprintf(body, c.sent))
			require.Equal(t, http.StatusOK, status, "%s: %s", name, content)
			want := fmt.Sprintf(body, c.served)
			var got told
			require.NoError(t, json.Unmarshal([]byte(content), &got))
			assert.Equal(t, told{c.backend, "/secret/" + c.backend + "/chat/completions", "x=1", want, fmt.Sprint(len(want))}, got, name)
			assert.Equal(t, []string{c.served}, header.Values(plugin.ModelHeader), name)
		}
		for asked, want := range map[string]string{"llama": "x=1&model=llama", "gpt-4o": "x=1&model=llama", "mistral-a": "x=1&model=mistral-a"} {
			answer := answerOf(handler, httptest.NewRequest(http.MethodGet, "/v1/realtime?x=1&model="+asked, nil))
			assert.Contains(t, answer.Body.String(), strings.ReplaceAll(`"Query":"`+want+`"`, "&", `\u0026`))
		}
	})
}

// TestACatalogMayHaveAnyPath would catch a path of the catalog's own that is taken for a part of a request's.
func TestACatalogMayHaveAnyPath(t *testing.T) {
	inner := serveInner(t)
	inner.set("a", tell("a"))
	inEveryEngine(t, func(t *testing.T, build engine) {
		for _, prefix := range []string{"", "/team/models/v1", "/models", "/deployments/engines"} {
			config := cataloged(t, plugin.Model{Names: []string{"a"}, Service: "a"})
			config.Catalog.Prefix, config.Catalog.Models[0].Rules[0].Front.Prefix = prefix, prefix
			handler, _ := build(t, http.NotFoundHandler(), config)
			answer := answerOf(handler, httptest.NewRequest(http.MethodPost, prefix+"/chat/completions", strings.NewReader(`{"model":"a"}`)))
			assert.Contains(t, answer.Body.String(), `"Path":"/secret/a/chat/completions"`, prefix)
			assert.Contains(t, answerOf(handler, httptest.NewRequest(http.MethodGet, prefix+"/models/a", nil)).Body.String(), `"id":"a"`, prefix)
		}
	})
}

// TestWhatACatalogDoesNotHaveIsRefused would catch a request that reaches some server although nobody can tell which it is for, and an answer that a client
// cannot read.
func TestWhatACatalogDoesNotHaveIsRefused(t *testing.T) {
	inner := serveInner(t)
	inner.set("llama", func(http.ResponseWriter, *http.Request) { t.Error("the backend was asked") })
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler, _ := build(t, http.NotFoundHandler(), cataloged(t,
			plugin.Model{Names: []string{"llama", "alias"}, Service: "llama"}, plugin.Model{Names: []string{"mistral-*"}, Service: "llama"}))
		for name, c := range map[string]struct {
			method, path, body, contentType string
			status                          int
			code                            string
		}{
			"unknown":       {"POST", "/v1/chat/completions", `{"model":"gpt\"\\\n<é"}`, "application/json", 404, "model_not_found"},
			"other case":    {"POST", "/v1/chat/completions", `{"model":"Llama"}`, "application/json", 404, "model_not_found"},
			"no model":      {"POST", "/v1/chat/completions", `{"messages":[]}`, "application/json", 400, "missing_model"},
			"a list":        {"POST", "/v1/chat/completions", `["llama"]`, "application/json", 400, "invalid_json"},
			"two":           {"POST", "/v1/chat/completions", `{"model":"llama","model":"x"}`, "application/json", 400, "ambiguous_model"},
			"cut":           {"POST", "/v1/chat/completions", `{"model":"llama"`, "application/json", 400, "invalid_json"},
			"a form":        {"POST", "/v1/audio/transcriptions", `--x`, "multipart/form-data; boundary=x", 415, "unsupported_media_type"},
			"no body":       {"GET", "/v1/files", "", "", 404, "not_found"},
			"model unknown": {"GET", "/v1/models/gpt", "", "", 404, "model_not_found"},
			"query unknown": {"GET", "/v1/realtime?model=gpt", "", "", 404, "model_not_found"},
			"in the path":   {"POST", "/v1/deployments/gpt/chat/completions", `{"model":"llama"}`, "application/json", 404, "not_found"},
			"Gemini's path": {"POST", "/v1/models/gpt:generateContent", `{"model":"llama"}`, "application/json", 404, ""},
			"query differs": {"POST", "/v1/chat/completions?model=gpt", `{"model":"llama"}`, "application/json", 400, "ambiguous_model"},
			"charset":       {"POST", "/v1/chat/completions", `{"model":"llama"}`, "application/json; charset=utf-7", 415, "unsupported_media_type"},
			"a mark":        {"POST", "/v1/chat/completions", "\xef\xbb\xbf" + `{"model":"llama"}`, "application/json", 400, "invalid_json"},
			"gRPC":          {"POST", "/v1/chat/completions", `{"model":"llama"}`, "application/grpc", 415, "unsupported_media_type"},
			"query twice":   {"GET", "/v1/realtime?model=llama&model=x", "", "", 404, "not_found"},
			"too long":      {"POST", "/v1/chat/completions", `{"model":"` + strings.Repeat("x", 257) + `"}`, "application/json", 400, "invalid_model"},
		} {
			r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.contentType)
			answer := answerOf(handler, r)
			assert.Equal(t, c.status, answer.Code, name)
			if c.code == "" { // in another API's form
				continue
			}
			var body struct {
				Error struct{ Code, Message string }
			}
			require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &body), "%s: %s", name, answer.Body)
			assert.Equal(t, c.code, body.Error.Code, name)
			if c.code == "model_not_found" {
				assert.Contains(t, body.Error.Message, "You may use llama.", name)
			}
		}
		r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader("x"))
		r.Header.Set("Content-Encoding", "gzip")
		answer := answerOf(handler, r)
		assert.Equal(t, http.StatusUnsupportedMediaType, answer.Code)
		assert.Equal(t, "identity", answer.Header().Get("Accept-Encoding"))
	})
}

// TestACatalogListsItsModels would catch a list that OpenAI's or Anthropic's client cannot read, and a name that none of them can use.
func TestACatalogListsItsModels(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		handler, _ := build(t, http.NotFoundHandler(), cataloged(t,
			plugin.Model{Names: []string{`org/"a"`, "alias"}, Service: "a"}, plugin.Model{Names: []string{"b-*"}, Service: "b"}, plugin.Model{Names: []string{"c"}, Service: "c"}))
		var list struct {
			Object  string
			Data    []map[string]any
			FirstID string `json:"first_id"`
			LastID  string `json:"last_id"`
		}
		answer := answerOf(handler, httptest.NewRequest(http.MethodGet, "/v1/models", nil))
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &list), answer.Body)
		assert.Equal(t, "application/json", answer.Header().Get("Content-Type"))
		require.Len(t, list.Data, 2)
		assert.Equal(t, map[string]any{
			"id": `org/"a"`, "object": "model", "type": "model", "display_name": `org/"a"`, "created": 0.0, "created_at": "1970-01-01T00:00:00Z", "owned_by": "team/a of " + t.Name(),
		}, list.Data[0])
		assert.Equal(t, []string{"list", `org/"a"`, "c"}, []string{list.Object, list.FirstID, list.LastID})

		for id, want := range map[string]string{"org%2F%22a%22": `org/"a"`, "org/%22a%22": `org/"a"`, "b-large": "b-large", "alias": "alias"} {
			var one map[string]any
			answer := answerOf(handler, httptest.NewRequest(http.MethodGet, "/v1/models/"+id, nil))
			require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &one), answer.Body)
			assert.Equal(t, want, one["id"])
		}
	})
}

// TestAKeyForCertainModelsAsksForNoOther would catch a key that reaches another model than it is for: by a whole name, an alias, a wildcard, a list, the
// query, or a service's own URL.
func TestAKeyForCertainModelsAsksForNoOther(t *testing.T) {
	inner := serveInner(t)
	for _, name := range []string{"llama", "mistral", "tiny"} {
		inner.set(name, tell(name))
	}
	ring := line("all", "sk-all") + strings.TrimSpace(line("few", "sk-few", 0)) + " llama,mistral-%2A\n" + strings.TrimSpace(line("odd", "sk-odd", 0)) + " alias%2C+%22x%22\n"
	inEveryEngine(t, func(t *testing.T, build engine) {
		catalog, _ := build(t, http.NotFoundHandler(), cataloged(t,
			plugin.Model{Names: []string{"llama", "alias, \"x\""}, Service: "llama"},
			plugin.Model{Names: []string{"mistral-*", "other"}, Service: "mistral"},
			plugin.Model{Names: []string{"tiny"}, Service: "tiny"},
		))
		asked, _ := build(t, catalog, asking(ring))
		handler, _ := build(t, asked, plugin.Config{ByModel: true})
		for key, allowed := range map[string]string{"sk-all": "llama alias mistral-a tiny other", "sk-few": "llama alias mistral-a", "sk-odd": "alias"} {
			for short, name := range map[string]string{"llama": "llama", "alias": `alias, \"x\"`, "mistral-a": "mistral-a", "tiny": "tiny", "other": "other"} {
				r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(`{"model":"`+name+`"}`))
				r.Header.Set("Authorization", "Bearer "+key)
				want := http.StatusOK
				if !strings.Contains(allowed, short) {
					want = http.StatusNotFound
				}
				answer := answerOf(handler, r)
				assert.Equal(t, want, answer.Code, "%s %s: %s", key, short, answer.Body)
				if key == "sk-few" && want == http.StatusNotFound {
					assert.Contains(t, answer.Body.String(), "You may use llama.")
				}
			}
		}
		for key, want := range map[string]string{"sk-all": "llama tiny", "sk-few": "llama", "sk-odd": ""} {
			r := httptest.NewRequest(http.MethodGet, "/v1/models", nil)
			r.Header.Set("X-Api-Key", key)
			var list struct{ Data []struct{ ID string } }
			require.NoError(t, json.Unmarshal(answerOf(handler, r).Body.Bytes(), &list))
			var ids []string
			for _, m := range list.Data {
				ids = append(ids, m.ID)
			}
			assert.Equal(t, want, strings.Join(ids, " "), key)
		}
		for _, path := range []string{"/v1/models/tiny", "/v1/realtime?model=tiny"} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.Header.Set("Authorization", "Bearer sk-few")
			assert.Equal(t, http.StatusNotFound, answerOf(handler, r).Code, path)
		}
		for key, want := range map[string]int{"sk-all": http.StatusOK, "sk-few": http.StatusForbidden} {
			r := httptest.NewRequest(http.MethodGet, "/v1/realtime?model=llama", nil)
			r.Header = http.Header{"Authorization": {"Bearer " + key}, "Upgrade": {"websocket"}}
			assert.Equal(t, want, answerOf(handler, r).Code, "a WebSocket of %s", key)
			r = httptest.NewRequest(http.MethodGet, "/v1/responses", strings.NewReader(`{"model":"llama"}`))
			r.Header = http.Header{"Authorization": {"Bearer " + key}, "Upgrade": {"websocket"}}
			assert.Equal(t, want, answerOf(handler, r).Code, "a WebSocket of %s that begins with a body", key)
		}
		own, _ := build(t, echo, asking(ring))
		for key, want := range map[string]int{"sk-all": http.StatusOK, "sk-few": http.StatusForbidden} {
			r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(`{"model":"llama"}`))
			r.Header.Set("Authorization", "Bearer "+key)
			assert.Equal(t, want, answerOf(own, r).Code, key)
		}
	})
}

// TestACatalogIsForServicesOfItsOwnNamespace would catch a team's Middleware by hand that uses, limits or counts another team's service, and one that is half
// written.
func TestACatalogIsForServicesOfItsOwnNamespace(t *testing.T) {
	inEveryEngine(t, func(t *testing.T, build engine) {
		ours := func() plugin.Model {
			return cataloged(t, plugin.Model{Names: []string{"a"}, Service: "a"}).Catalog.Models[0]
		}
		for name, change := range map[string]func(*plugin.Model){
			"another namespace":              func(m *plugin.Model) { m.Service = "other/a" },
			"another namespace, counted":     func(m *plugin.Model) { m.Service, m.Count = "other/a", true },
			"another namespace, as a prefix": func(m *plugin.Model) { m.Service = "tea/a" },
			"no namespace":                   func(m *plugin.Model) { m.Service = "a" },
			"no names":                       func(m *plugin.Model) { m.Names = nil },
			"no rules":                       func(m *plugin.Model) { m.Rules = nil },
			"no backends":                    func(m *plugin.Model) { m.Rules[0].Front.Backends = nil },
			"a range that is none":           func(m *plugin.Model) { m.AllowFrom = []string{"everywhere"} },
			"a limit that is none":           func(m *plugin.Model) { m.Limits = []plugin.Limit{{By: "moon"}} },
		} {
			m := ours()
			change(&m)
			handler, logged := build(t, echo, plugin.Config{Catalog: &plugin.Catalog{Prefix: "/v1", Models: []plugin.Model{ours(), m}}})
			answer := answerOf(handler, httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(`{"model":"a"}`)))
			assert.Equal(t, http.StatusInternalServerError, answer.Code, name)
			assert.Contains(t, answer.Body.String(), "gateway_misconfigured", name)
			assert.Contains(t, logged.String(), "catalog is not usable", name)
		}
	})
}

// TestACatalogKeepsWhatItsServicesPromise would catch a limit, a range of addresses or a rule that does not hold by the catalog's URL.
func TestACatalogKeepsWhatItsServicesPromise(t *testing.T) {
	inner := serveInner(t)
	for _, name := range []string{"a", "other"} {
		inner.set(name, tell(name))
	}
	inEveryEngine(t, func(t *testing.T, build engine) {
		rules := []plugin.ModelRule{
			{Headers: map[string]string{"X-Tier": "gold"}, Front: *fronted(t, plugin.Front{Rule: "gold"}, "other 0 1").Front},
			{Front: *fronted(t, plugin.Front{}, "a 0 1").Front},
		}
		handler, _ := build(t, http.NotFoundHandler(), cataloged(t,
			plugin.Model{Names: []string{"ruled"}, Service: "ruled", Rules: rules},
			plugin.Model{Names: []string{"small"}, Service: "a", MaxBodyBytes: 40},
			plugin.Model{Names: []string{"inside"}, Service: "a", AllowFrom: []string{"10.0.0.0/8"}},
			plugin.Model{Names: []string{"once"}, Service: "a", Limits: []plugin.Limit{{By: "all", Requests: 1, Seconds: 3600}}},
		))
		ask := func(model string, header http.Header) (int, string) {
			r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(`{"model":"`+model+`","x":"`+strings.Repeat("x", len(header)*40)+`"}`))
			for name, values := range header {
				r.Header[name] = values
			}
			answer := answerOf(handler, r)
			return answer.Code, answer.Body.String()
		}
		_, body := ask("ruled", http.Header{"X-Tier": {"silver", "gold"}})
		assert.Contains(t, body, `"Backend":"other"`)
		_, body = ask("ruled", http.Header{"X-Tier": {"silver"}})
		assert.Contains(t, body, `"Backend":"a"`)
		status, _ := ask("small", nil)
		assert.Equal(t, http.StatusOK, status)
		status, _ = ask("small", http.Header{"X-Any": nil})
		assert.Equal(t, http.StatusRequestEntityTooLarge, status)
		status, _ = ask("inside", nil)
		assert.Equal(t, http.StatusForbidden, status)
		status, _ = ask("once", nil)
		assert.Equal(t, http.StatusOK, status)
		status, _ = ask("once", nil)
		assert.Equal(t, http.StatusTooManyRequests, status)
	})
}
