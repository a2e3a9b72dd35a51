// Command canary shifts a service's traffic to a new model server step by step, and back by itself when it fails too often.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/modelplane/pulumi-modelplane/sdk/go/modelplane"
)

// options are what the command line says.
type options struct {
	stable, canary, name, stack, model string
	gateway                            modelplane.GatewayReference
	steps                              []int
	watch                              time.Duration
	probes                             int
	maxErrors                          float64
	dryRun                             bool
}

func main() { os.Exit(code()) }

// code is what the program exits with.
func code() int {
	options, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "canary:", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, func() { fmt.Fprintln(os.Stderr, "stopping; a running update is finished first") })()

	err = run(ctx, options)
	switch {
	case errors.Is(err, context.Canceled):
		return 130
	case err != nil:
		fmt.Fprintln(os.Stderr, "canary:", err)
		return 1
	}
	return 0
}

// parse ends the program where a flag is unknown or not of its type.
func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("canary", flag.ExitOnError)
	flags.StringVar(&o.stable, "stable", "", "base `URL` of the server that has the traffic now")
	flags.StringVar(&o.canary, "canary", "", "base `URL` of the server that is to have it")
	gateway := flags.String("gateway", "", "the gateway, as `JSON`: what pulumi stack output gateway prints")
	flags.StringVar(&o.model, "model", "", "the `name` of the model that probes ask for")
	flags.StringVar(&o.name, "name", "chat", "the service's `name`")
	flags.StringVar(&o.stack, "stack", "", "the `name` of the stack (default: the service's)")
	steps := flags.String("steps", "5,25,50,100", "the canary's shares, in `percent`")
	seconds := flags.Float64("watch", 30, "how many `seconds` each step is watched at least")
	flags.IntVar(&o.probes, "probes", 50, "`how many` probes each step sends, to the canary and to the service")
	flags.Float64Var(&o.maxErrors, "max-errors", 1, "how many `percent` of a step's probes may fail")
	flags.BoolVar(&o.dryRun, "dry-run", false, "preview each step and change nothing")
	if err := flags.Parse(args); err != nil {
		return o, err
	}

	o.stack = cmp.Or(o.stack, o.name)
	o.watch = time.Duration(*seconds * float64(time.Second))
	if o.stable == "" || o.canary == "" || o.model == "" || *gateway == "" {
		return o, errors.New("--stable, --canary, --gateway and --model are required")
	}
	if o.probes < 1 {
		return o, errors.New("--probes takes a number from 1")
	}
	if err := json.Unmarshal([]byte(*gateway), &o.gateway); err != nil {
		return o, fmt.Errorf("--gateway takes a JSON object with name, namespace and url: %w", err)
	}
	for step := range strings.SplitSeq(*steps, ",") {
		percent, err := strconv.Atoi(step)
		if err != nil || percent > 100 || percent <= last(o.steps) {
			return o, errors.New("--steps takes rising numbers from 1 to 100, such as 5,25,50,100")
		}
		o.steps = append(o.steps, percent)
	}
	return o, nil
}

func last(steps []int) int {
	if len(steps) == 0 {
		return 0
	}
	return steps[len(steps)-1]
}
