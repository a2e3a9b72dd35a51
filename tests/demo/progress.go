package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
)

// progress makes of the engine's events what a person wants to know: now, in the end, and where it failed.
type progress struct {
	status func(string)
	done   int
	// changes counts resources by what was done with them.
	changes map[apitype.OpType]int
	// made are the kinds of new objects, in the order they were made, by the component that they belong to.
	components []string
	made       map[string][]string
	// problems are the errors that were reported.
	problems []string
}

func newProgress(status func(string)) *progress {
	return &progress{status: status, made: map[string][]string{}}
}

// follow runs an operation and reads its events. An error of it says what the engine reported, and if that is nothing, all
// that the CLI printed.
func (p *progress) follow(operation func(chan<- events.EngineEvent) error) error {
	stream, ended, read := make(chan events.EngineEvent), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(read)
		for {
			select {
			case event, open := <-stream:
				if !open {
					return
				}
				p.note(event.EngineEvent)
			case <-ended:
				return
			}
		}
	}()
	err := operation(stream)
	close(ended)
	<-read
	if err != nil && len(p.problems) > 0 {
		return fmt.Errorf("pulumi says:\n\n%s", strings.Join(p.problems, "\n\n"))
	}
	return err
}

func (p *progress) note(event apitype.EngineEvent) {
	switch {
	case event.ResourcePreEvent != nil:
		p.say(event.ResourcePreEvent.Metadata.URN, "")
	case event.ResOutputsEvent != nil:
		p.done++
		p.noteMade(event.ResOutputsEvent.Metadata)
		p.say(event.ResOutputsEvent.Metadata.URN, "")
	case event.DiagnosticEvent != nil:
		p.noteDiagnostic(*event.DiagnosticEvent)
	case event.SummaryEvent != nil:
		p.changes = event.SummaryEvent.ResourceChanges
	}
}

func (p *progress) noteDiagnostic(diagnostic apitype.DiagnosticEvent) {
	message := strings.TrimSpace(colors.Never.Colorize(diagnostic.Prefix + diagnostic.Message))
	switch {
	case diagnostic.Ephemeral:
		p.say(diagnostic.URN, message)
	case diagnostic.Severity == "error":
		if diagnostic.URN != "" {
			message = label(diagnostic.URN) + ": " + message
		}
		p.problems = append(p.problems, message)
	}
}

// noteMade files a new object under its component.
func (p *progress) noteMade(step apitype.StepEventMetadata) {
	if step.Op != apitype.OpCreate || step.New == nil || !step.New.Custom || step.New.Parent == "" {
		return
	}
	component := label(step.New.Parent)
	if _, known := p.made[component]; !known {
		p.components = append(p.components, component)
	}
	p.made[component] = append(p.made[component], kindOf(step.URN))
}

func (p *progress) say(of, message string) {
	if of == "" {
		return
	}
	p.status(fmt.Sprintf("%d done · %s %s", p.done, label(of), message))
}

// summary is how many resources were created, updated, deleted and left as they were.
func (p *progress) summary() string {
	var parts []string
	for _, op := range []struct {
		name apitype.OpType
		done string
	}{
		{apitype.OpCreate, "created"},
		{apitype.OpUpdate, "updated"},
		{apitype.OpReplace, "replaced"},
		{apitype.OpDelete, "deleted"},
		{apitype.OpSame, "unchanged"},
	} {
		if n := p.changes[op.name]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, op.done))
		}
	}
	return strings.Join(parts, ", ")
}

// tree is one line for each component with the objects that were made for it. Kinds of which there are many come with
// their number.
func (p *progress) tree() []string {
	var lines []string
	width := 0
	for _, component := range p.components {
		width = max(width, len(component))
	}
	for _, component := range slices.SortedStableFunc(slices.Values(p.components), strings.Compare) {
		var kinds []string
		counts := map[string]int{}
		for _, kind := range p.made[component] {
			if counts[kind]++; counts[kind] == 1 {
				kinds = append(kinds, kind)
			}
		}
		slices.SortStableFunc(kinds, func(a, b string) int { return cmp.Compare(counts[a], counts[b]) })
		for i, kind := range kinds {
			if counts[kind] > 1 {
				kinds[i] = fmt.Sprintf("%d× %s", counts[kind], kind)
			}
		}
		lines = append(lines, fmt.Sprintf("%-*s %s", width, component, strings.Join(kinds, ", ")))
	}
	return lines
}

// label is a resource as a person calls it: its kind and its name.
func label(of string) string {
	return kindOf(of) + " " + urn.URN(of).Name()
}

// kindOf is the last part of a resource's type; that of a provider is its package.
func kindOf(of string) string {
	kind := string(urn.URN(of).Type())
	if strings.HasPrefix(kind, "pulumi:providers:") {
		return "Provider"
	}
	return kind[strings.LastIndex(kind, ":")+1:]
}
