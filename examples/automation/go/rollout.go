package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
)

var (
	errCanary         = errors.New("the canary fails too often")
	errService        = errors.New("the service fails too often, and it is not the canary")
	errStopped        = errors.New("stopped by a signal")
	errRollbackFailed = errors.New("rolling back failed too, look at the service")
)

// rollout is one run of the program.
type rollout struct {
	options
	stack auto.Stack
}

// run goes from the current share through the steps above it.
func run(ctx context.Context, o options) error {
	stack, err := auto.UpsertStackInlineSource(context.Background(), o.stack, "canary", program(o, 0))
	if err != nil {
		return err
	}
	r := rollout{o, stack}
	if o.destroy {
		return r.takeAway()
	}
	good, err := r.standing()
	if err != nil {
		return err
	}

	fmt.Printf("%s: %d %% go to the canary %s\n", o.name, good, o.canary)
	done := func(step int) bool { return step <= good }
	for _, percent := range append([]int{good}, slices.DeleteFunc(o.steps, done)...) {
		if err := r.step(ctx, percent); err != nil {
			return r.back(percent, good, cmp.Or(context.Cause(ctx), err))
		}
		good = percent
	}
	if o.dryRun {
		fmt.Println("done: nothing is changed")
	} else {
		fmt.Printf("done: %d %% go to the canary\n", good)
	}
	return nil
}

// standing is the canary's share as the last run left it. Another canary starts from the beginning.
func (r rollout) standing() (int, error) {
	outputs, err := r.stack.Outputs(context.Background())
	if err != nil || outputs["canary"].Value != r.canary {
		return 0, err
	}
	return int(outputs["percent"].Value.(float64)), nil
}

// step tries one share.
func (r rollout) step(ctx context.Context, percent int) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if r.dryRun {
		return r.preview(ctx, percent)
	}
	outputs, err := r.up(percent)
	if err != nil {
		return err
	}
	return r.observe(ctx, percent, outputs)
}

func (r rollout) preview(ctx context.Context, percent int) error {
	r.stack.Workspace().SetProgram(program(r.options, percent))
	preview, err := r.stack.Preview(ctx)
	if err == nil {
		say(percent, "preview: "+changes(preview.ChangeSummary))
	}
	return err
}

// up takes no context: an update that is cut off leaves a state that does not know what it has done.
func (r rollout) up(percent int) (auto.OutputMap, error) {
	say(percent, "up ...")
	r.stack.Workspace().SetProgram(program(r.options, percent))
	up, err := r.stack.Up(context.Background())
	if err != nil {
		return nil, err
	}
	say(percent, fmt.Sprintf("up: %s; %s", changes(*up.Summary.ResourceChanges), up.Outputs["url"].Value))
	return up.Outputs, nil
}

// observe fails when the canary does, or the service. Only the canary's own probes tell which of the two it is.
func (r rollout) observe(ctx context.Context, percent int, outputs auto.OutputMap) error {
	canary := newProbe("canary", r.model, outputs["canaryUrl"].Value.(string))
	service := newProbe("service", r.model, outputs["url"].Value.(string))
	canary.wait(ctx)
	service.wait(ctx)

	allowed := int(r.maxErrors / 100 * float64(r.probes))
	pause := time.NewTicker(max(r.watch/time.Duration(r.probes), 1))
	defer pause.Stop()
	for canary.sent < r.probes && canary.failed <= allowed {
		for _, p := range []*probe{canary, service} {
			if fault := p.send(ctx); fault != "" && ctx.Err() == nil {
				say(percent, p.name+": "+fault)
			}
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	say(percent, fmt.Sprintf("%s, %s", canary, service))
	switch {
	case canary.failed > allowed:
		return errCanary
	case service.failed > allowed:
		return errService
	default:
		return nil
	}
}

// back takes all traffic from a canary that fails. Where the cause is another, the last good step stays.
func (r rollout) back(percent, good int, cause error) error {
	if r.dryRun {
		return cause
	}
	if errors.Is(cause, errCanary) {
		good = 0
	}
	if percent != good {
		if _, err := r.up(good); err != nil {
			return fmt.Errorf("%w; %w: %w", cause, errRollbackFailed, err)
		}
	}
	fmt.Printf("stopped: %d %% go to the canary\n", good)
	return cause
}

func (r rollout) takeAway() error {
	fmt.Printf("%s: destroy ...\n", r.name)
	destroyed, err := r.stack.Destroy(context.Background(), optdestroy.Remove())
	if err != nil {
		return err
	}
	fmt.Println("done:", changes(*destroyed.Summary.ResourceChanges))
	return nil
}

// changes says what Pulumi does, or did.
func changes[Kind ~string](summary map[Kind]int) string {
	var parts []string
	for _, kind := range []Kind{"create", "update", "replace", "delete"} {
		if count := summary[kind]; count > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", kind, count))
		}
	}
	return cmp.Or(strings.Join(parts, ", "), "no change")
}

// say prints an event of a step.
func say(percent int, event string) { fmt.Printf("%3d %%  %s\n", percent, event) }
