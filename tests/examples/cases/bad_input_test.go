package cases

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/examples/place"
)

// TestBadInputArrivesAsOurSentence would catch a fault that is lost on its way to the user, one fault that hides another of the
// same component, and a language that shows its own insides in place of, or beside, what is wrong.
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
			t.Log(result.Output)
			for _, trace := range []string{"Traceback", "    at ", "goroutine ", "panic"} {
				assert.NotContains(t, result.Output, trace)
			}
		})
	}
}
