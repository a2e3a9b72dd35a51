package packages

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/examples/exampletest"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

func TestMain(m *testing.M) { harness.Main(m) }

// key is what the model servers want.
const key = "sk-Acme-51c07e9d"

// TestAComponentOfTheUsersOwnServesAStackInAnotherLanguage would catch a component of ours that cannot be made from within
// another provider's process: one that loses an input, a secret or a gateway that is not known yet when it is passed
// in, or an output or a refusal when it is passed back.
func TestAComponentOfTheUsersOwnServesAStackInAnotherLanguage(t *testing.T) {
	large := harness.Serve(t, modelserver.Options{Name: "large", Address: ":8000", BasePath: "/v1", Keys: []string{key}, Reply: "large"})
	small := harness.Serve(t, modelserver.Options{Name: "small", Address: ":8000", BasePath: "/v1", Keys: []string{key}, Reply: "small"})
	root := example(t)
	config := map[string]string{
		"largeUrl":      "http://" + large.Address() + "/v1",
		"smallUrl":      "http://" + small.Address() + "/v1",
		"secret:apiKey": key,
	}

	cluster := harness.NewCluster(t)
	before := cluster.Objects(t)
	t.Run("stacks", func(t *testing.T) {
		platform := exampletest.Open(t, filepath.Join(root, "stack-yaml"), config)
		platform.SetConfig(t, "chart", exampletest.Chart())
		requireServed(t, platform, "research", "yaml")
		requireRefusal(t, platform, "research")

		gateway, err := json.Marshal(platform.Outputs(t)["gateway"])
		require.NoError(t, err)
		team := exampletest.Open(t, filepath.Join(root, "stack-python"), config)
		team.SetConfig(t, "gateway", string(gateway))
		requireServed(t, team, "support", "python")
		requireRefusal(t, team, "support")
	})
	assert.Empty(t, cluster.Left(t, before))
}

// requireServed brings a team's stack up, and has its servers answer an OpenAI client of the stack's language.
func requireServed(t *testing.T, s *stack.Stack, team, language string) {
	t.Helper()
	preview := s.Preview()
	require.NoError(t, preview.Err, preview.Output)
	up := s.Up()
	require.NoError(t, up.Err, up.Output)
	require.Equal(t, preview.Changes["create"], up.Changes["create"], preview.Output)

	url := s.Outputs(t)["url"].(string)
	require.Contains(t, url, "/teams/"+team+"/v1")
	answers := exampletest.Chats(t, language, url, 20)
	// Each Traefik splits what it gets.
	assert.InDelta(t, 32, answers["large"], 4)
	assert.InDelta(t, 8, answers["small"], 4)
	exampletest.RequireUnchanged(t, s)
	assert.NotContains(t, s.Log.String()+s.State(t), key)
}

// requireRefusal gives the package a URL that our component, inside it, refuses. Its sentence has to be the first error of the
// run. What Pulumi's host for Node.js prints after it, when the engine ends the run, is not in our hands.
func requireRefusal(t *testing.T, s *stack.Stack, team string) {
	t.Helper()
	s.SetConfig(t, "largeUrl", "http://10.0.0.7:8000/v1?model=large")
	preview := s.Preview()
	require.Error(t, preview.Err)
	_, first, _ := strings.Cut(preview.Output, "error: ")
	require.Regexp(t, "^modelplane:index:ModelEndpoint resource '"+team+"-0' has a problem: url: has a query", first)
}
