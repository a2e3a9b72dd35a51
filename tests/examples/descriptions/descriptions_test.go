// Package descriptions runs the programs in the schema's descriptions, which are what Pulumi's Registry and the SDKs show.
package descriptions

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/examples/exampletest"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// fence is a program of a description.
var fence = regexp.MustCompile("(?s)```([a-z]+)\n(.*?)```")

// TestProgramsInDescriptionsPassPreview would catch a program on a component's page in the Registry, or in an SDK's
// documentation, that does not compile or that the component refuses, and a language without one.
func TestProgramsInDescriptionsPassPreview(t *testing.T) {
	harness.ServeChart(t)
	t.Setenv("SSL_CERT_FILE", harness.Plane.TrustedFile())

	text, err := os.ReadFile(filepath.Join(exampletest.Root(), "schema.json"))
	require.NoError(t, err)
	var spec schema.PackageSpec
	require.NoError(t, json.Unmarshal(text, &spec))
	for _, test := range []struct{ language, file, before string }{
		{language: "typescript", file: "index.ts"},
		{language: "python", file: "__main__.py"},
		{language: "go", file: "main.go"},
		{language: "yaml", file: "Pulumi.yaml", before: "name: quickstart\nruntime: yaml\n"},
	} {
		t.Run(test.language, func(t *testing.T) {
			// The quickstart is a project with what a program of the language needs, in which another takes its place.
			s := exampletest.Open(t, exampletest.Copy(t, "quickstart/"+test.language), map[string]string{"secret:groqKey": "gsk-Described-2be81c40"})
			for token, resource := range spec.Resources {
				programs := map[string]string{}
				for _, found := range fence.FindAllStringSubmatch(resource.Description, -1) {
					programs[found[1]] = found[2]
				}
				require.NotEmpty(t, programs[test.language], token)
				require.NoError(t, os.WriteFile(filepath.Join(s.Dir, test.file), []byte(test.before+programs[test.language]), 0o600))

				preview := s.Preview()
				require.NoError(t, preview.Err, "%s: %s", token, preview.Output)
				require.NotZero(t, preview.Changes["create"], token)
			}
		})
	}
}
