package refusals

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// kinds are the components of the package.
var kinds = []string{"ModelGateway", "ModelEndpoint", "ModelService", "ModelCallers", "ModelCatalog", "InferenceCluster", "ModelDeployment"}

// refusal is one input that a component must refuse.
type refusal struct {
	// Name says what is wrong.
	Name string `json:"name"`
	// Resource is the component's Pulumi name; "it" where it does not matter.
	Resource string `json:"resource"`
	// Inputs are the component's.
	Inputs map[string]any `json:"inputs"`
	// Faults are what the engine says, a line each: the property path, a colon and the sentence.
	Faults string `json:"faults"`
}

// Catches a rule that lets its fault through, blames another property, says something else, stops at the first of
// several faults, raises one that is none, or speaks up only after children were registered.
func TestEveryRuleRefusesWithItsPathAndSentence(t *testing.T) {
	for _, kind := range kinds {
		cases := append(written(t, kind), generated[kind]...)
		for _, c := range cases {
			t.Run(kind+"/"+c.Name, func(t *testing.T) {
				t.Parallel()
				assertRefused(t, kind, c)
			})
		}
	}
}

// written are the cases of testdata.
func written(t *testing.T, kind string) []refusal {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", kind+".yaml"))
	require.NoError(t, err)
	var cases []refusal
	require.NoError(t, yaml.UnmarshalStrict(text, &cases))
	require.NotEmpty(t, cases)
	return cases
}

func assertRefused(t *testing.T, kind string, c refusal) preview {
	t.Helper()
	name := c.Resource
	if name == "" {
		name = "it"
	}
	result := previewOf(t, only(kind, name, c.Inputs))
	require.Error(t, result.Err, "nothing was refused")
	assert.Empty(t, result.Resources, "what was registered in spite of the fault")
	require.Len(t, result.Errors, 1, result.Output)
	said, isOurs := strings.CutPrefix(result.Errors[0], fmt.Sprintf("modelplane:index:%s resource '%s' has a problem: ", kind, name))
	require.True(t, isOurs, result.Errors[0])
	assert.Equal(t, lines(c.Faults), lines(shownValue.ReplaceAllString(said, "")))
	return result
}

// shownValue is what follows a sentence whose value is shown.
var shownValue = regexp.MustCompile(`(?m) \(given: .*\)$`)

// TestARefusalShowsTheValueUnlessItMayBeSecret would catch a refusal that leaves its reader to look for the value, and one
// that shows a password.
func TestARefusalShowsTheValueUnlessItMayBeSecret(t *testing.T) {
	result := previewOf(t, only("ModelEndpoint", "it", map[string]any{
		"urls": []any{"ftp://10.0.0.7", "http://bob:hunter2@10.0.0.7", "http://10.0.0.8/?key=hunter2"},
		"port": 12345678, "headers": map[string]any{"set": map[string]any{"X.Y": ""}}, "hostHeader": "host:8000",
	}))
	require.Error(t, result.Err)
	require.Len(t, result.Errors, 1)
	for _, part := range []string{`(given: 12345678)`, `(given: "host:8000")`} {
		assert.Contains(t, result.Errors[0], part)
	}
	assert.NotContains(t, result.Errors[0], "hunter2")
}

// lines sorts, because faults have no order that a user could rely on.
func lines(text string) []string {
	return slices.Sorted(strings.SplitSeq(strings.TrimSpace(text), "\n"))
}
