package cases

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/modelplane/pulumi-modelplane/tests/examples/exampletest"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// TestEachRegionGetsItsWeightOnItsOwnPath would catch a cluster that gets another one's share, path or replicas, a replica
// that gets nothing, and a key that does not reach the provider or reaches the state.
func TestEachRegionGetsItsWeightOnItsOwnPath(t *testing.T) {
	const key = "gsk-Region-51c7e2d4"
	gateway := sharedGateway(t)
	replica := func(reply, path string) string {
		server := harness.Serve(t, modelserver.Options{Name: reply, Address: ":8000", BasePath: path, Reply: reply})
		return "http://" + server.Address() + path
	}
	harness.ServeTLS(t, modelserver.Options{Name: "asia", Address: ":443", BasePath: "/default/chat/v1", Reply: "asia"}, "models.asia.example")
	harness.ServeTLS(t, modelserver.Options{Name: "groq", Address: ":443", BasePath: "/openai/v1", Keys: []string{key}, Reply: "groq"}, "api.groq-region.example")
	settings := map[string]any{
		"gateway": gateway,
		"europe":  map[string]any{"urls": []string{replica("europe-1", "/v1"), replica("europe-2", "/v1")}, "weight": 40},
		"america": map[string]any{"urls": []string{replica("america-1", "/v3"), replica("america-2", "/v3")}, "weight": 30},
		"asia":    map[string]any{"urls": []string{"https://models.asia.example/default/chat/v1"}, "weight": 20},
		"groq":    map[string]any{"url": "https://api.groq-region.example/openai/v1", "weight": 10},
	}
	inEachLanguage(t, func(t *testing.T, language string) {
		s := exampletest.Open(t, exampletest.Configured(t, "multi-region", language, settings), map[string]string{"secret:groqKey": key})
		url := up(t, s)["url"].(string)
		exampletest.Record(t, s, "multi-region")

		answers := exampletest.Chats(t, language, url, 40)
		// Each Traefik splits what it gets.
		assert.InDelta(t, 32, answers["europe-1"]+answers["europe-2"], 4)
		assert.InDelta(t, 24, answers["america-1"]+answers["america-2"], 4)
		assert.InDelta(t, 16, answers["asia"], 4)
		assert.InDelta(t, 8, answers["groq"], 4)
		assert.Len(t, answers, 6)
		assert.NotContains(t, s.Log.String()+s.State(t), key)
	})
}
