// Package process runs the servers that a control plane is made of.
package process

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// startTimeout is far above what a component takes on a busy machine.
	startTimeout = time.Minute
	pollInterval = 20 * time.Millisecond
	logTailLines = 20
)

// Component says how a server is started and when it is ready.
type Component struct {
	// Name is the server's name in messages, and that of its log file.
	Name string
	// Path is the program's path, Args its arguments.
	Path string
	Args []string
	// Ready is a URL that answers 200 OK once the server is of use, asked with
	// Client.
	Ready  string
	Client *http.Client
	// LogsDir is the folder for the log file.
	LogsDir string
}

// Process is a component that runs.
type Process struct {
	component Component
	ended     chan struct{}
	err       error
}

// Start starts the component and returns once it is ready. When that fails, the
// error carries the end of its log. The component runs until ctx is done or, at
// the latest, until the plane ends.
func Start(ctx context.Context, component Component) (*Process, error) {
	log, err := os.Create(component.log())
	if err != nil {
		return nil, fmt.Errorf("%s has no log file: %w", component.Name, err)
	}
	defer log.Close()

	command := exec.CommandContext(ctx, component.Path, component.Args...)
	command.Stdout, command.Stderr = log, log
	// A Ctrl-C at the terminal is for the command in the plane, not for the plane.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("%s cannot be started: %w", component.Name, err)
	}
	process := &Process{component: component, ended: make(chan struct{})}
	go func() {
		defer close(process.ended)
		process.err = command.Wait()
	}()
	return process, process.awaitReady(ctx)
}

func (p *Process) awaitReady(ctx context.Context) error {
	timeout := time.After(startTimeout)
	for !p.ready(ctx) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.ended:
			return p.Wait()
		case <-timeout:
			return fmt.Errorf("%s was not ready after %s\n%s", p.component.Name, startTimeout, p.component.logTail())
		case <-time.After(pollInterval):
		}
	}
	return nil
}

func (p *Process) ready(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.component.Ready, nil)
	if err != nil {
		return false
	}
	response, err := p.component.Client.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// Wait waits until the process ends. No component of a plane should, so the
// result is an error always, and carries the end of its log.
func (p *Process) Wait() error {
	<-p.ended
	ending := "exit status 0"
	if p.err != nil {
		ending = p.err.Error()
	}
	return fmt.Errorf("%s ended (%s)\n%s", p.component.Name, ending, p.component.logTail())
}

func (c Component) log() string { return filepath.Join(c.LogsDir, c.Name+".log") }

func (c Component) logTail() string {
	log, err := os.ReadFile(c.log())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	lines = lines[max(0, len(lines)-logTailLines):]
	return fmt.Sprintf("the end of %s:\n%s", c.log(), strings.Join(lines, "\n"))
}
