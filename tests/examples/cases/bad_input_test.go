package cases

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/examples/exampletest"
)

// refusal is what Pulumi says first of a service in whose inputs four things are wrong, a line each.
const refusal = `modelplane:index:ModelService resource 'chat' has a problem: ` +
	`gateway.name: "Edge" is not a name of a Kubernetes object: lower-case letters, digits, hyphens and dots, with a letter or digit first and last (RFC 1123)
gateway.listener: "web_1" is not a name of a Kubernetes object: lower-case letters, digits, hyphens and dots, with a letter or digit first and last (RFC 1123)
gateway.url: is not the URL of a listener; write scheme and host, such as http://203.0.113.7 (given: "ftp://203.0.113.7")
backends[0].weight: -3 is below 0; weights are shares from 0 to 1000000
`

// TestBadInputArrivesAsOurSentences would catch a fault that is lost on its way to the user, one that hides another of the same
// component, another error before them, and a stack trace that leads into the user's program or into our SDK. Python
// alone prints one of Pulumi's own runtime after them, as it does when any packaged component fails: the engine then answers the
// program with "resource monitor shut down" whatever the component said.
func TestBadInputArrivesAsOurSentences(t *testing.T) {
	for _, language := range []string{"yaml", "typescript", "python", "go"} {
		t.Run(language, func(t *testing.T) {
			s := exampletest.Open(t, exampletest.Configured(t, "canary", language, map[string]any{
				"gateway":       map[string]any{"name": "Edge", "namespace": "modelplane-edge", "listener": "web_1", "url": "ftp://203.0.113.7"},
				"stableUrl":     "http://10.0.0.7:8000/v1",
				"canaryUrl":     "http://10.0.0.8:8000/v1",
				"stablePercent": -3,
				"canaryPercent": 103,
			}), nil)
			preview := s.Preview()
			require.Error(t, preview.Err)
			_, first, _ := strings.Cut(preview.Output, "error: ")
			assert.True(t, strings.HasPrefix(first, refusal), first)
			for _, inside := range []string{"    at ", "goroutine ", "panic", "main.go", "index.ts", "__main__.py", "pulumi_modelplane"} {
				assert.NotContains(t, preview.Output, inside)
			}
		})
	}
}
