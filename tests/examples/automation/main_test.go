// Package automation runs the canary programs as programs, against one gateway that is made once.
package automation

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/examples/exampletest"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

func TestMain(m *testing.M) { harness.Main(m) }

// gateway is what --gateway takes, and its URL.
type gateway struct{ reference, url string }

// newGateway makes a gateway that goes with the plane.
func newGateway(t testing.TB) gateway {
	t.Helper()
	s, err := stack.Open(harness.Plane.Dir, "platform", map[string]string{"KUBECONFIG": harness.Plane.Kubeconfig()})
	require.NoError(t, err)
	made := s.MustUp(t, fmt.Sprintf("name: platform\nruntime: yaml\nresources:\n"+
		"  gateway: {type: 'modelplane:ModelGateway', properties: {chart: {name: %q}}}\n"+
		"outputs: {gateway: '${gateway.gateway}'}\n", exampletest.Chart()))["gateway"].(map[string]any)
	reference, err := json.Marshal(made)
	require.NoError(t, err)
	return gateway{string(reference), made["url"].(string)}
}

// program is the canary program of a language.
type program struct {
	gateway

	language string
	command  []string
}

// build makes a language's program as its README says.
func build(t testing.TB, language string, g gateway) program {
	t.Helper()
	dir := exampletest.Copy(t, "automation/"+language)
	p := program{gateway: g, language: language}
	switch language {
	case "go":
		execute(t, dir, "go", "build", ".")
		p.command = []string{filepath.Join(dir, "canary")}
	case "typescript":
		execute(t, dir, filepath.Join(dir, "..", "..", "node_modules", ".bin", "tsc"))
		p.command = []string{"node", filepath.Join(dir, "bin", "index.js")}
	case "python":
		p.command = []string{filepath.Join(exampletest.Environment(t)["VIRTUAL_ENV"], "bin", "python"), filepath.Join(dir, "canary.py")}
	}
	return p
}

func execute(t testing.TB, dir string, command ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir, cmd.Env = dir, environment(t)
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, string(output))
}
