package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
)

// example is a stack of a copy of the example. All that Pulumi keeps of it is in one folder.
type example struct {
	folder string
	stack  auto.Stack
	// outputs are the stack's, since the last up.
	outputs
}

// outputs are those of an example. Placement and URLs are empty where it has no deployment.
type outputs struct {
	URL       string            `json:"url"`
	Shares    []share           `json:"shares"`
	Placement []placed          `json:"placement"`
	URLs      map[string]string `json:"urls"`
}

// share is what one endpoint is to get, as the example's output has it.
type share struct {
	Endpoint string  `json:"endpoint"`
	Share    float64 `json:"share"`
}

// placed is how many replicas a cluster runs.
type placed struct {
	Cluster  string `json:"cluster"`
	Replicas int    `json:"replicas"`
}

// openExample copies the example in source and makes a stack of it. From then on the environment of this process leads every pulumi
// to that stack's own home, state and passphrase, and none to the user's.
func openExample(ctx context.Context, source string, config auto.ConfigMap) (*example, error) {
	folder, err := os.MkdirTemp("", "modelplane-demo-")
	if err != nil {
		return nil, err
	}
	e := &example{folder: folder}
	if err := e.open(ctx, source, config); err != nil {
		return nil, errors.Join(err, e.remove())
	}
	return e, nil
}

func (e *example) open(ctx context.Context, source string, config auto.ConfigMap) error {
	if err := os.CopyFS(e.program(), os.DirFS(source)); err != nil {
		return fmt.Errorf("the example cannot be copied; the demo runs from the root of the repository: %w", err)
	}
	state, home := filepath.Join(e.folder, "state"), filepath.Join(e.folder, "home")
	for _, folder := range []string{state, home} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			return err
		}
	}
	// Pulumi's log of every property would go with the folder, and takes most of an operation's time. This file turns it off.
	if err := os.WriteFile(filepath.Join(home, "logs"), nil, 0o600); err != nil {
		return err
	}
	for name, value := range map[string]string{
		"PULUMI_HOME":              home,
		"PULUMI_BACKEND_URL":       "file://" + state,
		"PULUMI_CONFIG_PASSPHRASE": rand.Text(),
		"PULUMI_SKIP_UPDATE_CHECK": "true",
	} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	var err error
	if e.stack, err = auto.UpsertStackLocalSource(ctx, "demo", e.program()); err != nil {
		return err
	}
	return e.set(ctx, config)
}

// program is the folder of the example's copy.
func (e *example) program() string { return filepath.Join(e.folder, "demo") }

// set sets configuration; a key such as list[0] is one entry of a list.
func (e *example) set(ctx context.Context, config auto.ConfigMap) error {
	return e.stack.SetAllConfigWithOptions(ctx, config, &auto.ConfigOptions{Path: true})
}

// up runs pulumi up and says what changed.
func (e *example) up(ctx context.Context, status func(string)) (*progress, error) {
	p := newProgress(status)
	var up auto.UpResult
	err := p.follow(func(stream chan<- events.EngineEvent) (err error) {
		up, err = e.stack.Up(ctx, optup.EventStreams(stream))
		return err
	})
	if err != nil {
		return p, err
	}
	values := map[string]any{}
	for name, output := range up.Outputs {
		values[name] = output.Value
	}
	text, err := json.Marshal(values)
	if err != nil {
		return p, err
	}
	e.outputs = outputs{}
	if err := json.Unmarshal(text, &e.outputs); err != nil {
		return p, fmt.Errorf("the example's outputs are %s: %w", text, err)
	}
	return p, nil
}

// destroy runs pulumi destroy and says what went.
func (e *example) destroy(ctx context.Context, status func(string)) (string, error) {
	p := newProgress(status)
	err := p.follow(func(stream chan<- events.EngineEvent) error {
		_, err := e.stack.Destroy(ctx, optdestroy.EventStreams(stream))
		return err
	})
	return p.summary(), err
}

// byHand is how a person runs command on this stack.
func (e *example) byHand(command string) string {
	text := "  cd " + e.program()
	for _, name := range []string{"PULUMI_HOME", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"} {
		text += fmt.Sprintf("\n  export %s=%s", name, os.Getenv(name))
	}
	return text + "\n  " + command
}

// remove forgets the stack.
func (e *example) remove() error { return os.RemoveAll(e.folder) }
