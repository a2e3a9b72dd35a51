package plugin

import (
	"sync"
	"time"
)

// health knows which backends of a service are not asked for now. It lives in a package variable, as turns do.
type health struct {
	lock   sync.Mutex
	states map[string]*state
}

// state is that of one backend.
type state struct {
	// failures are those since its last answer.
	failures int
	// until is when it may be asked again, on the clock of [since]; 0 while it is in use.
	until int64
	// isTried says that one request finds out whether it is back. Others do not wait for that.
	isTried bool
}

// started is before all times that are kept.
var started = time.Now()

// since is a time in nanoseconds, by a clock that nobody sets.
func since(now time.Time) int64 { return int64(now.Sub(started)) }

var (
	allHealth     = map[string]*health{}
	allHealthLock sync.Mutex
)

// healthOf is that of a service, with a state for each of these backends.
func healthOf(service string, backends []Backend) *health {
	allHealthLock.Lock()
	defer allHealthLock.Unlock()
	known, has := allHealth[service]
	if !has {
		known = &health{states: map[string]*state{}}
		allHealth[service] = known
	}
	known.lock.Lock()
	defer known.lock.Unlock()
	for _, b := range backends {
		if known.states[b.Endpoint] == nil {
			known.states[b.Endpoint] = &state{}
		}
	}
	return known
}

// openOf are those of a group that may be asked: they have not been tried, and are not out unless all are asked. The caller has the lock.
func openOf(h *health, backends []Backend, group []int, tried map[int]bool, all bool, now int64) []int {
	var open []int
	for _, i := range group {
		s := h.states[backends[i].Endpoint]
		if !tried[i] && (all || s.until == 0 || now >= s.until && !s.isTried) {
			open = append(open, i)
		}
	}
	return open
}

// noteAnswered says that a backend has answered.
func noteAnswered(h *health, endpoint string) {
	h.lock.Lock()
	s := h.states[endpoint]
	s.failures = 0
	s.until = 0
	s.isTried = false
	h.lock.Unlock()
}

// areIn says whether none of these backends is out, or has been and not answered since.
func areIn(h *health, states []*state) bool {
	all := true
	h.lock.Lock()
	for _, s := range states {
		all = all && s.until == 0
	}
	h.lock.Unlock()
	return all
}

// left says that nothing is known of how it would have ended: the client has gone.
func (h *health) left(endpoint string) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.states[endpoint].isTried = false
}

// failed says that a backend has failed. After most failures in a row, or where it was being tried, it is not asked for a time. It gives whether
// that begins now; most of 0 never ejects.
func (h *health) failed(endpoint string, most int, pause time.Duration, now time.Time) bool {
	h.lock.Lock()
	defer h.lock.Unlock()
	s := h.states[endpoint]
	s.failures++
	isOut := most > 0 && (s.isTried || s.failures >= most)
	s.isTried = false
	return isOut && keepOut(s, pause, now)
}

// rest keeps a backend that has asked for it out for a time, and gives whether that begins now.
func (h *health) rest(endpoint string, pause time.Duration, now time.Time) bool {
	h.lock.Lock()
	defer h.lock.Unlock()
	s := h.states[endpoint]
	s.isTried = false
	return keepOut(s, pause, now)
}

// keepOut keeps a backend out for at least this time, and gives whether that begins now: requests that were under way before fail, too.
func keepOut(s *state, pause time.Duration, now time.Time) bool {
	begins := s.until <= since(now)
	if until := since(now.Add(pause)); until > s.until {
		s.until = until
	}
	return begins
}
