// Package stack runs a Pulumi program, most often one in YAML, with the real Pulumi CLI, engine and plugins, against whatever cluster KUBECONFIG
// points to.
package stack

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optrefresh"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optrename"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/require"
)

// SkipCheckpoints is the variable by which Pulumi writes the state once for each operation. Writing it after each step takes a good part of the
// processor's time where CRDs are among the objects. Stacks here have it unless it is set to false.
const SkipCheckpoints = "PULUMI_SKIP_CHECKPOINTS"

// passphrase encrypts the secrets of a stack's state.
const passphrase = "correct horse battery staple"

// Stack is one stack with a program of its own and its state in a folder.
type Stack struct {
	// Dir holds the program, Home what Pulumi keeps, with the state below Home/state.
	Dir, Home string
	// Log is everything that the CLI has printed.
	Log bytes.Buffer

	auto auto.Stack
}

// Result is how an operation of the CLI ended.
type Result struct {
	// Output is what the CLI printed.
	Output string
	// Err is nil where it succeeded.
	Err error
	// Changes counts the resources by what was, or would be, done with them: create, update, replace, same…
	Changes map[string]int
}

// New makes a stack of a project called name, which is destroyed when the test ends. Env is added to the environment of
// the CLI.
func New(t testing.TB, name string, env map[string]string) *Stack {
	t.Helper()
	s, err := Open(t.TempDir(), name, env)
	require.NoError(t, err)
	s.destroyAfter(t)
	return s
}

// Of makes a stack of the program in dir, in whatever language, which is destroyed when the test ends. Env is
// added to the environment of the CLI.
func Of(t testing.TB, dir string, env map[string]string) *Stack {
	t.Helper()
	s := &Stack{Dir: dir, Home: t.TempDir()}
	require.NoError(t, s.open(env))
	s.destroyAfter(t)
	return s
}

// Open makes a stack of a project called name below dir, and leaves its end to the caller.
func Open(dir, name string, env map[string]string) (*Stack, error) {
	s := &Stack{Dir: filepath.Join(dir, name), Home: filepath.Join(dir, name+"-home")}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, err
	}
	if err := s.write("name: " + name + "\nruntime: yaml\n"); err != nil {
		return nil, err
	}
	return s, s.open(env)
}

func (s *Stack) open(env map[string]string) error {
	state := filepath.Join(s.Home, "state")
	if err := os.MkdirAll(state, 0o700); err != nil {
		return err
	}
	if err := TurnLogOff(s.Home); err != nil {
		return err
	}
	vars := map[string]string{
		"PULUMI_BACKEND_URL":                          "file://" + state,
		"PULUMI_CONFIG_PASSPHRASE":                    passphrase,
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
		"PULUMI_SKIP_UPDATE_CHECK":                    "true",
		SkipCheckpoints:                               cmp.Or(os.Getenv(SkipCheckpoints), "true"),
	}
	maps.Copy(vars, env)
	if vars[SkipCheckpoints] == "true" {
		// Without it, Pulumi does not heed that variable.
		vars["PULUMI_EXPERIMENTAL"] = "true"
	}
	var err error
	s.auto, err = auto.UpsertStackLocalSource(context.Background(), "test", s.Dir, auto.PulumiHome(s.Home), auto.EnvVars(vars))
	return err
}

// AutomaticLog is where Pulumi keeps its log of every property of every step.
func (s *Stack) AutomaticLog() string { return automaticLog(s.Home) }

// TurnLogOff turns that log off for a PULUMI_HOME, which may be a new one, by an empty file in place of the log's folder. The log takes most of an
// operation's time where CRDs are among the objects.
func TurnLogOff(home string) error {
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	return os.WriteFile(automaticLog(home), nil, 0o600)
}

func automaticLog(home string) string { return filepath.Join(home, "logs") }

func (s *Stack) destroyAfter(t testing.TB) {
	t.Cleanup(func() {
		if result := s.Destroy(); result.Err != nil {
			t.Errorf("destroy: %s", result.Output)
		}
	})
}

// Write replaces the program.
func (s *Stack) Write(t testing.TB, program string) {
	t.Helper()
	require.NoError(t, s.write(program))
}

func (s *Stack) write(program string) error {
	return os.WriteFile(filepath.Join(s.Dir, "Pulumi.yaml"), []byte(program), 0o600)
}

// SetSecret sets a secret of the stack's configuration.
func (s *Stack) SetSecret(t testing.TB, key, value string) {
	t.Helper()
	require.NoError(t, s.auto.SetConfig(context.Background(), key, auto.ConfigValue{Value: value, Secret: true}))
}

// SetConfig sets a value of the stack's configuration.
func (s *Stack) SetConfig(t testing.TB, key, value string) {
	t.Helper()
	require.NoError(t, s.auto.SetConfig(context.Background(), key, auto.ConfigValue{Value: value}))
}

// Up runs pulumi up.
func (s *Stack) Up() Result {
	var out output
	up, err := s.auto.Up(context.Background(), optup.ProgressStreams(&out), optup.ErrorProgressStreams(&out))
	result := s.result(&out, err)
	if up.Summary.ResourceChanges != nil {
		result.Changes = *up.Summary.ResourceChanges
	}
	return result
}

// MustUp runs pulumi up, which must succeed, and gives the stack's outputs.
func (s *Stack) MustUp(t testing.TB, program string) map[string]any {
	t.Helper()
	s.Write(t, program)
	result := s.Up()
	require.NoError(t, result.Err, result.Output)
	return s.Outputs(t)
}

// Outputs are the stack's outputs, secrets included.
func (s *Stack) Outputs(t testing.TB) map[string]any {
	t.Helper()
	outputs, err := s.auto.Outputs(context.Background())
	require.NoError(t, err)
	values := map[string]any{}
	for name, output := range outputs {
		values[name] = output.Value
	}
	return values
}

// Preview runs pulumi preview.
func (s *Stack) Preview() Result {
	var out output
	preview, err := s.auto.Preview(context.Background(), optpreview.ProgressStreams(&out), optpreview.ErrorProgressStreams(&out), optpreview.Diff())
	result := s.result(&out, err)
	for kind, count := range preview.ChangeSummary {
		result.Changes[string(kind)] = count
	}
	return result
}

// Refresh runs pulumi refresh.
func (s *Stack) Refresh() Result {
	var out output
	refresh, err := s.auto.Refresh(context.Background(), optrefresh.ProgressStreams(&out), optrefresh.ErrorProgressStreams(&out))
	result := s.result(&out, err)
	if refresh.Summary.ResourceChanges != nil {
		result.Changes = *refresh.Summary.ResourceChanges
	}
	return result
}

// Destroy runs pulumi destroy.
func (s *Stack) Destroy() Result {
	var out output
	_, err := s.auto.Destroy(context.Background(), optdestroy.ProgressStreams(&out), optdestroy.ErrorProgressStreams(&out))
	return s.result(&out, err)
}

// Run runs the CLI with args, and gives all that it printed.
func (s *Stack) Run(t testing.TB, args ...string) string {
	t.Helper()
	workspace := s.auto.Workspace()
	env := []string{"PULUMI_HOME=" + s.Home}
	for name, value := range workspace.GetEnvVars() {
		env = append(env, name+"="+value)
	}
	var out output
	_, _, _, err := workspace.PulumiCommand().Run(context.Background(), s.Dir, nil, []io.Writer{&out}, []io.Writer{&out}, env, args...)
	require.NoError(t, err, out.text.String())
	return out.text.String()
}

// State is the stack's state as it is on disk.
func (s *Stack) State(t testing.TB) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.Home, "state", ".pulumi", "stacks", "*", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var all bytes.Buffer
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		all.Write(text)
	}
	return all.String()
}

// Rename gives the stack another name, below which its state goes on.
func (s *Stack) Rename(t testing.TB, name string) {
	t.Helper()
	// The SDK fails afterwards, because it asks for the history of the stack under its old name.
	_, _ = s.auto.Rename(context.Background(), optrename.StackName(name))
	var err error
	s.auto, err = auto.SelectStack(context.Background(), name, s.auto.Workspace())
	require.NoError(t, err)
}

// Export is the stack's state in the form that Import takes.
func (s *Stack) Export(t testing.TB) apitype.UntypedDeployment {
	t.Helper()
	state, err := s.auto.Export(context.Background())
	require.NoError(t, err)
	return state
}

// Import replaces the stack's state.
func (s *Stack) Import(t testing.TB, state apitype.UntypedDeployment) {
	t.Helper()
	require.NoError(t, s.auto.Import(context.Background(), state))
}

func (s *Stack) result(out *output, err error) Result {
	s.Log.WriteString(out.text.String())
	return Result{Output: out.text.String(), Err: err, Changes: map[string]int{}}
}

// output takes what the CLI prints on both of its streams, which are copied by a goroutine each.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}
