//go:build linux

package node

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// sandbox holds the namespaces of one Pod: network, mounts and host name.
//
// It is an operating system thread that has left the plane's namespaces, so what it starts is born in the Pod's. The
// thread lives as long as the Pod: processes ask to be killed when the thread that started them ends (Pdeathsig), and
// when thread and processes are gone, the kernel takes back namespaces, mounts and addresses, however the agent ended.
type sandbox struct {
	// network is an open file of the network namespace.
	network netns.NsHandle

	calls chan func()
	ended chan struct{}
}

func newSandbox(hostname string) (*sandbox, error) {
	box := &sandbox{calls: make(chan func()), ended: make(chan struct{})}
	go onOwnThread(func() {
		defer close(box.ended)
		for call := range box.calls {
			call()
		}
	})
	err := box.do(func() (err error) {
		box.network, err = leavePlane(hostname)
		return err
	})
	if err != nil {
		box.close()
		return nil, err
	}
	return box, nil
}

// leavePlane gives the calling thread namespaces of its own and returns its network namespace.
func leavePlane(hostname string) (netns.NsHandle, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWUTS); err != nil {
		return netns.None(), fmt.Errorf("make the Pod's namespaces: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return netns.None(), fmt.Errorf("keep the Pod's mounts to itself: %w", err)
	}
	if err := unix.Sethostname([]byte(hostname)); err != nil {
		return netns.None(), fmt.Errorf("set the Pod's host name: %w", err)
	}
	// As container runtimes do, so that a container needs no root to listen on port 80.
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_unprivileged_port_start", []byte("0"), 0); err != nil {
		return netns.None(), fmt.Errorf("allow the Pod to listen on low ports: %w", err)
	}
	return netns.Get()
}

// do calls f on the sandbox's thread and returns its error.
func (s *sandbox) do(f func() error) error {
	result := make(chan error, 1)
	s.calls <- func() { result <- f() }
	return <-result
}

// start starts a process in the sandbox.
func (s *sandbox) start(cmd *exec.Cmd) (*process, error) {
	if err := s.do(cmd.Start); err != nil {
		return nil, err
	}
	return watch(cmd), nil
}

// watch waits for a started command to end.
func watch(cmd *exec.Cmd) *process {
	p := &process{cmd: cmd, exited: make(chan struct{})}
	go func() {
		defer close(p.exited)
		// The error only repeats what ProcessState says.
		_ = cmd.Wait()
		// What the process left behind belongs to its group and ends with it.
		p.signal(syscall.SIGKILL)
	}()
	return p
}

// close ends the sandbox; its processes must have ended.
func (s *sandbox) close() {
	close(s.calls)
	<-s.ended
	if s.network.IsOpen() {
		s.network.Close()
	}
}

// process is a started process that leads a process group.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

// signal sends a signal to the process and its descendants, unless they have ended.
func (p *process) signal(sig syscall.Signal) {
	select {
	case <-p.exited:
	default:
		_ = syscall.Kill(-p.cmd.Process.Pid, sig)
	}
}

// onOwnThread calls f on a thread that ends with it. That must not be the process's first thread, which cannot end
// and which speaks for the whole process in /proc: it is held back while another goroutine takes a thread of its own.
func onOwnThread(f func()) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		f()
		return
	}
	defer runtime.UnlockOSThread()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		f()
	}()
	<-done
}
