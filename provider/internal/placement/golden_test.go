package placement

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the golden files of testdata, and the table in docs/placement.md")

// input is a testdata/<case>.in.yaml.
type input struct {
	// Case is what the case shows, as a sentence.
	Case     string         `json:"case"`
	Request  Request        `json:"request"`
	Clusters []Cluster      `json:"clusters"`
	Placed   map[string]int `json:"placed"`
}

// output is a testdata/<case>.out.yaml.
type output struct {
	Decision
	Fault string `json:"fault,omitempty"`
}

// goldenCase is one case of testdata.
type goldenCase struct {
	name string
	in   input
	out  output
}

// TestPlaceDecidesWhatTestdataSays would catch any change of what is placed, and of how it is explained.
func TestPlaceDecidesWhatTestdataSays(t *testing.T) {
	for _, c := range goldenCases(t) {
		t.Run(c.name, func(t *testing.T) {
			got, err := yaml.Marshal(c.out)
			require.NoError(t, err)
			golden := filepath.Join("testdata", c.name+".out.yaml")
			if *update {
				require.NoError(t, os.WriteFile(golden, got, 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err, "go test -update writes it")
			assert.Equal(t, string(want), string(got))
		})
	}
}

// TestPlacementDocsShowTheCasesOfTestdata would catch a page whose table says something else than the code does.
func TestPlacementDocsShowTheCasesOfTestdata(t *testing.T) {
	const page = "../../../docs/placement.md"
	const begin, end = "<!-- cases -->\n", "<!-- /cases -->\n"
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), begin)
	_, after, ends := strings.Cut(rest, end)
	require.True(t, found && ends, "the page has no place for the table; write %q and %q on lines of their own", begin, end)
	want := before + begin + "\n" + table(goldenCases(t)) + "\n" + end + after
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(want), 0o644))
		return
	}
	assert.Equal(t, want, string(text), "go test -update writes it")
}

func goldenCases(t *testing.T) []goldenCase {
	t.Helper()
	files, err := filepath.Glob("testdata/*.in.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var cases []goldenCase
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		c := goldenCase{name: strings.TrimSuffix(filepath.Base(file), ".in.yaml"), in: input{Request: Request{NodesPerReplica: 1}}}
		require.NoError(t, yaml.UnmarshalStrict(text, &c.in), file)
		decision, faults := Place(c.in.Request, c.in.Clusters, c.in.Placed)
		c.out.Decision = decision
		if err := faults.Err(); err != nil {
			c.out.Fault = err.Error()
		}
		cases = append(cases, c)
	}
	return cases
}
