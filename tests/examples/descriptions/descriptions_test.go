// Package descriptions runs the programs in the schema's descriptions, which are what Pulumi's Registry and the SDKs show.
package descriptions

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/docs"
	"github.com/modelplane/pulumi-modelplane/tests/examples/exampletest"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// fence is a program of a description.
var fence = regexp.MustCompile("(?s)```([a-z]+)\n(.*?)```")

// TestProgramsInDescriptionsPassPreview would catch a program on a component's page in the Registry, in an SDK's documentation
// or on a page in docs/ or README.md, that does not compile or that the component refuses, and a component without one in a
// language.
func TestProgramsInDescriptionsPassPreview(t *testing.T) {
	harness.ServeCharts(t)
	t.Setenv("SSL_CERT_FILE", harness.Plane.TrustedFile())

	described, shown := inSchema(t), onPages(t)
	kubeconfig, err := os.ReadFile(harness.Plane.First().Kubeconfig())
	require.NoError(t, err)
	config := map[string]string{
		"secret:groqKey": "gsk-Described-2be81c40", "secret:searchKey": "search-Described-77d1",
		"secret:eastKubeconfig": string(kubeconfig), "secret:westKubeconfig": string(kubeconfig),
	}
	for _, test := range []struct{ language, file, before string }{
		{language: "typescript", file: "index.ts"},
		{language: "python", file: "__main__.py"},
		{language: "go", file: "main.go"},
		{language: "yaml", file: "Pulumi.yaml", before: "name: quickstart\nruntime: yaml\n"},
	} {
		t.Run(test.language, func(t *testing.T) {
			// The quickstart is a project with what a program of the language needs, in which another takes its place.
			s := exampletest.Open(t, exampletest.Copy(t, "quickstart/"+test.language), config)
			programs := shown[test.language]
			for token, all := range described {
				require.NotEmpty(t, all[test.language], token)
				programs = append(programs, program{token, all[test.language]})
			}
			for _, p := range programs {
				require.NoError(t, os.WriteFile(filepath.Join(s.Dir, test.file), []byte(test.before+p.text), 0o600))
				preview := s.Preview()
				require.NoError(t, preview.Err, p.from)
				require.NotZero(t, preview.Changes["create"], p.from)
			}
		})
	}
}

// inSchema are the programs in each component's description, by their languages.
func inSchema(t *testing.T) map[string]map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(exampletest.Root(), "schema.json"))
	require.NoError(t, err)
	var spec schema.PackageSpec
	require.NoError(t, json.Unmarshal(text, &spec))
	all := map[string]map[string]string{}
	for token, resource := range spec.Resources {
		// What is not a component, programs do not make by themselves.
		if !resource.IsComponent {
			continue
		}
		all[token] = map[string]string{}
		for _, found := range fence.FindAllStringSubmatch(resource.Description, -1) {
			all[token][found[1]] = found[2]
		}
	}
	return all
}

// program is one that readers see, and where.
type program struct{ from, text string }

// onPages are the programs in docs/ and README.md, by their languages. Those in YAML are left to tests/docs, which puts them
// together.
func onPages(t *testing.T) map[string][]program {
	t.Helper()
	root := os.DirFS(exampletest.Root())
	pages, err := docs.Pages(root)
	require.NoError(t, err)
	all := map[string][]program{}
	for _, page := range pages {
		text, err := fs.ReadFile(root, page)
		require.NoError(t, err)
		blocks, err := docs.Blocks(string(text))
		require.NoError(t, err, page)
		for _, block := range blocks {
			if block.Language != "yaml" && block.NotRun == "" {
				all[block.Language] = append(all[block.Language], program{fmt.Sprintf("%s:%d", page, block.Line), block.Text})
			}
		}
	}
	return all
}
