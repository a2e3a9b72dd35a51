// Command demo shows an example at work: it runs pulumi up on it, sends it requests, tells who answered them on
// which path and in what share, takes a backend out under load, and takes everything down again.
//
// "demo" shows two models by one URL, a caller who is refused without a key, the tokens of two teams, and a backend that dies. Without
// KUBECONFIG that happens in a local plane with model servers in this process. With it, the example goes to that cluster, with the pulumi
// on PATH and with model servers that the MODELPLANE_DEMO_… variables name.
//
// "demo clusters" shows a model on two workload clusters of a local plane, beside a provider.
//
// Either way Pulumi's home, state and passphrase are the demo's own and end with it. It is run by make demo and make demo-clusters, from
// the root of the repository. KEEP=1 leaves the example up until you leave.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	t := newTerminal(os.Stdout)
	if err := run(ctx, t); err != nil {
		t.failure(err)
		os.Exit(1)
	}
}

// run does everything but the showing itself: it finds the environment, opens the example and cleans up.
func run(ctx context.Context, t *terminal) error {
	scene, found := scenes[strings.Join(os.Args[1:], " ")]
	if !found {
		return fmt.Errorf("%q is not a demo; run demo, or demo clusters", os.Args[1:])
	}
	environment, err := scene.choose(t)
	if err != nil {
		return err
	}
	defer environment.leave()
	var example *example
	err = t.step("Make a stack of "+scene.example, func(status func(string)) (string, error) {
		status("with a Pulumi home and state of its own")
		example, err = openExample(ctx, scene.example, environment.config)
		return "", err
	})
	if err != nil {
		return err
	}

	err = demo{t, environment, example}.show(ctx)
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	} else if err != nil {
		t.block(environment.explain())
	}
	if environment.lasting {
		return errors.Join(err, takeDown(t, example))
	}
	return errors.Join(err, example.remove())
}

// takeDown destroys what the example made, also after an interrupt unless there is another, and forgets the stack only if
// that went well.
func takeDown(t *terminal, example *example) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := t.step("pulumi destroy", func(status func(string)) (string, error) {
		return example.destroy(ctx, status)
	})
	if err != nil {
		return fmt.Errorf("%w\n\nSome of the example may be left. Its stack is kept; to try again:\n%s", err, example.byHand("pulumi destroy"))
	}
	return example.remove()
}
