//go:build linux

package node

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// preStop calls the container's hook, which check has found to be one of these, while process p still runs.
func (c *container) preStop(ctx context.Context, p *process) error {
	if c.spec.Lifecycle == nil || c.spec.Lifecycle.PreStop == nil {
		return nil
	}
	switch hook := c.spec.Lifecycle.PreStop; {
	case hook.HTTPGet != nil:
		return get(ctx, c.pod.addresses.v4, &c.spec, hook.HTTPGet)
	case hook.Exec != nil:
		return c.execute(ctx, p, hook.Exec.Command)
	default:
		sleep(ctx, time.Duration(hook.Sleep.Seconds)*time.Second)
		return nil
	}
}

// execute runs a command inside the container beside process p, with its variables, and returns when it has ended.
func (c *container) execute(ctx context.Context, p *process, command []string) error {
	var said bytes.Buffer
	cmd := &exec.Cmd{
		Path:   executable(command[0]),
		Args:   command,
		Env:    p.cmd.Env,
		Dir:    c.workingDir(),
		Stdout: &said,
		Stderr: &said,
		// It needs no Pdeathsig: it ends with the first process of its namespace.
		SysProcAttr: &syscall.SysProcAttr{
			Chroot:     c.rootDir(),
			Credential: credential(c.pod.board.current(), &c.spec),
			Setsid:     true,
		},
	}
	started, err := c.pod.box.startBeside(p, cmd)
	if err != nil {
		return fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	select {
	case <-started.exited:
	case <-ctx.Done():
		started.signal(syscall.SIGKILL)
		<-started.exited
	}
	if code := exitCode(started); code != 0 {
		return fmt.Errorf("%s ended with %d: %s", strings.Join(command, " "), code, strings.TrimSpace(said.String()))
	}
	return nil
}

// startBeside starts a command in the process namespace that p is the first process of.
func (s *sandbox) startBeside(p *process, cmd *exec.Cmd) (*process, error) {
	var started *process
	err := s.do(func() error {
		if err := bearInto(p.cmd.Process.Pid); err != nil {
			return err
		}
		err := cmd.Start()
		if err == nil {
			started = watch(cmd)
		}
		// The sandbox's own thread stays where it is; only what it starts is born elsewhere.
		if back := bearInto(os.Getpid()); back != nil {
			panic(fmt.Sprintf("the way back into the plane's own process namespace: %v", back))
		}
		return err
	})
	return started, err
}

// bearInto has the processes that this thread starts be born into the process namespace of another process.
func bearInto(pid int) error {
	namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/pid", pid))
	if err != nil {
		return err
	}
	defer namespace.Close()
	return unix.Setns(int(namespace.Fd()), unix.CLONE_NEWPID)
}
