package cases

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/examples/exampletest"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// TestAProviderAnswersWhenOnesOwnServersDoNot would catch a conversation that moves between servers that work, a provider that
// is asked while they do, a request that fails because they do, and a provider that stays in use after they are back.
func TestAProviderAnswersWhenOnesOwnServersDoNot(t *testing.T) {
	const key = "gsk-Failover-9b1f60ce"
	gateway := sharedGateway(t)
	own := map[string]*modelserver.Server{}
	for _, name := range []string{"first", "second"} {
		own[name] = harness.Serve(t, modelserver.Options{Name: name, Address: ":8000", BasePath: "/v1", Reply: name})
	}
	harness.ServeTLS(t, modelserver.Options{Name: "groq", Address: ":443", BasePath: "/openai/v1", Keys: []string{key}, Reply: "groq"}, "api.groq-failover.example")
	settings := map[string]any{
		"gateway":   gateway,
		"firstUrl":  "http://" + own["first"].Address() + "/v1",
		"secondUrl": "http://" + own["second"].Address() + "/v1",
		"groqUrl":   "https://api.groq-failover.example/openai/v1",
	}
	fail := func(status int) {
		for _, server := range own {
			server.SetFailure(status)
		}
	}
	inEachLanguage(t, func(t *testing.T, language string) {
		s := exampletest.Open(t, exampletest.Configured(t, "failover", language, settings), map[string]string{"secret:groqKey": key})
		url := up(t, s)["url"].(string)
		exampletest.Record(t, s, "failover")
		// All requests have the same prompt.
		working := exampletest.Chats(t, language, url, 5)
		assert.Len(t, working, 1)
		assert.NotContains(t, working, "groq")

		fail(http.StatusServiceUnavailable)
		defer fail(0)
		assert.Equal(t, map[string]int{"groq": 10}, exampletest.Chats(t, language, url, 5))

		fail(0)
		// A server that has failed three requests is out for 30 seconds.
		require.Eventually(t, func() bool {
			return assert.ObjectsAreEqual(working, exampletest.Chats(t, language, url, 5))
		}, time.Minute, 5*time.Second)
		assert.NotContains(t, s.Log.String()+s.State(t), key)
	})
}
