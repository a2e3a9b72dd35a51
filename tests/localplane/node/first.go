//go:build linux

package node

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// firstName is what a container's first process is called until it turns into the container's program.
const firstName = "localplane-container"

// first says what the first process of a container does. It is this very program, started in a process namespace of
// the container's own: only a process in there can make the /proc that shows it.
type first struct {
	// Root is the folder that becomes "/", Dir the working directory in it.
	Root, Dir string
	// Program is the path of the container's program, Args are its arguments with its name.
	Program string
	Args    []string
	// User is nil for a container that runs as the agent's own user.
	User *syscall.Credential
}

func init() {
	if os.Args[0] == firstName {
		// Threads may differ in what the kernel keeps for each, such as the signal of a parent's death.
		runtime.LockOSThread()
		fmt.Fprintln(os.Stderr, turn(os.Args[1]))
		os.Exit(127)
	}
}

// args are the arguments by which this program becomes the container's first process.
func (f first) args() []string {
	text, err := json.Marshal(f)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return []string{firstName, string(text)}
}

// turn turns this process into the container's program. It returns only where that fails.
func turn(text string) error {
	var f first
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return err
	}
	if err := unix.Mount("proc", filepath.Join(f.Root, "proc"), "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount the container's /proc: %w", err)
	}
	if err := unix.Chroot(f.Root); err != nil {
		return fmt.Errorf("enter the container's root: %w", err)
	}
	if err := os.Chdir(f.Dir); err != nil {
		return fmt.Errorf("enter the working directory: %w", err)
	}
	if err := f.become(); err != nil {
		return fmt.Errorf("become the container's user: %w", err)
	}
	return fmt.Errorf("start %s: %w", f.Program, syscall.Exec(f.Program, f.Args, os.Environ()))
}

func (f first) become() error {
	if f.User == nil {
		return nil
	}
	groups := make([]int, len(f.User.Groups))
	for i, group := range f.User.Groups {
		groups[i] = int(group)
	}
	if err := syscall.Setgroups(groups); err != nil {
		return err
	}
	if err := syscall.Setgid(int(f.User.Gid)); err != nil {
		return err
	}
	if err := syscall.Setuid(int(f.User.Uid)); err != nil {
		return err
	}
	// A change of user takes it back.
	return unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
}
