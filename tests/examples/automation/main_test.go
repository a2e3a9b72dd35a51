// Package automation runs the canary programs as programs, against one gateway that is made once.
package automation

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/examples/place"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

func TestMain(m *testing.M) { harness.Main(m) }

// shared is the gateway of all tests; it goes with the plane.
var shared struct {
	once sync.Once
	// reference is what --gateway takes.
	reference, url string
}

// sharedGateway has the gateway made by the first test that asks for it.
func sharedGateway(t testing.TB) (reference, url string) {
	t.Helper()
	shared.once.Do(func() {
		s, err := stack.Open(harness.Plane.Dir, "platform", map[string]string{"KUBECONFIG": harness.Plane.Kubeconfig()})
		require.NoError(t, err)
		gateway := s.MustUp(t, fmt.Sprintf("name: platform\nruntime: yaml\nresources:\n"+
			"  gateway: {type: 'modelplane:ModelGateway', properties: {chart: {name: %q}}}\n"+
			"outputs: {gateway: '${gateway.gateway}'}\n", place.Chart()))["gateway"].(map[string]any)
		text, err := json.Marshal(gateway)
		require.NoError(t, err)
		shared.reference, shared.url = string(text), gateway["url"].(string)
	})
	require.NotEmpty(t, shared.reference, "the shared gateway could not be made")
	return shared.reference, shared.url
}

// inEveryLanguage runs a test with the program of each language, made as its README says.
func inEveryLanguage(t *testing.T, test func(t *testing.T, language string, command []string)) {
	for _, language := range []string{"go", "typescript", "python"} {
		t.Run(language, func(t *testing.T) {
			dir := place.Copy(t, "automation/"+language)
			switch language {
			case "go":
				// The OpenAI client needs a newer Go than the other examples.
				build(t, dir, "go", "work", "use")
				build(t, dir, "go", "build", ".")
				test(t, language, []string{filepath.Join(dir, "canary")})
			case "typescript":
				build(t, dir, filepath.Join(dir, "..", "..", "node_modules", ".bin", "tsc"))
				test(t, language, []string{"node", filepath.Join(dir, "bin", "index.js")})
			case "python":
				test(t, language, []string{filepath.Join(place.Environment(t)["VIRTUAL_ENV"], "bin", "python"), filepath.Join(dir, "canary.py")})
			}
		})
	}
}

func build(t testing.TB, dir string, command ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir, cmd.Env = dir, environment(t)
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, string(output))
}
