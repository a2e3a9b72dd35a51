package plugin

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// Limit is how much one caller, or all together, may ask for.
type Limit struct {
	// By says whose requests are counted together: "caller", "address", "header", or "all".
	By string `json:"by,omitempty"`
	// Header is the header whose value tells clients apart, where By is "header".
	Header string `json:"header,omitempty"`
	// Requests may be sent at once, and as many again in each span of Seconds, evenly.
	Requests int `json:"requests,omitempty"`
	Seconds  int `json:"seconds,omitempty"`
	// InFlight is how many may be under way at once.
	InFlight int `json:"inFlight,omitempty"`
	// Tokens may be used in each span of Seconds. Nothing passes once they are, so that what was under way then comes on top.
	Tokens int `json:"tokens,omitempty"`
}

const (
	// MaxSeconds is the longest span: a day. Any tenant can make a Middleware, and nanoseconds of a much longer one overflow.
	MaxSeconds = 24 * 60 * 60
	// maxClients is how many clients a limit tells apart. Those beyond share one count, so that made-up names take no memory.
	maxClients = 100_000
	// others is what such clients are counted as; it is no client's own, since it has a line break.
	others = "\n"
)

// meter counts for one limit of one service. It lives in a package variable: Traefik makes its middlewares again whenever any object changes,
// and nobody should get a new allowance by that.
type meter struct {
	lock sync.Mutex
	// full is when a client's allowance is whole again, on the clock of [since]. One that is whole has no entry.
	full map[string]int64
	// underWay are a client's requests that have no whole answer yet.
	underWay map[string]int
	swept    int64
	// spent are the tokens that clients have used in the span whose number is span, of so many seconds; 0 where no tokens are counted.
	spent   map[string]*spending
	span    int64
	seconds int64
	// turnsAt is when the next span begins, in nanoseconds since 1970. Before keptFrom, somebody has set the clock back.
	turnsAt, keptFrom int64
	name              string
}

var (
	meters     = map[string]*meter{}
	metersLock sync.Mutex
)

// meterOf is the meter called name; seconds are how long its spans of tokens are, 0 where it counts none.
func meterOf(name string, seconds int64) *meter {
	metersLock.Lock()
	defer metersLock.Unlock()
	if known, has := meters[name]; has {
		return known
	}
	made := &meter{full: map[string]int64{}, underWay: map[string]int{}, spent: map[string]*spending{}, name: name, seconds: seconds}
	meters[name] = made
	return made
}

// limiter is a limit with its meter, and the proxies that it believes about a client's address.
type limiter struct {
	limit   Limit
	meter   *meter
	trusted []netip.Prefix
}

// limitersOf are the limits of a service.
func limitersOf(service string, limits []Limit, trusted []netip.Prefix) ([]limiter, error) {
	var all []limiter
	for _, limit := range limits {
		isKnown := limit.By == "caller" || limit.By == "address" || limit.By == "all" || limit.By == "header" && limit.Header != ""
		if !isKnown || !limit.isUsable() {
			return nil, errors.New("limits has an entry that the plugin does not understand; have a ModelService write it")
		}
		// Those for a minute and for a day count apart.
		kind := "requests in " + strconv.Itoa(limit.Seconds)
		switch {
		case limit.InFlight > 0:
			kind = "in flight"
		case limit.Tokens > 0:
			kind = "tokens in " + strconv.Itoa(limit.Seconds)
		}
		name := service + " " + kind + " by " + limit.By + " " + limit.Header
		seconds := int64(0)
		if limit.Tokens > 0 {
			seconds = int64(limit.Seconds)
			beginSharing()
		}
		all = append(all, limiter{limit: limit, meter: meterOf(name, seconds), trusted: trusted})
	}
	return all, nil
}

// isUsable says whether the limit is of one kind.
func (l Limit) isUsable() bool {
	kinds := 0
	for _, most := range []int{l.Requests, l.InFlight, l.Tokens} {
		if most < 0 {
			return false
		}
		if most > 0 {
			kinds++
		}
	}
	return kinds == 1 && (l.InFlight > 0 || l.Seconds > 0 && l.Seconds <= MaxSeconds && l.Requests <= l.Seconds*int(time.Second))
}

// withKeys are limits after that of a key, which all keys of its caller count for.
func withKeys(limiters []limiter, m *meter, of *caller) []limiter {
	first := limiter{limit: Limit{By: "caller", Requests: of.requests, Seconds: 60}, meter: m}
	return append([]limiter{first}, limiters...)
}

// beginOne counts a request of a client, and gives what it has left then. Yaegi 0.16 cannot give back a function beside another value, so that the request's end is told by
// endOne.
func beginOne(l limiter, client string, now time.Time) allowed {
	if l.limit.Tokens > 0 {
		return ofTokens(l.meter, client, l.limit.Tokens, now)
	}
	return l.ofRequests(client, now)
}

func (l limiter) ofRequests(client string, now time.Time) allowed {
	if l.limit.InFlight > 0 {
		return allowed{wait: l.meter.begin(client, l.limit.InFlight)}
	}
	return take(l.meter, client, l.limit.Requests, int64(l.limit.Seconds)*int64(time.Second), since(now))
}

// endOne says that a request which was counted is over, and how many tokens it took.
func endOne(l limiter, client string, tokens int, now time.Time) {
	if l.limit.Tokens > 0 && tokens > 0 {
		spend(l.meter, client, tokens, now)
		return
	}
	if l.limit.InFlight > 0 {
		l.meter.end(client)
	}
}

// clientOf is who sent a request, as far as the limit tells clients apart.
func clientOf(l limiter, r *http.Request) string {
	if l.limit.By == "caller" {
		return r.Header.Get(CallerHeader)
	}
	return l.clientBeside(r)
}

func (l limiter) clientBeside(r *http.Request) string {
	switch l.limit.By {
	case "address":
		return networkOf(clientAddress(r, l.trusted))
	case "header":
		return shortened(r.Header.Get(l.limit.Header))
	default:
		return ""
	}
}

// maxName is how long a client's name is kept as it is, in bytes. A header can have a megabyte.
const maxName = 128

// shortened is a name that takes little memory, and is no other client's.
func shortened(name string) string {
	if len(name) <= maxName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return others + hex.EncodeToString(sum[:])
}

// take counts one request of a client, unless its allowance is used up. An allowance fills up evenly (the generic cell rate algorithm): span is how long all of it takes, and at
// is now, in nanoseconds.
func take(m *meter, client string, requests int, span, at int64) allowed {
	m.lock.Lock()
	if at-m.swept > sweepEvery || len(m.full) >= maxClients {
		client = m.sweep(client, at)
	}
	full := m.full[client]
	if full < at {
		full = at
	}
	each := span / int64(requests)
	over := full + each - at - span
	if over <= 0 {
		full += each
		m.full[client] = full
	}
	m.lock.Unlock()
	left := allowed{limit: requests, left: int((span - full + at) / each), reset: time.Duration(full - at)}
	if over > 0 {
		left.wait = time.Duration(over)
	}
	return left
}

// giveBack lets a client have what one request has taken.
func (m *meter) giveBack(client string, each int64) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if _, has := m.full[client]; !has {
		client = others
	}
	if full, has := m.full[client]; has {
		m.full[client] = full - each
	}
}

// sweepEvery is how often a meter forgets those whose allowance is whole, in nanoseconds.
const sweepEvery = int64(10 * time.Second)

// sweep forgets the clients whose allowance is whole, and gives what the client is counted as now.
func (m *meter) sweep(client string, at int64) string {
	if at-m.swept > int64(time.Second) {
		m.swept = at
		for known, full := range m.full {
			if full <= at {
				delete(m.full, known)
			}
		}
	}
	if _, has := m.full[client]; !has && len(m.full) >= maxClients {
		return others
	}
	return client
}

// begin counts a request as under way, until end. A client that has as many already waits for one of them: a second, for want of better
// knowledge.
func (m *meter) begin(client string, most int) time.Duration {
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.underWay[client] >= most {
		return time.Second
	}
	m.underWay[client]++
	return 0
}

func (m *meter) end(client string) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.underWay[client]--
	if m.underWay[client] == 0 {
		delete(m.underWay, client)
	}
}
