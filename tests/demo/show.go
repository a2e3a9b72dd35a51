package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"golang.org/x/term"

	"github.com/modelplane/pulumi-modelplane/tests/load"
)

// calmRate is how many requests a second leave a small machine to Pulumi.
const calmRate = 50

// demo is an open example in its environment, and where to show it.
type demo struct {
	*terminal
	environment *environment
	example     *example
}

// show is what there is to be seen, in this order.
func (d demo) show(ctx context.Context) error {
	for _, act := range []func(context.Context) error{d.bringUp, d.hearFirst, d.refuse, d.stream, d.place, d.count, d.meter, d.drain, d.lose, d.keep} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d demo) bringUp(ctx context.Context) error {
	var made []string
	err := d.step("pulumi up", func(status func(string)) (string, error) {
		p, err := d.example.up(ctx, status)
		made = p.tree()
		return p.summary(), err
	})
	d.details(made...)
	return err
}

func (d demo) hearFirst(ctx context.Context) error {
	return d.step("First answer", func(func(string)) (string, error) {
		tries, err := d.caller().firstAnswer(ctx, d.environment.patience)
		waited := fmt.Sprintf("%.0f s after the start", time.Since(d.environment.began).Seconds())
		if tries > 1 {
			waited += fmt.Sprintf(", at try %d", tries)
		}
		return waited, err
	})
}

// refuse asks as somebody without a key would, if the example asks for one.
func (d demo) refuse(ctx context.Context) error {
	stranger := d.caller()
	if stranger.key == "" {
		return nil
	}
	stranger.key = ""
	d.block("$ " + stranger.curl())
	refusal, err := stranger.refusal(ctx)
	fmt.Fprintf(d.out, "     %s\n", refusal)
	return err
}

// stream asks once as a person would, and shows the answer token by token.
func (d demo) stream(ctx context.Context) error {
	d.block("$ " + d.caller().curl())
	fmt.Fprint(d.out, "     ")
	backend, err := d.caller().ask(ctx, true, func(token string) { fmt.Fprint(d.out, token) })
	fmt.Fprint(d.out, "\n\n")
	if err != nil {
		return fmt.Errorf("the streamed answer of %s ended early: %w", cmp.Or(backend, "a backend"), err)
	}
	return nil
}

// count sends requests and shows who answered them.
func (d demo) count(ctx context.Context) error {
	var report load.Report
	err := d.step(fmt.Sprintf("Send %d requests", d.environment.requests), func(func(string)) (string, error) {
		report = load.Do(ctx, d.load(d.environment.requests))
		return fmt.Sprintf("%d of %d failed", report.Failed, report.Total), report.Err()
	})
	if d.environment.endpoints != nil {
		of, failure := d.environment.endpoints(ctx)
		report, err = byEndpoint(report, of), errors.Join(err, failure)
	}
	d.block(table(d.example.Shares, report))
	if report.ByBackend[""] > 0 {
		d.details("Servers other than the demo's own do not tell who they are, so who answered how often cannot be shown.", "")
	}
	return err
}

// place shows which cluster runs how many replicas, if the example has any.
func (d demo) place(context.Context) error {
	if len(d.example.Placement) > 0 {
		d.block(placement(d.example.outputs))
	}
	return nil
}

// drain takes a backend out while requests flow, and shows where they go from then on.
func (d demo) drain(ctx context.Context) error {
	var during load.Report
	var changed string
	away := d.environment.scene.away
	err := d.step(fmt.Sprintf("pulumi config set %s %s; pulumi up", away[0], away[1]), func(status func(string)) (string, error) {
		config := d.load(0)
		config.RatePerSecond = min(config.RatePerSecond, calmRate)
		run := load.Start(ctx, config)
		p, err := d.takeAway(ctx, run, status)
		during, changed = run.Stop(), p.summary()
		return "", errors.Join(err, during.Err())
	})
	if err != nil {
		return err
	}
	d.details(fmt.Sprintf("%s; %d of %d requests failed meanwhile", changed, during.Failed, during.Total))
	if err := d.place(ctx); err != nil {
		return err
	}
	return d.count(ctx)
}

// takeAway changes the setting with requests before, while and after.
func (d demo) takeAway(ctx context.Context, run *load.Run, status func(string)) (*progress, error) {
	p := newProgress(status)
	if err := run.WaitFor(ctx, d.environment.around); err != nil {
		return p, err
	}
	if err := d.example.set(ctx, auto.ConfigMap{d.environment.scene.away[0]: {Value: d.environment.scene.away[1]}}); err != nil {
		return p, err
	}
	p, err := d.example.up(ctx, status)
	if err != nil {
		return p, err
	}
	return p, run.WaitFor(ctx, d.environment.around)
}

// lose has a backend's servers die while requests flow, and shows who answers from then on. Servers of the reader's own are left alone.
func (d demo) lose(ctx context.Context) error {
	if d.environment.kill == nil {
		return nil
	}
	err := d.step(d.environment.scene.mortal+" dies", func(func(string)) (string, error) {
		run := load.Start(ctx, d.load(0))
		err := d.killUnder(ctx, run)
		during := run.Stop()
		return fmt.Sprintf("%d of %d requests failed meanwhile", during.Failed, during.Total), errors.Join(err, during.Err())
	})
	if err != nil {
		return err
	}
	return d.count(ctx)
}

// killUnder ends the servers with requests before and after.
func (d demo) killUnder(ctx context.Context, run *load.Run) error {
	if err := run.WaitFor(ctx, d.environment.around); err != nil {
		return err
	}
	if err := d.environment.kill(); err != nil {
		return err
	}
	return run.WaitFor(ctx, d.environment.around)
}

// caller is one who may ask.
func (d demo) caller() caller {
	return caller{url: d.example.URL, model: d.environment.model, key: d.environment.key}
}

// load is that of this environment, n requests or, if that is 0, as many as there is time for.
func (d demo) load(n int) load.Config {
	return load.Config{
		URL: d.example.URL, Body: d.caller().body(false), Header: d.caller().header(),
		MaxRequests: n, RatePerSecond: d.environment.rate, Timeout: time.Minute,
	}
}

// keep leaves the example up, if asked to: for a shell at a terminal, or else until an interrupt.
func (d demo) keep(ctx context.Context) error {
	if os.Getenv("KEEP") != "1" {
		return nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		d.block("Everything stays up until an interrupt.")
		<-ctx.Done()
		return nil
	}
	d.block("Everything stays up for this shell, in which curl, kubectl and pulumi use it. To end it: exit")
	shell := exec.Command(cmp.Or(os.Getenv("SHELL"), "/bin/sh"))
	shell.Dir = d.example.program()
	shell.Stdin, shell.Stdout, shell.Stderr = os.Stdin, os.Stdout, os.Stderr
	// A shell ends with the status of its last command, which does not concern the demo.
	if err := shell.Run(); !errors.As(err, new(*exec.ExitError)) {
		return err
	}
	return nil
}
