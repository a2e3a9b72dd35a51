package main

import (
	"errors"
	"os"
	"strings"
	"syscall"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
	"github.com/modelplane/pulumi-modelplane/tests/localplane/internal/sandbox"
	"github.com/modelplane/pulumi-modelplane/tests/localplane/internal/tools"
)

const firstCommand = "_first"

// first is process 1 of a plane. It furnishes the namespaces and starts the
// plane itself as its child, which leaves it free to take in orphans. Its
// arguments are the plane's folder and the command to run in the plane; without
// a command it is a plane by hand, see up.
func first(args []string) (int, error) {
	plane, err := localplane.In(args[0])
	if err != nil {
		return 0, err
	}
	if err := sandbox.Furnish(plane); err != nil {
		return 0, err
	}
	if err := setEnvironment(plane); err != nil {
		return 0, err
	}
	var handedOn []*os.File
	if byHand := len(args) == 1; byHand {
		handedOn = []*os.File{os.NewFile(readyFD, "ready")}
		for i := range plane.Clusters {
			handedOn = append(handedOn, os.NewFile(uintptr(apiFD+i), "api"))
		}
		// This process alone holds the lock, until the very end of the plane.
		syscall.CloseOnExec(apiFD + len(plane.Clusters))
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	signals := catchSignals()
	child, err := os.StartProcess(self, append([]string{self, planeCommand}, args...), &os.ProcAttr{
		Files: append([]*os.File{os.Stdin, os.Stdout, os.Stderr}, handedOn...),
	})
	if err != nil {
		return 0, err
	}
	for _, file := range handedOn {
		file.Close()
	}
	go passSignals(signals, child)
	return sandbox.Reap(child.Pid), nil
}

// setEnvironment gives this process, for those that it starts, the environment
// of everything that runs in plane.
func setEnvironment(plane localplane.Plane) error {
	folder, err := tools.Folder()
	if err != nil {
		return err
	}
	// A proxy cannot be reached from within, nor is anything beyond it.
	for _, proxy := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"} {
		os.Unsetenv(proxy)
		os.Unsetenv(strings.ToLower(proxy))
	}
	var kubeconfigs []string
	for _, cluster := range plane.Clusters {
		kubeconfigs = append(kubeconfigs, cluster.Kubeconfig())
	}
	return errors.Join(
		os.Setenv(localplane.DirVariable, plane.Dir),
		// The first one's context is the current one.
		os.Setenv("KUBECONFIG", strings.Join(kubeconfigs, string(os.PathListSeparator))),
		os.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH")),
	)
}
