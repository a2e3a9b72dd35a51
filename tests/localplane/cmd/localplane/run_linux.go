package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
	"github.com/modelplane/pulumi-modelplane/tests/localplane/internal/sandbox"
)

// run starts a plane around a command. The plane ends with this process: at the
// latest, and whatever ends it, the kernel sees to that.
func run(args []string) (int, error) {
	workload, args, err := clustersOf(args)
	if err != nil {
		return 0, err
	}
	command, err := commandOf(args)
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "localplane-")
	if err != nil {
		return 0, err
	}
	if os.Getenv("MODELPLANE_KEEP") == "1" {
		defer fmt.Fprintln(os.Stderr, "localplane: the plane's folder is kept:", dir)
	} else {
		defer os.RemoveAll(dir)
	}
	if err := localplane.Create(dir, workload...); err != nil {
		return 0, err
	}

	process, err := sandbox.Command(append([]string{firstCommand, dir}, command...)...)
	if err != nil {
		return 0, err
	}
	process.Stdin, process.Stdout, process.Stderr = os.Stdin, os.Stdout, os.Stderr
	process.SysProcAttr.Pdeathsig = syscall.SIGKILL
	signals := catchSignals()
	if err := sandbox.Start(process); err != nil {
		return 0, err
	}
	go passSignals(signals, process.Process)
	return exitCodeOf(process.Wait())
}

// clustersOf takes the names of workload clusters out of args, and returns what is behind them.
func clustersOf(args []string) (names, rest []string, err error) {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("clusters", "", func(value string) error {
		names = strings.Split(value, ",")
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return nil, nil, fmt.Errorf(`%w; the one option is --clusters, as in "--clusters east,west"`, err)
	}
	return names, flags.Args(), nil
}

// commandOf takes the command out of args, which may begin with "--".
func commandOf(args []string) ([]string, error) {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return nil, errors.New(`a command to run in the plane is missing, as in "localplane run -- kubectl get namespaces"`)
	}
	return args, nil
}

// catchSignals takes the signals by which a user or a test runner ends or asks something of a program, from now on. Called
// before a process is started for which they are, it loses none.
func catchSignals() <-chan os.Signal {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2)
	return signals
}

// passSignals sends process what comes in.
func passSignals(signals <-chan os.Signal, process *os.Process) {
	for signal := range signals {
		_ = process.Signal(signal)
	}
}

// exitCodeOf turns the result of a Wait into an exit code. An error is left only
// where there was no exit.
func exitCodeOf(err error) (int, error) {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return sandbox.ExitCode(exit.Sys().(syscall.WaitStatus)), nil
	}
	return 0, err
}
