package localplane_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// It would catch a test run that succeeds although its tests failed.
func TestExitCodeOfTheCommandIsPassedOn(t *testing.T) {
	require.Equal(t, 7, runCLI(t, nil, "run", "--", "sh", "-c", "exit 7").code)
	require.Equal(t, 128+int(syscall.SIGKILL), runCLI(t, nil, "run", "--", "sh", "-c", "kill -KILL $$").code)
}

// It would catch a test run that cannot be told to end, or whose plane stays.
func TestSignalsReachTheCommand(t *testing.T) {
	plane := startWaiting(t, `trap "exit 9" TERM`, "run")
	require.NoError(t, plane.process.Process.Signal(syscall.SIGTERM))
	_ = plane.process.Wait()
	require.Equal(t, 9, plane.process.ProcessState.ExitCode())
	require.Empty(t, processesOf(t, plane.dir))
	require.NoDirExists(t, plane.dir)
}

// It would catch servers that are left behind, with their ports and memory, by
// a test run that was killed: nothing is asked to end here.
func TestKillingTheParentLeavesNoProcess(t *testing.T) {
	plane := startWaiting(t, "", "run", "--clusters=east")
	require.GreaterOrEqual(t, len(processesOf(t, plane.dir)), 10, "the plane's two processes and four servers of each cluster")
	require.NoError(t, plane.process.Process.Kill())
	require.Eventually(t, func() bool { return len(processesOf(t, plane.dir)) == 0 }, patience, 20*time.Millisecond)
	require.NoError(t, os.RemoveAll(plane.dir))
}

// It would catch planes that share anything: a port, a folder, an object.
func TestPlanesRunSideBySide(t *testing.T) {
	both := t.TempDir()
	// Each makes the same file in its own folder, and ends once both are up.
	script := `touch ` + both + `/$1 && until [ -e ` + both + `/a ] && [ -e ` + both + `/b ]; do sleep 0.1; done
		[ ! -e $MODELPLANE_PLANE/mine ] && touch $MODELPLANE_PLANE/mine && echo $MODELPLANE_PLANE`
	var outcomes [2]outcome
	var group sync.WaitGroup
	for i, name := range []string{"a", "b"} {
		group.Go(func() { outcomes[i] = runCLI(t, nil, "run", "--", "sh", "-c", script, "sh", name) })
	}
	group.Wait()
	for _, outcome := range outcomes {
		require.Zero(t, outcome.code, "%s", outcome.stderr)
	}
	require.NotEqual(t, outcomes[0].stdout, outcomes[1].stdout)
}

// It would catch process 1 neglecting its duty: what its children leave behind
// would pile up until no process can be started any more.
func TestOrphansAreTakenIn(t *testing.T) {
	outcome := runCLI(t, nil, "run", "--", "sh", "-c",
		`(sh -c "sleep 0.2" &); sleep 1; grep -l "^State:.*Z" /proc/[0-9]*/status && exit 1; exit 0`)
	require.Zero(t, outcome.code, "zombies: %s", outcome.stdout)
}

// It would catch a failure that cannot be told from a failed test, or that
// leaves its reader to look for the reason.
func TestFailingComponentIsShownWithTheEndOfItsLog(t *testing.T) {
	tools := t.TempDir()
	outcome := runCLI(t, []string{"MODELPLANE_TOOLS=" + tools, "KUBEBUILDER_ASSETS="}, "run", "--", "true")
	require.Equal(t, 125, outcome.code)
	require.Contains(t, outcome.stderr, "etcd is not in the tools folder "+tools)

	broken := "#!/bin/sh\necho the disk is on fire\nexit 3\n"
	require.NoError(t, os.WriteFile(filepath.Join(tools, "etcd"), []byte(broken), 0o755))
	outcome = runCLI(t, []string{"MODELPLANE_TOOLS=" + tools, "KUBEBUILDER_ASSETS="}, "run", "--", "true")
	require.Equal(t, 125, outcome.code)
	require.Contains(t, outcome.stderr, "etcd ended (exit status 3)")
	require.Contains(t, outcome.stderr, "the disk is on fire")

	broken = "#!/bin/sh\ncase \"$*\" in *--name=east*) echo the disk is wet; exit 3;; esac\nsleep 60\n"
	require.NoError(t, os.WriteFile(filepath.Join(tools, "etcd"), []byte(broken), 0o755))
	outcome = runCLI(t, []string{"MODELPLANE_TOOLS=" + tools, "KUBEBUILDER_ASSETS="}, "run", "--clusters=west,east", "--", "true")
	require.Equal(t, 125, outcome.code)
	require.Contains(t, outcome.stderr, "cluster east: etcd ended (exit status 3)")
	require.Contains(t, outcome.stderr, "the disk is wet")
}

// It would catch tests that go on, and fail without a reason, when a server of
// their plane has ended.
func TestEndOfAComponentEndsThePlane(t *testing.T) {
	outcome := runCLI(t, nil, "run", "--", "sh", "-c",
		`for p in /proc/[0-9]*; do grep -q ^kube-scheduler $p/comm && kill -KILL ${p#/proc/}; done; sleep 60`)
	require.Equal(t, 125, outcome.code)
	require.Contains(t, outcome.stderr, "kube-scheduler ended (signal: killed)")
}

// waiting is a plane whose command waits.
type waiting struct {
	process *exec.Cmd
	dir     string
}

// startWaiting starts a plane with args and returns once its command, which begins with script, runs.
func startWaiting(t *testing.T, script string, args ...string) waiting {
	command := exec.Command(cli, append(args, "--", "sh", "-c", script+"\necho $MODELPLANE_PLANE\nwhile true; do sleep 0.1; done")...)
	command.Stderr = os.Stderr
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	said := make([]byte, 4096)
	n, err := stdout.Read(said)
	require.NoError(t, err, "the plane has failed; standard error says why")
	return waiting{process: command, dir: strings.TrimSpace(string(said[:n]))}
}

// processesOf returns the command lines of all processes that name dir.
func processesOf(t *testing.T, dir string) []string {
	require.NotEmpty(t, dir)
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	var processes []string
	for _, file := range files {
		// A process may end while its file is read.
		if line, _ := os.ReadFile(file); bytes.Contains(line, []byte(dir)) {
			processes = append(processes, string(line))
		}
	}
	return processes
}
