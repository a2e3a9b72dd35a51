package packages

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/examples/place"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

func TestMain(m *testing.M) { harness.Main(m) }

// packageLine is what names the package in a stack's Pulumi.yaml.
const packageLine = "\n  acme: ../"

// TestAComponentOfTheUsersOwnServesAStackInAnotherLanguage would catch a component of ours that cannot be made from within
// another provider's process: one that loses an input, a secret or a Gateway that is not known yet on the way there, or an
// output on the way back.
func TestAComponentOfTheUsersOwnServesAStackInAnotherLanguage(t *testing.T) {
	const key = "sk-Acme-51c07e9d"
	large := harness.Serve(t, modelserver.Options{Name: "large", Address: ":8000", BasePath: "/v1", Keys: []string{key}, Reply: "large"})
	small := harness.Serve(t, modelserver.Options{Name: "small", Address: ":8000", BasePath: "/v1", Keys: []string{key}, Reply: "small"})
	config := map[string]string{
		"largeUrl":      "http://" + large.Address() + "/v1",
		"smallUrl":      "http://" + small.Address() + "/v1",
		"secret:apiKey": key,
		"chart":         place.Chart(),
	}
	for _, test := range []struct{ stack, language, made string }{
		{stack: "stack-yaml", language: "yaml", made: "go"},
		{stack: "stack-python", language: "python", made: "typescript"},
	} {
		t.Run(test.stack, func(t *testing.T) {
			s := place.Open(t, filepath.Join(example(t), test.stack), config)
			require.Contains(t, read(t, s.Dir, "Pulumi.yaml"), packageLine+test.made+"\n")

			preview := s.Preview()
			require.NoError(t, preview.Err, preview.Output)
			up := s.Up()
			require.NoError(t, up.Err, up.Output)
			require.Equal(t, preview.Changes["create"], up.Changes["create"], preview.Output)

			url := s.Outputs(t)["url"].(string)
			require.Contains(t, url, "/teams/research/v1")
			answers := place.Chats(t, test.language, url, 20)
			assert.InDelta(t, 32, answers["large"], 4)
			assert.InDelta(t, 8, answers["small"], 4)
			place.RequireUnchanged(t, s)
			assert.NotContains(t, s.Log.String()+s.State(t), key)
		})
	}
}

// TestBadInputInsideAPackageComesWithItsPathAndNoStackTrace would catch a refusal of ours that gets lost between two
// providers, or that arrives as the exception of a program which its reader has not written.
func TestBadInputInsideAPackageComesWithItsPathAndNoStackTrace(t *testing.T) {
	for _, made := range []string{"go", "typescript"} {
		t.Run(made, func(t *testing.T) {
			s := place.Open(t, filepath.Join(example(t), "stack-yaml"), map[string]string{
				"largeUrl":      "http://10.0.0.7:8000/v1?model=large",
				"smallUrl":      "http://10.0.0.8:8000/v1",
				"secret:apiKey": "sk-Acme-51c07e9d",
				"chart":         place.Chart(),
			})
			s.Write(t, strings.Replace(read(t, s.Dir, "Pulumi.yaml"), packageLine+"go\n", packageLine+made+"\n", 1))

			preview := s.Preview()
			require.Error(t, preview.Err)
			t.Log(preview.Output)
			assert.Contains(t, preview.Output, "property url with value")
			assert.NotRegexp(t, `(?m)^\s+at .*\.js:|goroutine |\.go:\d+`, preview.Output)
		})
	}
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return string(text)
}
