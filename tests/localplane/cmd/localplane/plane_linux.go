package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/term"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
	"github.com/modelplane/pulumi-modelplane/tests/localplane/balancer"
	"github.com/modelplane/pulumi-modelplane/tests/localplane/dns"
	"github.com/modelplane/pulumi-modelplane/tests/localplane/internal/controlplane"
	"github.com/modelplane/pulumi-modelplane/tests/localplane/internal/relay"
	"github.com/modelplane/pulumi-modelplane/tests/localplane/node"
)

const planeCommand = "_plane"

// plane is the plane itself, in the namespaces that first has furnished and
// with the same arguments. It stops nothing: with its end comes that of all.
func plane(args []string) (int, error) {
	plane, command := localplane.Plane{Dir: args[0]}, args[1:]
	byHand := len(command) == 0
	if byHand {
		syscall.CloseOnExec(readyFD)
		syscall.CloseOnExec(apiFD)
	}
	failed, err := start(plane)
	if err != nil {
		return 0, err
	}
	if byHand {
		return 0, serveOutside(failed)
	}
	return runCommand(command, failed)
}

// start starts everything that a plane consists of and returns once it is ready
// for use. Whatever fails of it later is sent to failed.
func start(plane localplane.Plane) (failed <-chan error, err error) {
	ctx := context.Background()
	failures := make(chan error, 4)
	control, err := controlplane.Start(ctx, plane)
	if err != nil {
		return nil, err
	}
	go func() { failures <- control.Wait() }()
	go func() {
		failures <- balancer.Run(ctx, balancer.Config{
			Client:        control.Client,
			Addresses:     plane,
			LoadBalancers: localplane.LoadBalancers,
		})
	}()
	go func() {
		failures <- dns.Run(ctx, dns.Config{Client: control.Client, Address: localplane.NameServer})
	}()
	if err := os.WriteFile(plane.TrustedFile(), nil, 0o644); err != nil {
		return nil, err
	}
	go func() {
		failures <- node.Run(ctx, node.Config{
			API:        control.Config,
			NodeName:   localplane.Node,
			NodeIP:     localplane.APIServer.Addr(),
			PodCIDR:    localplane.Pods4,
			PodCIDR6:   localplane.Pods6,
			Dir:        plane.PodsDir(),
			Images:     images(),
			HostsFile:  plane.HostsFile(),
			NameServer: localplane.NameServer.Addr(),
			APIServer:  localplane.APIServer,
			CAFile:     plane.TrustedFile(),
		})
	}()
	ready := make(chan error, 1)
	go func() { ready <- control.AwaitNode(ctx, localplane.Node) }()
	select {
	case err := <-ready:
		return failures, err
	case err := <-failures:
		return nil, err
	}
}

// serveOutside says that the plane is ready and makes its API server reachable
// from outside, by the listener that up has made there.
func serveOutside(failed <-chan error) error {
	listener, err := net.FileListener(os.NewFile(apiFD, "api"))
	if err != nil {
		return err
	}
	go relay.Serve(context.Background(), listener.(*net.TCPListener), func() string { return localplane.APIServer.String() })
	ready := os.NewFile(readyFD, "ready")
	if _, err := ready.WriteString(readyMessage); err != nil {
		return err
	}
	ready.Close()
	return <-failed
}

// runCommand runs command and returns its exit code, or an error as soon as the
// plane fails under it.
func runCommand(command []string, failed <-chan error) (int, error) {
	process := exec.Command(command[0], command[1:]...)
	process.Stdin, process.Stdout, process.Stderr = os.Stdin, os.Stdout, os.Stderr
	if stdin := int(os.Stdin.Fd()); term.IsTerminal(stdin) {
		// A Ctrl-C at the terminal goes to the command, and to it alone.
		process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Foreground: true, Ctty: stdin}
	}
	signals := catchSignals()
	if err := process.Start(); err != nil {
		return 0, fmt.Errorf("the command cannot be started: %w", err)
	}
	go passSignals(signals, process.Process)
	ended := make(chan error)
	go func() { ended <- process.Wait() }()
	select {
	case err := <-ended:
		return exitCodeOf(err)
	case err := <-failed:
		return 0, fmt.Errorf("the plane failed under the command: %w", err)
	}
}
