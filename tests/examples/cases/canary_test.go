package cases

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/examples/exampletest"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// TestACanaryGetsItsPercentAndGivesItBack would catch a canary that gets requests before it is given any, a share that is
// not the one asked for, one that cannot be taken back, and a step that replaces any object.
func TestACanaryGetsItsPercentAndGivesItBack(t *testing.T) {
	gateway := sharedGateway(t)
	stable := harness.Serve(t, modelserver.Options{Name: "stable", Address: ":8000", BasePath: "/v1", Reply: "stable"})
	canary := harness.Serve(t, modelserver.Options{Name: "canary", Address: ":8000", BasePath: "/v1", Reply: "canary"})
	inEachLanguage(t, func(t *testing.T, language string) {
		s := exampletest.Open(t, exampletest.Configured(t, "canary", language, map[string]any{
			"gateway":   gateway,
			"stableUrl": "http://" + stable.Address() + "/v1",
			"canaryUrl": "http://" + canary.Address() + "/v1",
		}), nil)
		url := up(t, s)["url"].(string)
		assert.Equal(t, map[string]int{"stable": 20}, exampletest.Chats(t, language, url, 10))

		for _, percent := range []int{50, 0} {
			s.SetConfig(t, "canaryPercent", strconv.Itoa(percent))
			if language == "yaml" {
				s.SetConfig(t, "stablePercent", strconv.Itoa(100-percent))
			}
			step := s.Up()
			require.NoError(t, step.Err, step.Output)
			assert.Equal(t, 1, step.Changes["update"], step.Output)
			assert.Equal(t, url, s.Outputs(t)["url"])

			answers := exampletest.Chats(t, language, url, 20)
			// Each Traefik splits what it gets.
			assert.InDelta(t, 40*percent/100, answers["canary"], float64(4*percent)/50)
			assert.Len(t, answers, 1+percent/50)
		}
		exampletest.RequireUnchanged(t, s)
		exampletest.Record(t, s, "canary")
	})
}
