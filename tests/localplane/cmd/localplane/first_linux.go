package main

import (
	"os"
	"slices"
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
	plane := localplane.Plane{Dir: args[0]}
	if err := sandbox.Furnish(plane); err != nil {
		return 0, err
	}
	environ, err := environ(plane)
	if err != nil {
		return 0, err
	}
	var handedOn []*os.File
	if byHand := len(args) == 1; byHand {
		handedOn = []*os.File{os.NewFile(readyFD, "ready"), os.NewFile(apiFD, "api")}
		// This process alone holds the lock, until the very end of the plane.
		syscall.CloseOnExec(lockFD)
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	child, err := os.StartProcess(self, append([]string{self, planeCommand}, args...), &os.ProcAttr{
		Env:   environ,
		Files: append([]*os.File{os.Stdin, os.Stdout, os.Stderr}, handedOn...),
	})
	if err != nil {
		return 0, err
	}
	for _, file := range handedOn {
		file.Close()
	}
	passSignalsTo(child)
	return sandbox.Reap(child.Pid), nil
}

// environ is the environment of everything that runs in plane.
func environ(plane localplane.Plane) ([]string, error) {
	folder, err := tools.Folder()
	if err != nil {
		return nil, err
	}
	environ := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		// A proxy cannot be reached from within, nor is anything beyond it.
		return slices.Contains([]string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}, strings.ToUpper(name))
	})
	return append(environ,
		localplane.DirVariable+"="+plane.Dir,
		"KUBECONFIG="+plane.Kubeconfig(),
		"PATH="+folder+string(os.PathListSeparator)+os.Getenv("PATH"),
	), nil
}
