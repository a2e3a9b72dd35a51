package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

// serving is how long Traefik may take to serve a route that it has accepted; it reads changes every two seconds.
const serving = 5 * time.Second

var (
	errCanary  = errors.New("the canary fails too often")
	errService = errors.New("the service fails too often, and it is not the canary")
)

// rollout is one run of the program.
type rollout struct {
	options
	stack auto.Stack
}

// run goes from the share that stands through the steps above it.
func run(ctx context.Context, o options) error {
	stack, err := auto.UpsertStackInlineSource(ctx, o.stack, "canary", program(o, 0))
	if err != nil {
		return err
	}
	outputs, err := stack.Outputs(ctx)
	if err != nil {
		return err
	}
	good := 0
	// Another canary starts from the beginning.
	if percent, ok := outputs["percent"].Value.(float64); ok && outputs["canary"].Value == o.canary {
		good = int(percent)
	}

	fmt.Printf("%s: %d %% go to the canary %s\n", o.name, good, o.canary)
	r := rollout{o, stack}
	done := func(step int) bool { return step <= good }
	for _, percent := range append([]int{good}, slices.DeleteFunc(o.steps, done)...) {
		if err := r.step(ctx, percent); err != nil {
			// A terminal sends Ctrl-C to Pulumi as well, which then fails.
			return r.back(percent, good, cmp.Or(ctx.Err(), err))
		}
		good = percent
	}
	if !o.dryRun {
		fmt.Printf("done: %d %% go to the canary\n", good)
	}
	return nil
}

func (r rollout) step(ctx context.Context, percent int) error {
	r.stack.Workspace().SetProgram(program(r.options, percent))
	preview, err := r.stack.Preview(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	say(percent, "preview: "+changes(preview.ChangeSummary))
	if r.dryRun || ctx.Err() != nil {
		return ctx.Err()
	}
	up, err := r.up(percent)
	if err != nil {
		return err
	}
	return r.observe(ctx, percent, up.Outputs)
}

// up is not cut by a signal: what it has done would be missing in the state.
func (r rollout) up(percent int) (auto.UpResult, error) {
	r.stack.Workspace().SetProgram(program(r.options, percent))
	up, err := r.stack.Up(context.Background())
	if err == nil {
		say(percent, "up: "+up.Outputs["url"].Value.(string))
	}
	return up, err
}

// observe has the step fail when the canary does, or the service. Only the canary's own probes tell which of the two it is.
func (r rollout) observe(ctx context.Context, percent int, outputs auto.OutputMap) error {
	canary := &probe{name: "canary", model: r.model, client: client(outputs["canaryUrl"])}
	service := &probe{name: "service", model: r.model, client: client(outputs["url"])}
	for _, p := range []*probe{canary, service} {
		for end := time.Now().Add(serving); p.ask(ctx) == "HTTP 404" && time.Now().Before(end); {
			time.Sleep(serving / 50)
		}
	}

	allowed := int(r.maxErrors / 100 * float64(r.probes))
	pause := time.NewTicker(max(r.watch/time.Duration(r.probes), 1))
	defer pause.Stop()
	for canary.sent < r.probes && canary.failed <= allowed && ctx.Err() == nil {
		canary.send(ctx, percent)
		service.send(ctx, percent)
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	say(percent, fmt.Sprintf("%s, %s", canary, service))
	if canary.failed > allowed {
		return errCanary
	}
	if service.failed > allowed {
		return errService
	}
	return nil
}

// back takes all traffic from a canary that fails. Where the cause is another, the last good step stays.
func (r rollout) back(percent, good int, cause error) error {
	if errors.Is(cause, errCanary) {
		good = 0
	}
	if r.dryRun {
		return cause
	}
	if percent != good {
		if _, err := r.up(good); err != nil {
			return fmt.Errorf("%w; the way back to %d %% failed too, look at the service: %w", cause, good, err)
		}
	}
	fmt.Printf("stopped: %d %% go to the canary\n", good)
	return cause
}

// probe sends chat requests to one URL, and counts.
type probe struct {
	name, model  string
	client       openai.Client
	sent, failed int
}

func client(url auto.OutputValue) openai.Client {
	return openai.NewClient(option.WithBaseURL(url.Value.(string)), option.WithAPIKey("unused"),
		option.WithMaxRetries(0), option.WithRequestTimeout(10*time.Second))
}

func (p *probe) send(ctx context.Context, percent int) {
	p.sent++
	if fault := p.ask(ctx); fault != "" && ctx.Err() == nil {
		p.failed++
		say(percent, p.name+": "+fault)
	}
}

// ask is empty if all is well.
func (p *probe) ask(ctx context.Context) string {
	_, err := p.client.Chat.Completions.New(ctx, openai.ChatCompletionNewParams{
		Model:               p.model,
		Messages:            []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Hello")},
		MaxCompletionTokens: openai.Int(1),
	})
	var answer *openai.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &answer) && answer.StatusCode >= http.StatusBadRequest:
		return fmt.Sprintf("HTTP %d", answer.StatusCode)
	default:
		return "no answer"
	}
}

func (p *probe) String() string { return fmt.Sprintf("%s: %d of %d failed", p.name, p.failed, p.sent) }

// changes says what a preview would do.
func changes(summary map[apitype.OpType]int) string {
	var parts []string
	for _, kind := range []apitype.OpType{apitype.OpCreate, apitype.OpUpdate, apitype.OpReplace, apitype.OpDelete} {
		if count := summary[kind]; count > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", count, kind))
		}
	}
	if len(parts) == 0 {
		return "no change"
	}
	return strings.Join(parts, ", ")
}

// say prints an event of a step.
func say(percent int, event string) { fmt.Printf("%3d %%  %s\n", percent, event) }
