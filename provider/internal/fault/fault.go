// Package fault collects what is wrong with a component's inputs, so that all of it is told at once.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Fault is one thing wrong with one input.
type Fault struct {
	// Path is the property path as a program writes it, such as backends[1].weight.
	Path string
	// Message is a sentence: what is wrong and what would be right.
	Message string
	// DependsOn names further properties that the fault depends on. While one of them is unknown, in
	// preview, there is no fault yet.
	DependsOn []string
}

// List is every fault found so far. The zero value is empty and ready for use.
type List []Fault

// Add records a fault at path.
func (l *List) Add(path, message string, dependsOn ...string) {
	*l = append(*l, Fault{Path: path, Message: message, DependsOn: dependsOn})
}

// Addf records a fault at path that depends on that property alone.
func (l *List) Addf(path, format string, args ...any) {
	l.Add(path, fmt.Sprintf(format, args...))
}

// AddErr records err, if there is one, as a fault at path.
func (l *List) AddErr(path string, err error, dependsOn ...string) {
	if err != nil {
		l.Add(path, err.Error(), dependsOn...)
	}
}

// Known leaves out the faults that depend on a property which is not known yet.
func (l List) Known(unknown []string) List {
	var known List
	for _, f := range l {
		if !dependsOn(f, unknown) {
			known = append(known, f)
		}
	}
	return known
}

// Err is one error for all faults, each with its path; nil when there are none.
func (l List) Err() error {
	errs := make([]error, len(l))
	for i, f := range l {
		errs[i] = fmt.Errorf("%s: %s", f.Path, f.Message)
	}
	return errors.Join(errs...)
}

func dependsOn(f Fault, unknown []string) bool {
	for _, u := range unknown {
		for _, path := range append([]string{f.Path}, f.DependsOn...) {
			if Within(path, u) || Within(u, path) {
				return true
			}
		}
	}
	return false
}

// Within says whether the property at path is the one at outer or inside it.
func Within(path, outer string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// Key is the path of a named entry of the object at path: parent.key, or parent["key"] where the name needs quotes.
func Key(parent, key string) string {
	if strings.ContainsAny(key, `.["] `) || key == "" {
		return fmt.Sprintf("%s[%q]", parent, key)
	}
	if parent == "" {
		return key
	}
	return parent + "." + key
}

// Index is the path of the i-th entry of the list at path.
func Index(parent string, i int) string {
	return fmt.Sprintf("%s[%d]", parent, i)
}
