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
	name    string
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
	return kinds == 1 && (l.InFlight > 0 || l.Seconds > 0)
}

// begin counts a request of a client, or gives how long to wait before the next try. Yaegi 0.16 cannot give back a function beside another
// value, so that the request's end is told by [limiter.end].
func (l limiter) begin(client string, now time.Time) time.Duration {
	switch {
	case l.limit.InFlight > 0:
		return l.meter.begin(client, l.limit.InFlight)
	case l.limit.Tokens > 0:
		return l.meter.overspent(client, l.limit.Tokens, now)
	}
	return l.meter.take(client, l.limit.Requests, time.Duration(l.limit.Seconds)*time.Second, now)
}

// undo takes back what begin has counted, for a request that another limit refuses.
func (l limiter) undo(client string) {
	if l.limit.Requests > 0 {
		l.meter.giveBack(client, int64(l.limit.Seconds)*int64(time.Second)/int64(l.limit.Requests))
	}
}

// end says that a request which was counted is over, and how many tokens it took.
func (l limiter) end(client string, tokens int, now time.Time) {
	if l.limit.InFlight > 0 {
		l.meter.end(client)
	}
	if l.limit.Tokens > 0 && tokens > 0 {
		l.meter.spend(client, tokens, now)
	}
}

// clientOf is who sent a request, as far as the limit tells clients apart.
func (l limiter) clientOf(r *http.Request) string {
	switch l.limit.By {
	case "caller":
		return r.Header.Get(CallerHeader)
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

// take counts one request of a client, unless its allowance is used up; then it gives how long until one request is allowed again. An
// allowance fills up evenly (the generic cell rate algorithm).
func (m *meter) take(client string, requests int, span time.Duration, now time.Time) time.Duration {
	m.lock.Lock()
	defer m.lock.Unlock()
	at := since(now)
	m.sweep(at)
	full, has := m.full[client]
	if !has && len(m.full) >= maxClients {
		client = others
		full = m.full[client]
	}
	if full < at {
		full = at
	}
	each := int64(span) / int64(requests)
	if over := full + each - at - int64(span); over > 0 {
		return time.Duration(over)
	}
	m.full[client] = full + each
	return 0
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

// sweep forgets the clients whose allowance is whole, now and then.
func (m *meter) sweep(at int64) {
	if at-m.swept < int64(10*time.Second) && len(m.full) < maxClients || at-m.swept < int64(time.Second) {
		return
	}
	m.swept = at
	for client, full := range m.full {
		if full <= at {
			delete(m.full, client)
		}
	}
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
