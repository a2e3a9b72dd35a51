package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// The escape sequences of a terminal (ECMA-48).
const (
	toLineAbove = "\x1b[1A"
	toLineStart = "\r"
	clearLine   = "\r\x1b[K"
	reset       = "\x1b[0m"
	bold        = "\x1b[1m"
	dim         = "\x1b[2m"
	red         = "\x1b[31m"
	green       = "\x1b[32m"
)

// timeColumn is where the seconds of a step are printed.
const timeColumn = 72

// terminal writes steps, what belongs to them, and how they end.
type terminal struct {
	out io.Writer
	// live is whether lines may be written over; colour, whether there may be colours; width, how long a line may be.
	live, colour bool
	width        func() int
}

// newTerminal writes plainly where file is not a terminal, and without colours where NO_COLOR is set (https://no-color.org).
func newTerminal(file *os.File) *terminal {
	live := term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb"
	return &terminal{out: file, live: live, colour: live && os.Getenv("NO_COLOR") == "", width: func() int {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
			return width
		}
		return 80
	}}
}

// title says what is to be seen.
func (t *terminal) title(text string) { fmt.Fprintf(t.out, "\n%s\n\n", t.paint(bold, text)) }

// step does something that takes time, shows what do says of its progress, and then how long it took and what came of it.
func (t *terminal) step(name string, do func(status func(string)) (result string, err error)) error {
	began := time.Now()
	status, stop := t.spin(name, began)
	result, err := do(status)
	stop()
	if result != "" {
		name += ": " + result
	}
	t.ended(name, time.Since(began), err)
	return err
}

// announce says that a step begins which another process will end, by announced.
func (t *terminal) announce(name string) {
	if t.live {
		fmt.Fprintf(t.out, " • %s…\n", name)
	}
}

// announced ends the step that announce began.
func (t *terminal) announced(name string, took time.Duration) {
	if t.live {
		fmt.Fprint(t.out, toLineAbove+clearLine)
	}
	t.ended(name, took, nil)
}

func (t *terminal) ended(name string, took time.Duration, err error) {
	mark := t.paint(green, "✓")
	if err != nil {
		mark = t.paint(red, "✗")
	}
	seconds := fmt.Sprintf("%6.1f s", took.Seconds())
	fmt.Fprintf(t.out, " %s %-*s %s\n", mark, timeColumn-4, name, t.paint(dim, seconds))
}

// spin shows, on a live terminal, that a step is under way, until stop.
func (t *terminal) spin(name string, began time.Time) (status func(string), stop func()) {
	if !t.live {
		return func(string) {}, func() {}
	}
	var mu sync.Mutex
	var latest string
	done := make(chan struct{})
	var spinner sync.WaitGroup
	spinner.Go(func() {
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		frames := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
		for i := 0; ; i++ {
			mu.Lock()
			text := fmt.Sprintf("%s  %.0f s  %s", name, time.Since(began).Seconds(), latest)
			mu.Unlock()
			fmt.Fprintf(t.out, "%s %c %s", clearLine, frames[i%len(frames)], cut(text, t.width()-4))
			select {
			case <-done:
				fmt.Fprint(t.out, clearLine)
				return
			case <-ticker.C:
			}
		}
	})
	status = func(text string) {
		mu.Lock()
		defer mu.Unlock()
		latest = text
	}
	return status, func() { close(done); spinner.Wait() }
}

// details belong to the step above them.
func (t *terminal) details(lines ...string) {
	for _, line := range lines {
		fmt.Fprintf(t.out, "     %s\n", t.paint(dim, line))
	}
}

// block is a paragraph of text, its first line as a heading if it is a table's.
func (t *terminal) block(text string) {
	fmt.Fprintf(t.out, "\n   %s\n\n", strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n   "))
}

// failure is the demo's last word where something failed.
func (t *terminal) failure(err error) {
	fmt.Fprintf(t.out, "\n%s %s\n", t.paint(red, "The demo failed:"), err)
}

func (t *terminal) paint(colour, text string) string {
	if !t.colour {
		return text
	}
	return colour + text + reset
}

// cut is text on one line, of length runes at most.
func cut(text string, length int) string {
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > max(length, 1) {
		return string(runes[:max(length, 1)-1]) + "…"
	}
	return string(runes)
}
