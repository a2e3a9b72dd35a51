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
	plane, err := localplane.In(args[0])
	if err != nil {
		return 0, err
	}
	command := args[1:]
	byHand := len(command) == 0
	if byHand {
		syscall.CloseOnExec(readyFD)
		for i := range plane.Clusters {
			syscall.CloseOnExec(apiFD + i)
		}
	}
	failed, err := start(plane)
	if err != nil {
		return 0, err
	}
	if byHand {
		return 0, serveOutside(plane, failed)
	}
	return runCommand(command, failed)
}

// start starts everything that a plane consists of, all clusters at the same
// time, and returns once it is ready for use. Whatever fails of it later is sent
// to failed.
func start(plane localplane.Plane) (failed <-chan error, err error) {
	if err := os.WriteFile(plane.TrustedFile(), nil, 0o644); err != nil {
		return nil, err
	}
	ready, failures := make(chan error), make(chan error)
	for _, cluster := range plane.Clusters {
		go func() {
			err := startCluster(plane, cluster, failures)
			if err != nil {
				err = fmt.Errorf("cluster %s: %w", cluster.Name, err)
			}
			ready <- err
		}()
	}
	for range plane.Clusters {
		select {
		case err = <-ready:
		case err = <-failures:
		}
		if err != nil {
			return nil, err
		}
	}
	return failures, nil
}

// startCluster starts one cluster of plane and returns once it is ready for use.
// Whatever fails of it later is sent to failures.
func startCluster(plane localplane.Plane, cluster localplane.Cluster, failures chan<- error) error {
	ctx := context.Background()
	control, err := controlplane.Start(ctx, cluster)
	if err != nil {
		return err
	}
	run := func(part func() error) {
		go func() { failures <- fmt.Errorf("cluster %s: %w", cluster.Name, part()) }()
	}
	run(control.Wait)
	run(func() error {
		return balancer.Run(ctx, balancer.Config{
			Client:        control.Client,
			Addresses:     plane,
			LoadBalancers: cluster.LoadBalancers,
		})
	})
	run(func() error {
		return dns.Run(ctx, dns.Config{Client: control.Client, Address: cluster.NameServer()})
	})
	run(func() error {
		return node.Run(ctx, node.Config{
			API:        control.Config,
			NodeName:   cluster.Name,
			NodeIP:     cluster.Node,
			PodCIDR:    cluster.Pods4,
			PodCIDR6:   cluster.Pods6,
			Dir:        cluster.PodsDir(),
			Images:     images(),
			HostsFile:  cluster.HostsFile(),
			NameServer: cluster.NameServer().Addr(),
			APIServer:  cluster.APIServer,
			CAFile:     plane.TrustedFile(),
		})
	})
	return control.AwaitNode(ctx)
}

// serveOutside says that the plane is ready and makes its API servers reachable
// from outside, by the listeners that up has made there.
func serveOutside(plane localplane.Plane, failed <-chan error) error {
	for i, cluster := range plane.Clusters {
		listener, err := net.FileListener(os.NewFile(uintptr(apiFD+i), "api"))
		if err != nil {
			return err
		}
		go relay.Serve(context.Background(), listener.(*net.TCPListener), cluster.APIServer.String)
	}
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
