package plugin

import (
	"net/http"
	"strconv"
	"time"
)

// serveWithin serves a request that all limits allow, and counts it until its end.
func (m *middleware) serveWithin(w http.ResponseWriter, r *http.Request, limiters []limiter) {
	if m.countsTokens && r.Header.Get("Upgrade") != "" {
		// Nobody reads what comes by a WebSocket.
		refuse(w, r, uncountedSocket)
		return
	}
	a := answerTo(r)
	isNew := a == nil
	if isNew {
		a = newAnswer(w)
		r = withAnswer(r, a)
	}
	if m.countsTokens {
		readTokens(a, r)
	}
	clients := begin(limiters, a, w, r)
	if clients == nil {
		return
	}
	isWhole := false
	defer func() { end(limiters, a, clients, !isWhole) }()
	if isNew {
		// As in the counter.
		serve(m, a, r)
	} else {
		serve(m, w, r)
	}
	isWhole = true
}

// begin counts a request, and gives the clients that it is counted for; nil where a limit refuses it.
func begin(limiters []limiter, a *answer, w http.ResponseWriter, r *http.Request) []string {
	now := time.Now()
	clients := make([]string, 0, len(limiters))
	for _, l := range limiters {
		client := l.clientOf(r)
		wait := l.begin(client, now)
		a.allowances = l.tell(a.allowances, client, now)
		if wait > 0 {
			for i, counted := range clients {
				limiters[i].undo(counted)
				limiters[i].end(counted, 0, now)
			}
			a.isLimited = true
			tellAllowances(w.Header(), a.allowances)
			refuseForNow(w, r, wait, l.limit.Tokens > 0)
			return nil
		}
		clients = append(clients, client)
	}
	return clients
}

// end counts what is known at a request's end.
func end(limiters []limiter, a *answer, clients []string, isCut bool) {
	tokens := 0
	if a.reading != nil {
		endAnswer(a)
		tokens = a.reading.charged(isCut)
	}
	now := time.Now()
	for i, client := range clients {
		limiters[i].end(client, tokens, now)
	}
}

// allowed is what a client has left of a limit.
type allowed struct {
	isTokens    bool
	limit, left int
	// reset is how long until all of it is back.
	reset time.Duration
}

// tell adds what is left of a limit, if less is left than of those before it.
func (l limiter) tell(all []allowed, client string, now time.Time) []allowed {
	if l.limit.InFlight > 0 {
		return all
	}
	return tightest(all, l.meter.left(client, l.limit, now))
}

// tightest adds what is left of a limit, if less is left than of those of its kind.
func tightest(all []allowed, next allowed) []allowed {
	for i, other := range all {
		if other.isTokens == next.isTokens {
			if next.left < other.left {
				all[i] = next
			}
			return all
		}
	}
	return append(all, next)
}

// left is what a client has left of a limit.
func (m *meter) left(client string, limit Limit, now time.Time) allowed {
	m.lock.Lock()
	defer m.lock.Unlock()
	if limit.Tokens > 0 {
		m.turn(now)
		left := limit.Tokens - m.used(client)
		if left < 0 {
			left = 0
		}
		return allowed{isTokens: true, limit: limit.Tokens, left: left, reset: m.untilTurn(now)}
	}
	full, has := m.full[client]
	if !has && len(m.full) >= maxClients {
		full = m.full[others]
	}
	reset := full - since(now)
	if reset < 0 {
		reset = 0
	}
	span := int64(limit.Seconds) * int64(time.Second)
	return allowed{limit: limit.Requests, left: int((span - reset) / (span / int64(limit.Requests))), reset: time.Duration(reset)}
}

// tellAllowances writes the headers by which OpenAI's clients know what they have left (https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers), in
// place of a server's own, which are about the gateway.
func tellAllowances(header http.Header, all []allowed) {
	for _, of := range all {
		end := "-Requests"
		if of.isTokens {
			end = "-Tokens"
		}
		header["X-Ratelimit-Limit"+end] = []string{strconv.Itoa(of.limit)}
		header["X-Ratelimit-Remaining"+end] = []string{strconv.Itoa(of.left)}
		header["X-Ratelimit-Reset"+end] = []string{of.reset.Round(time.Millisecond).String()}
	}
}
