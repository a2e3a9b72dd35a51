package cases

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/examples/place"
)

// TestBadInputArrivesAsOurSentence would catch a fault that is lost on its way to the user, one fault that hides another of the
// same component, and a stack trace of the user's program or of our SDK in their place. That Pulumi's own runtime for Python
// adds one of its own, which says that the resource monitor shut down, is so with every failure of any packaged component.
func TestBadInputArrivesAsOurSentence(t *testing.T) {
	for _, language := range []string{"yaml", "typescript", "python", "go"} {
		t.Run(language, func(t *testing.T) {
			s := place.Open(t, configured(t, "canary", language, map[string]any{
				"gateway":       map[string]any{"name": "edge", "namespace": "modelplane-edge", "url": "ftp://203.0.113.7"},
				"stableUrl":     "http://10.0.0.7:8000/v1",
				"canaryUrl":     "http://10.0.0.8:8000/v1",
				"stablePercent": -3,
				"canaryPercent": 103,
			}), nil)
			result := s.Preview()
			require.Error(t, result.Err)
			assert.Contains(t, result.Output, "modelplane:index:ModelService resource 'chat' has a problem: "+
				"gateway.url: is no URL of a listener; write scheme and host, such as http://203.0.113.7 (given: \"ftp://203.0.113.7\")\n"+
				"backends[0].weight: -3 is below 0; weights are shares from 0 to 1000000\n")
			for _, trace := range []string{"    at ", "goroutine ", "panic", "main.go:", "index.ts:", "__main__.py", "pulumi_modelplane"} {
				assert.NotContains(t, result.Output, trace)
			}
		})
	}
}
