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
	dryRun, destroy                    bool
}

func main() {
	o, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "canary:", err)
		os.Exit(2)
	}
	if err := run(untilSignal(), o); err != nil {
		fmt.Fprintln(os.Stderr, "canary:", err)
		os.Exit(code(err))
	}
}

// untilSignal is a context that the first signal ends. The second ends the program.
func untilSignal() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		fmt.Fprintln(os.Stderr, "stopping; a second signal ends at once")
		cancel(errStopped)
		<-signals
		os.Exit(code(errStopped))
	}()
	return ctx
}

// code tells a pipeline what happened.
func code(err error) int {
	switch {
	case errors.Is(err, errRollbackFailed):
		return 3
	case errors.Is(err, errStopped):
		return 130
	default:
		return 1
	}
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
	flags.BoolVar(&o.destroy, "destroy", false, "take the service and its endpoints away")
	if err := flags.Parse(args); err != nil {
		return o, err
	}

	o.stack = cmp.Or(o.stack, o.name)
	o.watch = time.Duration(*seconds * float64(time.Second))
	switch {
	case o.stable == "" || o.canary == "" || o.model == "" || *gateway == "":
		return o, errors.New("--stable, --canary, --gateway and --model are required")
	case o.dryRun && o.destroy:
		return o, errors.New("--dry-run and --destroy exclude each other")
	case o.watch < 0 || o.probes < 1 || o.maxErrors < 0:
		return o, errors.New("--watch and --max-errors take numbers from 0, --probes from 1")
	}
	if err := json.Unmarshal([]byte(*gateway), &o.gateway); err != nil {
		return o, errors.New("--gateway takes a JSON object with name, namespace and url")
	}
	below := 0
	for step := range strings.SplitSeq(*steps, ",") {
		percent, err := strconv.Atoi(step)
		if err != nil || percent <= below || percent > 100 {
			return o, errors.New("--steps takes rising numbers from 1 to 100, such as 5,25,50,100")
		}
		o.steps = append(o.steps, percent)
		below = percent
	}
	return o, nil
}
