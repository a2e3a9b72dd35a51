package localplane_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/kubernetes"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

// cli is the command under test, built for these tests.
var cli string

func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "localplane-test-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	cli = filepath.Join(dir, "localplane")
	if output, err := exec.Command("go", "build", "-o", cli, "./cmd/localplane").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the command: %w\n%s", err, output)
	}
	return m.Run(), nil
}

// insidePlane runs test in a plane: in the one around this process, or else by
// running the same test again in a new one.
func insidePlane(t *testing.T, test func(*testing.T, localplane.Plane, kubernetes.Interface)) {
	plane, err := localplane.Here()
	if err != nil {
		runAgain(t, nil, "run")
		return
	}
	test(t, plane, clientOf(t, plane.First()))
}

// runAgain runs the same test in a new plane, started with args.
func runAgain(t *testing.T, environ []string, args ...string) {
	outcome := runCLI(t, environ, append(args, "--", os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$")...)
	require.Zero(t, outcome.code, "%s%s", outcome.stdout, outcome.stderr)
	require.Contains(t, outcome.stdout, "--- PASS: "+t.Name())
	t.Log(outcome.stdout)
}

func clientOf(t *testing.T, cluster localplane.Cluster) kubernetes.Interface {
	client, err := cluster.Client()
	require.NoError(t, err)
	return client
}

// outcome is how a command ended.
type outcome struct {
	code           int
	stdout, stderr string
}

// runCLI runs the command under test to its end, with environ beside the environment.
func runCLI(t *testing.T, environ []string, args ...string) outcome {
	command := exec.CommandContext(t.Context(), cli, args...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	command.Env = append(os.Environ(), environ...)
	err := command.Run()
	if err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError))
	}
	return outcome{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}
