package docs

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// shell runs commands as a reader would in the folder of a Pulumi project. All pages share the project and its
// one stack.
type shell struct{ project, environment string }

// newShell opens a project in a stack called dev, with nothing up.
func newShell(t *testing.T) shell {
	t.Helper()
	dir := t.TempDir()
	s := shell{project: filepath.Join(dir, "quickstart"), environment: filepath.Join(dir, "environment")}
	state, home := filepath.Join(dir, "state"), filepath.Join(dir, "home")
	require.NoError(t, os.MkdirAll(s.project, 0o700))
	require.NoError(t, os.Mkdir(state, 0o700))
	require.NoError(t, stack.TurnLogOff(home))
	for name, value := range map[string]string{
		"KUBECONFIG":               harness.Plane.Kubeconfig(),
		"PULUMI_HOME":              home,
		"PULUMI_BACKEND_URL":       "file://" + state,
		"PULUMI_CONFIG_PASSPHRASE": "correct horse battery staple",
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
		"PULUMI_SKIP_CONFIRMATIONS":                   "true",
		"PULUMI_SKIP_UPDATE_CHECK":                    "true",
		"PULUMI_EXPERIMENTAL":                         "true",
		stack.SkipCheckpoints:                         "true",
		// Of the chart's repository and the providers. The second is curl's.
		"SSL_CERT_FILE":  harness.Plane.TrustedFile(),
		"CURL_CA_BUNDLE": harness.Plane.TrustedFile(),
	} {
		t.Setenv(name, value)
	}
	s.forget(t)
	return s
}

// run runs a block's commands with the variables that the blocks before have set.
func (s shell) run(commands string) (output string, err error) {
	script := "set -aeuo pipefail\n. " + s.environment + "\ntrap 'export -p >" + s.environment + "' EXIT\n" + commands
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "bash", "-c", script)
	command.WaitDelay = 10 * time.Second
	command.Dir = s.project
	text, err := command.CombinedOutput()
	return string(text), err
}

// must is run for commands that cannot fail.
func (s shell) must(t *testing.T, commands string) string {
	t.Helper()
	output, err := s.run(commands)
	require.NoError(t, err, output)
	return output
}

// forget forgets all variables, as a new page does.
func (s shell) forget(t *testing.T) {
	t.Helper()
	require.NoError(t, os.WriteFile(s.environment, nil, 0o600))
}

// write writes a file into the project.
func (s shell) write(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(s.project, name), []byte(text), 0o600))
}
