// Package figures is what make bench-traffic and make bench-models have measured, and the page and the plots that are made of it.
package figures

import (
	"encoding/json"
	"os"
	"time"
)

// Figures are those of one run, as they are kept in a file. Durations are in milliseconds.
type Figures struct {
	Began   time.Time `json:"began"`
	Minutes float64   `json:"minutes"`
	Machine Machine   `json:"machine"`
	// Versions are those of what was measured, by name.
	Versions map[string]string `json:"versions"`
	// Absent says why a gateway was not measured, by name.
	Absent  map[string]string `json:"absent,omitempty"`
	Turns   []Turn            `json:"turns,omitempty"`
	Faults  []Fault           `json:"faults,omitempty"`
	Splits  []Split           `json:"splits,omitempty"`
	Streams []Streams         `json:"streams,omitempty"`
	Drain   *Drain            `json:"drain,omitempty"`
	Memory  []Memory          `json:"memory,omitempty"`
	Soak    *Soak             `json:"soak,omitempty"`
}

// Machine is where the run was made.
type Machine struct {
	CPU      string  `json:"cpu"`
	Cores    int     `json:"cores"`
	MemoryGB float64 `json:"memoryGB"`
	Kernel   string  `json:"kernel"`
	Go       string  `json:"go"`
	// Load is the machine's load average of one minute before the run.
	Load float64 `json:"load"`
}

// Turn is one way's turn in one round, with so many connections, each of which sends one request after another.
type Turn struct {
	Way string `json:"way"`
	Call
	Round       int     `json:"round"`
	Connections int     `json:"connections"`
	Requests    int     `json:"requests"`
	Failed      int     `json:"failed"`
	P50         float64 `json:"p50"`
	P95         float64 `json:"p95"`
	P99         float64 `json:"p99"`
	PerSecond   float64 `json:"perSecond"`
}

// Call is what a turn's requests ask for: nothing, where all turns of a run ask for the same.
type Call struct {
	// Body is about how long a request's body is, in bytes.
	Body int `json:"body,omitempty"`
	// IsStreamed says that answers come as event streams.
	IsStreamed bool `json:"isStreamed,omitempty"`
}

// Fault is what clients have seen of a backend that fails.
type Fault struct {
	// Kind is "killed", "busy" or "hung".
	Kind string `json:"kind"`
	Way  string `json:"way"`
	// Requests and Failed are those that began after the fault, or were under way.
	Requests int `json:"requests"`
	Failed   int `json:"failed"`
	// LastFailed is how long after the fault the last request ended that failed; 0 for none.
	LastFailed float64 `json:"lastFailed"`
	// Asked is how many of the requests after the fault have reached the backend; -1 where it cannot tell.
	Asked int `json:"asked"`
	// P99Before and P99After are latencies of requests that were answered, Slowest that of the slowest one after the fault.
	P99Before float64 `json:"p99Before"`
	P99After  float64 `json:"p99After"`
	Slowest   float64 `json:"slowest"`
	// Steps are the requests by when they ended.
	Steps []Step `json:"steps"`
}

// Step is a tenth of a second, by its distance from the fault.
type Step struct {
	At     float64 `json:"at"`
	Ended  int     `json:"ended"`
	Failed int     `json:"failed"`
}

// Split is how exactly one service has shared its requests.
type Split struct {
	Way      string `json:"way"`
	Weights  []int  `json:"weights"`
	Counts   []int  `json:"counts"`
	Requests int    `json:"requests"`
	Failed   int    `json:"failed"`
}

// Streams are event streams at once, in one round. A chunk is late by the time from its sending to its arrival.
type Streams struct {
	Way     string `json:"way"`
	Round   int    `json:"round"`
	Streams int    `json:"streams"`
	Chunks  int    `json:"chunks"`
	Lost    int    `json:"lost"`
	// Late has the percentiles of lateness, from 0 to 100.
	Late []float64 `json:"late"`
}

// Drain is the end of a Traefik under load.
type Drain struct {
	Streams int `json:"streams"`
	Cut     int `json:"cut"`
	Chunks  int `json:"chunks"`
	Lost    int `json:"lost"`
	// Requests and Failed are short ones that were sent all the while.
	Requests int `json:"requests"`
	Failed   int `json:"failed"`
	// Longest is how long after the signal the last stream ended, Gone how long after it the process did: in seconds.
	Longest float64 `json:"longest"`
	Gone    float64 `json:"gone"`
}

// Memory is that of Traefik under large requests at once, in bytes.
type Memory struct {
	Way      string `json:"way"`
	Requests int    `json:"requests"`
	Body     int64  `json:"body"`
	Answered int    `json:"answered"`
	// Refused are those answered 503 with Retry-After, as the gateway does when its memory is used up.
	Refused int `json:"refused"`
	Failed  int `json:"failed"`
	// Together is how many have been at the model server at once.
	Together int   `json:"together"`
	Before   int64 `json:"before"`
	Peak     int64 `json:"peak"`
}

// InFlight are the bytes of the bodies that were at the gateway together. What it refuses is none of them.
func (m Memory) InFlight() float64 { return float64(m.Body) * float64(m.Together) }

// Read reads figures from a file.
func Read(file string) (*Figures, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	f := &Figures{}
	return f, json.Unmarshal(text, f)
}

// Write writes figures to a file.
func (f *Figures) Write(file string) error {
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644) //nolint:gosec // all may read it
}
