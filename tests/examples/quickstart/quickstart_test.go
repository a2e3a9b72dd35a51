// Package quickstart runs the quickstart in every language.
package quickstart

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/examples/exampletest"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

func TestMain(m *testing.M) { harness.Main(m) }

// TestTheQuickstartServesItsLanguagesOpenAIClient would catch an SDK whose program does not run, loses an input or a secret
// before the engine gets it, or gives an output that an OpenAI client cannot take as it is.
func TestTheQuickstartServesItsLanguagesOpenAIClient(t *testing.T) {
	const key = "gsk-Quick-7f3d0a91"
	t.Setenv(stack.SkipCheckpoints, "false") // as users have it
	own := harness.Serve(t, modelserver.Options{Name: "own", Address: ":8000", BasePath: "/v1", Reply: "own"})
	harness.ServeTLS(t, modelserver.Options{Name: "groq", Address: ":443", BasePath: "/openai/v1", Keys: []string{key}, Reply: "groq"}, "api.groq.example")
	config := map[string]string{
		"ownUrl":         "http://" + own.Address() + "/v1",
		"groqUrl":        "https://api.groq.example/openai/v1",
		"secret:groqKey": key,
		"chart":          exampletest.Chart(),
	}
	cluster := harness.NewCluster(t)
	before := cluster.Objects(t)
	for _, language := range []string{"yaml", "typescript", "python", "go"} {
		t.Run(language, func(t *testing.T) {
			s := exampletest.Open(t, exampletest.Copy(t, "quickstart/"+language), config)
			up := s.Up()
			require.NoError(t, up.Err, up.Output)

			answers := exampletest.Chats(t, language, s.Outputs(t)["url"].(string), 20)
			// Each Traefik splits what it gets.
			assert.InDelta(t, 32, answers["own"], 4)
			assert.InDelta(t, 8, answers["groq"], 4)
			exampletest.RequireUnchanged(t, s)
			exampletest.Record(t, s, "quickstart")
			assert.NotContains(t, s.Log.String()+s.State(t), key)
		})
		assert.Empty(t, cluster.Left(t, before), "the example in %s leaves it behind", language)
	}
}
