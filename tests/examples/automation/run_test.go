package automation

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/examples/exampletest"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// patience is how long a loaded machine may take to print a line, or to end.
const patience = 3 * time.Minute

// trial is a service with its two servers, and the program that shifts its traffic.
type trial struct {
	testing.TB
	program

	name, url, kubeconfig string
	stable, canary        *modelserver.Server
	env, args             []string
}

func newTrial(t testing.TB, p program, name string) *trial {
	t.Helper()
	home := t.TempDir()
	require.NoError(t, stack.TurnLogOff(home))
	s := &trial{
		TB: t, program: p, name: name + "-" + p.language, kubeconfig: filepath.Join(home, "kubeconfig"),
		stable: harness.Serve(t, modelserver.Options{Name: "stable", Address: ":8000", BasePath: "/v1", Reply: "stable"}),
		canary: harness.Serve(t, modelserver.Options{Name: "canary", Address: ":8000", BasePath: "/v1", Reply: "canary"}),
	}
	s.connect()
	s.url = p.url + "/default/" + s.name + "/v1"
	s.env = append(environment(t), "KUBECONFIG="+s.kubeconfig, "PULUMI_HOME="+home, "PULUMI_BACKEND_URL=file://"+home,
		"PULUMI_CONFIG_PASSPHRASE=canary", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true", "PULUMI_SKIP_UPDATE_CHECK=true")
	s.args = []string{
		"--stable", "http://" + s.stable.Address() + "/v1", "--canary", "http://" + s.canary.Address() + "/v1",
		"--gateway", p.reference, "--model", "test-model", "--name", s.name,
	}
	return s
}

// environment is the reader's, as an exec.Cmd takes it.
func environment(t testing.TB) []string {
	env := os.Environ()
	for key, value := range exampletest.Environment(t) {
		env = append(env, key+"="+value)
	}
	return env
}

// connect lets Pulumi reach the cluster.
func (s *trial) connect() {
	s.Helper()
	text, err := os.ReadFile(harness.Plane.Kubeconfig())
	require.NoError(s, err)
	require.NoError(s, os.WriteFile(s.kubeconfig, text, 0o600))
}

// disconnect cuts Pulumi off from the cluster, but not the traffic.
func (s *trial) disconnect() {
	s.Helper()
	require.NoError(s, os.WriteFile(s.kubeconfig, nil, 0o600))
}

// answers is who answers how many of 20 requests to the service.
func (s *trial) answers() map[string]int {
	s.Helper()
	return exampletest.Chats(s, s.language, s.url, 10)
}

// run has the program run to its end, which must be this exit code, and gives what it printed on its standard output.
func (s *trial) run(code int, args ...string) string {
	s.Helper()
	return s.start(args...).end(code)
}

// start starts the program in a process group of its own, as a shell does.
func (s *trial) start(args ...string) *process {
	s.Helper()
	command := slices.Concat(s.command, s.args, args)
	p := &process{TB: s.TB, cmd: exec.Command(command[0], command[1:]...), ended: make(chan struct{})}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = s.env, &p.stdout, &p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// What the program leaves behind may hold its output open.
	p.cmd.WaitDelay = time.Second
	require.NoError(s, p.cmd.Start())
	s.Cleanup(func() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) })
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	return p
}

// process is a program that runs.
type process struct {
	testing.TB
	cmd            *exec.Cmd
	stdout, stderr text
	ended          chan struct{}
}

// until waits until the program has printed this.
func (p *process) until(printed string) {
	p.Helper()
	has := func() bool { return strings.Contains(p.stdout.String()+p.stderr.String(), printed) }
	if !assert.Eventually(p, has, patience, 5*time.Millisecond) {
		p.Fatalf("the program did not print %q, but:\n%s%s", printed, &p.stdout, &p.stderr)
	}
}

// interrupt does what Ctrl-C in a terminal does.
func (p *process) interrupt() {
	p.Helper()
	require.NoError(p, syscall.Kill(-p.cmd.Process.Pid, syscall.SIGINT))
}

// terminate does what kill, Kubernetes and most pipelines do.
func (p *process) terminate() {
	p.Helper()
	require.NoError(p, p.cmd.Process.Signal(syscall.SIGTERM))
}

// end waits for this exit code, and gives what the program printed on its standard output.
func (p *process) end(code int) string {
	p.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.Fatalf("the program does not end:\n%s%s", &p.stdout, &p.stderr)
	}
	p.Logf("%s%s", &p.stdout, &p.stderr)
	require.Equal(p, code, p.cmd.ProcessState.ExitCode())
	return p.stdout.String()
}

// text is written by one goroutine and read by another.
type text struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (t *text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buffer.Write(p)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buffer.String()
}
