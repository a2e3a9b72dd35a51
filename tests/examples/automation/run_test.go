package automation

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/examples/place"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// scene is a service with its two servers, and the program that shifts its traffic.
type scene struct {
	testing.TB
	language, name, url string
	stable, canary      *modelserver.Server

	command, env []string
}

func newScene(t testing.TB, name, language string, command []string) *scene {
	t.Helper()
	reference, url := sharedGateway(t)
	s := &scene{
		TB: t, language: language, name: name + "-" + language,
		stable: harness.Serve(t, modelserver.Options{Name: "stable", Address: ":8000", BasePath: "/v1", Reply: "stable"}),
		canary: harness.Serve(t, modelserver.Options{Name: "canary", Address: ":8000", BasePath: "/v1", Reply: "canary"}),
	}
	s.url = url + "/default/" + s.name + "/v1"
	home := t.TempDir()
	s.env = append(environment(t), "PULUMI_HOME="+home, "PULUMI_BACKEND_URL=file://"+home, "PULUMI_CONFIG_PASSPHRASE=canary",
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true", "PULUMI_SKIP_UPDATE_CHECK=true")
	s.command = append(slices.Clone(command), "--stable", "http://"+s.stable.Address()+"/v1", "--canary", "http://"+s.canary.Address()+"/v1",
		"--gateway", reference, "--model", "test-model", "--name", s.name)
	return s
}

// environment is the reader's, as an exec.Cmd takes it.
func environment(t testing.TB) []string {
	env := os.Environ()
	for key, value := range maps.All(place.Environment(t)) {
		env = append(env, key+"="+value)
	}
	return env
}

// answers is who answers how many of 20 requests to the service.
func (s *scene) answers() map[string]int {
	s.Helper()
	return place.Chats(s, s.language, s.url, 10)
}

// run has the program run to its end, which must be this exit code, and gives what it printed on its standard output.
func (s *scene) run(code int, args ...string) string {
	s.Helper()
	return s.start(args...).end(code)
}

// start starts the program in a process group of its own, as a shell does.
func (s *scene) start(args ...string) *process {
	s.Helper()
	command := slices.Concat(s.command, args)
	p := &process{TB: s.TB, cmd: exec.Command(command[0], command[1:]...)}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = s.env, &p.stdout, &p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(s, p.cmd.Start())
	s.Cleanup(func() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) })
	return p
}

// process is a program that runs.
type process struct {
	testing.TB
	cmd            *exec.Cmd
	stdout, stderr text
}

// until waits until the program has printed this.
func (p *process) until(printed string) {
	p.Helper()
	if !assert.Eventually(p, func() bool { return strings.Contains(p.stdout.String(), printed) }, 30*time.Second, 5*time.Millisecond) {
		p.Fatalf("the program did not print %q, but:\n%s%s", printed, &p.stdout, &p.stderr)
	}
}

func (p *process) end(code int) string {
	p.Helper()
	_ = p.cmd.Wait()
	p.Logf("stdout:\n%s\nstderr:\n%s", &p.stdout, &p.stderr)
	assert.Equal(p, code, p.cmd.ProcessState.ExitCode())
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
