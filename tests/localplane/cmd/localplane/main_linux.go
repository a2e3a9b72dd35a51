// Command localplane starts and stops local Kubernetes control planes; package
// localplane says what one is.
package main

import (
	"fmt"
	"os"
	"runtime"
)

const usage = `localplane starts and stops Kubernetes control planes on this machine.

  localplane run [--clusters NAMES] [--] COMMAND…
                                 starts a plane, runs COMMAND in it, stops the plane
  localplane up [--clusters NAMES]
                                 starts a plane in the background
  localplane down                stops it
  localplane exec [--] COMMAND…  runs COMMAND in it
  localplane kubeconfig          prints a kubeconfig for it that works outside of it

A plane has a cluster called localplane, and a workload cluster beside it for
each of NAMES, as in east,west. Each is a context of the kubeconfig.

COMMAND finds KUBECONFIG set and the tools first on its PATH. Its exit code is
that of localplane; where the plane fails, that is 125.

  MODELPLANE_TOOLS     the folder of the tools (by default modelplane/bin in the user's cache folder)
  KUBEBUILDER_ASSETS   a folder that goes before it for etcd and kube-apiserver
  MODELPLANE_KEEP=1    run keeps the plane's folder, with its logs, and says where it is
`

// planeFailed is the exit code where the plane fails, as opposed to the command in it.
const planeFailed = 125

var commands = map[string]func(args []string) (exitCode int, err error){
	"run":        run,
	"up":         up,
	"down":       down,
	"exec":       execute,
	"kubeconfig": kubeconfig,

	// These two make up a plane, and only localplane itself calls them.
	firstCommand: first,
	planeCommand: plane,
}

func init() {
	// The kernel ends a plane when the thread that started it ends (see run). The
	// main thread lives as long as the process.
	runtime.LockOSThread()
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	exitCode, err := commands[os.Args[1]](os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "localplane:", err)
		exitCode = planeFailed
	}
	os.Exit(exitCode)
}
