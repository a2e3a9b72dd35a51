package sandbox

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

// Furnish makes the namespaces that this process is the first of fit for a
// plane: with process files and host names of their own, a loopback interface
// that is up, and the addresses of API servers and Nodes on it.
func Furnish(plane localplane.Plane) error {
	// Nothing mounted from here on may show outside.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("the plane's mounts cannot be made private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("the plane cannot have a /proc of its own "+
			"(in a container, /proc must not be masked): %w", err)
	}
	if err := plane.AddHost("localhost", netip.AddrFrom4([4]byte{127, 0, 0, 1})); err != nil {
		return err
	}
	if err := plane.AddHost("localhost", netip.IPv6Loopback()); err != nil {
		return err
	}
	// No name server, so no question for one leaves the plane.
	resolvConf := filepath.Join(plane.Dir, "resolv.conf")
	if err := os.WriteFile(resolvConf, nil, 0o644); err != nil {
		return err
	}
	if err := errors.Join(cover("/etc/hosts", plane.HostsFile()), cover("/etc/resolv.conf", resolvConf)); err != nil {
		return err
	}
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("the plane has no loopback interface: %w", err)
	}
	if err := netlink.LinkSetUp(loopback); err != nil {
		return fmt.Errorf("the plane's loopback interface cannot be brought up: %w", err)
	}
	for _, cluster := range plane.Clusters {
		if err := errors.Join(plane.AddAddress(cluster.APIServer.Addr()), plane.AddAddress(cluster.Node)); err != nil {
			return err
		}
	}
	return nil
}

// cover lays file over target, which stays bare where it does not exist.
func cover(target, file string) error {
	err := unix.Mount(file, target, "", unix.MS_BIND, "")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s cannot be laid over %s: %w", file, target, err)
	}
	return nil
}

// Reap waits until process child ends and returns its exit code, as
// [ExitCode] does. All the while it takes in the processes that their parents
// left behind, which is the duty of process 1. Do not call it in a process that
// uses package os/exec: it would take in the ends that os/exec waits for.
func Reap(child int) int {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case pid == child:
			return ExitCode(status)
		case err != nil && !errors.Is(err, syscall.EINTR):
			return 1
		}
	}
}

// ExitCode is the exit code of a process that has ended, as a shell shows it:
// 128 and the signal's number where a signal ended it.
func ExitCode(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
