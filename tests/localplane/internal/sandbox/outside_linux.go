// Package sandbox puts processes into namespaces of their own. Outside, it
// starts this program again in new ones; inside, it furnishes them and plays the
// part of process 1, with whose end the kernel ends everything in them.
package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// Command returns a command that runs this program again, with args, as process
// 1 of new network, mount and process namespaces. Without root it gets a user
// namespace too, in which the caller is root.
func Command(args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.Command(self, args...)
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
	}
	if os.Getuid() != 0 {
		command.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		command.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		command.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	return command, nil
}

// Start starts what [Command] returned.
func Start(command *exec.Cmd) error {
	err := command.Start()
	switch {
	case errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("this kernel gives no namespaces to user %d (%w): run as root, allow user namespaces "+
			`(see whether "unshare -Urn true" works), or use a cluster of your own by its KUBECONFIG`, os.Getuid(), err)
	case err != nil:
		return fmt.Errorf("the plane's first process: %w", err)
	}
	return nil
}
