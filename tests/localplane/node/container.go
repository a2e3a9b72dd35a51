//go:build linux

package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A container that ends is started again after a wait that doubles from firstRestart up to lastRestart, and is
// firstRestart again once the container has run for calmAfter. A kubelet waits longer; a test should not have to.
const (
	firstRestart = time.Second
	lastRestart  = 30 * time.Second
	calmAfter    = time.Minute
)

// container runs one container of a Pod, again and again if its policy says so.
type container struct {
	pod    *pod
	spec   corev1.Container
	policy corev1.RestartPolicy
	// serves is false for init containers, which are never ready and have neither probes nor hooks.
	serves bool

	// logged is closed when everything that the process has written is in its log.
	logged <-chan struct{}
}

// run returns when the container has ended for good, and tells whether it succeeded.
func (c *container) run() bool {
	wait := firstRestart
	for c.pod.serving.Err() == nil {
		began := time.Now()
		code, err := c.runOnce()
		switch {
		case err != nil:
			c.wait(err)
		case c.policy == corev1.RestartPolicyNever, c.policy == corev1.RestartPolicyOnFailure && code == 0:
			return code == 0
		case c.pod.serving.Err() != nil:
			return false
		default:
			c.waitAgain(wait)
		}
		if time.Since(began) > calmAfter {
			wait = firstRestart
		}
		sleep(c.pod.serving, wait)
		wait = min(2*wait, lastRestart)
	}
	return false
}

// runOnce starts the container and returns its exit code, or an error if it did not start.
func (c *container) runOnce() (int, error) {
	p, err := c.start()
	if err != nil {
		return 0, err
	}
	began := metav1.Now()
	c.pod.board.container(c.spec.Name, func(status *corev1.ContainerStatus) {
		if status.LastTerminationState.Terminated != nil {
			status.RestartCount++
		}
		started := c.spec.StartupProbe == nil
		status.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: began}}
		status.Started = &started
		status.Ready = c.serves && started && c.spec.ReadinessProbe == nil
	})
	c.pod.tell("Started", "Container %s started", c.spec.Name)

	c.attend(p)
	<-c.logged

	code := exitCode(p)
	reason := "Completed"
	if code != 0 {
		reason = "Error"
	}
	stopped := false
	c.pod.board.container(c.spec.Name, func(status *corev1.ContainerStatus) {
		status.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: int32(code), Reason: reason, StartedAt: began, FinishedAt: metav1.Now(),
		}}
		status.Started = &stopped
		status.Ready = !c.serves && code == 0
	})
	return code, nil
}

// start makes the container's root and starts its process there.
func (c *container) start() (*process, error) {
	a, object := c.pod.agent, c.pod.board.current()
	image, err := findImage(a.cfg.Images, c.spec.Image)
	if err != nil {
		return nil, err
	}
	env, err := a.resolve(c.pod.serving, object, &c.spec)
	if err != nil {
		return nil, &startError{"CreateContainerConfigError", err.Error()}
	}
	mounts, err := c.pod.volumes.mounts(&c.spec, env)
	if err != nil {
		return nil, &startError{"CreateContainerConfigError", err.Error()}
	}
	r := root{
		dir: c.rootDir(), image: image, hosts: a.cfg.HostsFile, extraCAs: a.cfg.CAFile,
		names: a.resolvConf(object.Namespace), shm: c.pod.shmDir(), mounts: mounts,
	}
	if err := c.pod.box.do(r.build); err != nil {
		return nil, &startError{"RunContainerError", err.Error()}
	}
	p, err := c.startIn(r, env)
	if err != nil {
		return nil, &startError{"RunContainerError", err.Error()}
	}
	return p, nil
}

// startIn starts the container's command in its root.
func (c *container) startIn(r root, env *environment) (*process, error) {
	object := c.pod.board.current()
	command := env.expandAll(c.spec.Command)
	if len(command) == 0 {
		command = r.image.Entrypoint
	}
	args := append(slices.Clone(command), env.expandAll(c.spec.Args)...)
	program := executable(args[0])
	// Only the Pod sees what is mounted in the root.
	err := c.pod.box.do(func() error { _, err := os.Stat(filepath.Join(r.dir, program)); return err })
	if err != nil {
		return nil, fmt.Errorf("start %s: the image has no such program", program)
	}
	user := credential(object, &c.spec)
	out, err := newOutput(c.pod.agent.logFile(object, c.spec.Name), user)
	if err != nil {
		return nil, err
	}
	defer out.writer.Close()
	cmd := &exec.Cmd{
		Path:   "/proc/self/exe",
		Args:   first{Root: r.dir, Dir: c.workingDir(), Program: program, Args: args, User: user}.args(),
		Env:    env.list(),
		Stdout: out.writer,
		Stderr: out.writer,
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWPID,
			Setsid:     true,
			Pdeathsig:  syscall.SIGKILL,
		},
	}
	p, err := c.pod.box.start(cmd)
	if err != nil {
		return nil, err
	}
	c.logged = out.copied
	return p, nil
}

func (c *container) rootDir() string    { return filepath.Join(c.pod.dir, "containers", c.spec.Name) }
func (c *container) workingDir() string { return path.Join("/", c.spec.WorkingDir) }

// wait notes why the container does not run yet, with an event when the reason is a new one.
func (c *container) wait(err error) {
	reason, message := "RunContainerError", err.Error()
	if failure, ok := errors.AsType[*startError](err); ok {
		reason = failure.reason
	}
	isNew := false
	c.pod.board.container(c.spec.Name, func(status *corev1.ContainerStatus) {
		before := status.State.Waiting
		isNew = before == nil || before.Message != message
		status.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
		status.Ready = false
	})
	if isNew && c.pod.serving.Err() == nil {
		c.pod.warn("Failed", fmt.Sprintf("container %s: %s: %s", c.spec.Name, reason, message))
	}
}

// waitAgain notes that the ended container will be started again.
func (c *container) waitAgain(wait time.Duration) {
	message := fmt.Sprintf("back-off %s restarting container %s", wait, c.spec.Name)
	c.pod.board.container(c.spec.Name, func(status *corev1.ContainerStatus) {
		status.LastTerminationState = status.State
		status.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: message}}
	})
	c.pod.warn("BackOff", message)
}

// executable finds a command as a shell in the container would: what has no slash is the image's binary.
func executable(command string) string {
	if strings.Contains(command, "/") {
		return command
	}
	return path.Join(binaryFolder, command)
}

// exitCode is 128 and the signal's number for a process that a signal ended, as shells have it.
func exitCode(p *process) int {
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return p.cmd.ProcessState.ExitCode()
}
