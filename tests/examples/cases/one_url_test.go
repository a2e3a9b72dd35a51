package cases

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/modelplane/pulumi-modelplane/tests/examples/exampletest"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// TestOneURLServesTwoModels would catch a server that is asked by another name than its own, a model that a client cannot reach by the one URL, and one that
// a key reaches which is not for it.
func TestOneURLServesTwoModels(t *testing.T) {
	const groqKey, searchKey, labsKey = "gsk-OneUrl-2c41d0ee", "search-OneUrl-7f20b1c9", "labs-OneUrl-11d8e3a4"
	gateway := sharedGateway(t)
	server := func(name string, models ...string) string {
		return "http://" + harness.Serve(t, modelserver.Options{Name: name, Address: ":8000", BasePath: "/v1", Reply: name, Models: models}).Address() + "/v1"
	}
	harness.ServeTLS(t, modelserver.Options{
		Name: "groq", Address: ":443", BasePath: "/openai/v1", Keys: []string{groqKey}, Reply: "groq", Models: []string{"llama-3.3-70b-versatile"},
	}, "api.groq-one-url.example")
	settings := map[string]any{
		"gateway":  gateway,
		"largeUrl": server("own", "meta-llama/Llama-3.3-70B-Instruct"),
		"smallUrl": server("small", "qwen3-8b"),
		"groqUrl":  "https://api.groq-one-url.example/openai/v1",
	}
	secrets := map[string]string{"secret:groqKey": groqKey, "secret:searchKey": searchKey, "secret:labsKey": labsKey}
	inEachLanguage(t, func(t *testing.T, language string) {
		s := exampletest.Open(t, exampletest.Configured(t, "one-url", language, settings), secrets)
		url := up(t, s)["url"].(string)
		exampletest.Record(t, s, "one-url")
		ask := func(key, model string) exampletest.Client {
			return exampletest.Client{Language: language, URL: url, Key: key, Model: model}
		}
		split := ask(searchKey, "llama-3.3-70b").Chats(t, 15)
		// Each replica of the gateway shares out its own requests.
		assert.InDelta(t, 24, split["own"], 3, "%v", split)
		assert.Len(t, split, 2)
		assert.Equal(t, map[string]int{"small": 2}, ask(searchKey, "qwen3-8b").Chats(t, 1))
		assert.Equal(t, map[string]int{"small": 2}, ask(labsKey, "qwen3-8b").Chats(t, 1))
		assert.Equal(t, "404 model_not_found", ask(labsKey, "llama").Refusal(t))
		assert.Equal(t, "404 model_not_found", ask(searchKey, "gpt-5").Refusal(t))
		assert.Equal(t, "401 missing_api_key", ask("", "qwen3-8b").Refusal(t))
		for _, key := range []string{groqKey, searchKey, labsKey} {
			assert.NotContains(t, s.Log.String()+s.State(t), key)
		}
	})
}
