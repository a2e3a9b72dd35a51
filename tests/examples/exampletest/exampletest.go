// Package exampletest runs the examples as their readers would: a copy of the folder, pulumi up from the CLI with
// the language's own host, and an OpenAI client of the same language against the URL that comes out.
package exampletest

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// installedVariable names the folder that ../deps/install.sh has filled.
const installedVariable = "MODELPLANE_EXAMPLES"

// Copy makes a copy of examples/<name>, where its program finds the packages and SDKs that are installed, and gives its
// folder. What is beside the folder belongs to the example too.
func Copy(t testing.TB, name string) string {
	t.Helper()
	beside := fresh(t)
	dir := filepath.Join(beside, filepath.Base(name))
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join(Root(), "examples", name))))
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
		// As examples/go.work does it.
		work := fmt.Sprintf("go 1.25.11\nuse ./%s\nreplace github.com/modelplane/pulumi-modelplane/sdk => %s\n", filepath.Base(dir), filepath.Join(Root(), "sdk"))
		require.NoError(t, os.WriteFile(filepath.Join(beside, "go.work"), []byte(work), 0o600))
	}
	return dir
}

// Configured is a copy of an example in a language, with settings in the stack's own file, as the example's README has them.
func Configured(t testing.TB, example, language string, settings map[string]any) string {
	t.Helper()
	dir := Copy(t, example+"/"+language)
	config := map[string]any{}
	for key, value := range settings {
		config[example+":"+key] = value
	}
	text, err := yaml.Marshal(map[string]any{"config": config})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, SettingsFile), text, 0o600))
	return dir
}

// fresh is a new folder below the one with the installed packages.
func fresh(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp(installed(t), "run-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return folder
}

// installed is the folder with the packages of npm and PyPI and the SDKs.
func installed(t testing.TB) string {
	t.Helper()
	folder := os.Getenv(installedVariable)
	require.NotEmpty(t, folder, "%s is not set; make test-sdk sets it", installedVariable)
	return folder
}

// Environment is that of a reader who has installed what an example asks for, and activated the virtual environment. Nothing
// is downloaded.
func Environment(t testing.TB) map[string]string {
	t.Helper()
	venv := filepath.Join(installed(t), "venv")
	return map[string]string{
		"KUBECONFIG":  os.Getenv("KUBECONFIG"),
		"VIRTUAL_ENV": venv,
		"PATH":        filepath.Join(venv, "bin") + string(filepath.ListSeparator) + os.Getenv("PATH"),
		"GOPROXY":     "off",
	}
}

// Open makes a stack of the program in dir, destroyed when the test ends. Keys of config that begin with "secret:" are set as
// secrets.
func Open(t testing.TB, dir string, config map[string]string) *stack.Stack {
	t.Helper()
	s := stack.Of(t, dir, Environment(t))
	for key, value := range config {
		if name, secret := strings.CutPrefix(key, "secret:"); secret {
			s.SetSecret(t, name, value)
		} else {
			s.SetConfig(t, key, value)
		}
	}
	return s
}

// RequireUnchanged goes up again, which must change nothing.
func RequireUnchanged(t testing.TB, s *stack.Stack) {
	t.Helper()
	again := s.Up()
	require.NoError(t, again.Err, again.Output)
	for _, change := range []string{"create", "update", "replace", "delete"} {
		require.Zero(t, again.Changes[change], again.Output)
	}
}

// Chart is the path of the chart that tests use in place of the published one.
func Chart() string { return filepath.Join(Root(), "tests", "charts", "traefik") }

// BriefChart is that chart, and values with which Traefik ends at once, where nobody's requests have to be spared.
func BriefChart() map[string]any {
	brief := map[string]any{"transport": map[string]any{"lifeCycle": map[string]any{"requestAcceptGraceTimeout": "0s"}}}
	return map[string]any{"name": Chart(), "values": map[string]any{"ports": map[string]any{"web": brief, "websecure": brief}}}
}

// Root is the repository's folder.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(file, "..", "..", "..", "..")
}
