package plugin

import (
	"net/http"
	"strconv"
	"time"
)

// serveWithin serves a request that all limits allow, and counts it until its end.
func serveWithin(c *check, limiters []limiter, w http.ResponseWriter, r *http.Request) {
	if c.countsTokens && len(r.Header["Upgrade"]) > 0 {
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
	if c.countsTokens && a.reading == nil {
		readTokens(a, r)
	}
	clients := begin(limiters, a, w, r)
	if clients == nil {
		return
	}
	a.isSettledFirst = a.isSettledFirst || c.settlesFirst
	isWhole := false
	defer func() { end(limiters, a, clients, !isWhole) }()
	if isNew {
		// As in the counter.
		c.next.ServeHTTP(a, r)
	} else {
		c.next.ServeHTTP(w, r)
	}
	isWhole = true
}

// begin counts a request, and gives the clients that it is counted for; nil where a limit refuses it.
func begin(limiters []limiter, a *answer, w http.ResponseWriter, r *http.Request) []string {
	now := time.Now()
	clients := make([]string, len(limiters))
	for i, l := range limiters {
		client := clientOf(l, r)
		left := beginOne(l, client, now)
		if l.limit.InFlight == 0 {
			a.allowances = tightest(a.allowances, left)
		}
		if left.wait > 0 {
			undo(limiters[:i], clients, now)
			refuseForNow(a, w, r, left)
			return nil
		}
		clients[i] = client
	}
	return clients
}

// undo takes back what limits have counted for a request that another one refuses.
func undo(limiters []limiter, clients []string, now time.Time) {
	for i, l := range limiters {
		if l.limit.Requests > 0 {
			l.meter.giveBack(clients[i], int64(l.limit.Seconds)*int64(time.Second)/int64(l.limit.Requests))
		}
		endOne(l, clients[i], 0, now)
	}
}

// end counts what is known at a request's end.
func end(limiters []limiter, a *answer, clients []string, isCut bool) {
	tokens := 0
	if a.reading != nil {
		endAnswer(a)
		tokens = charged(a.reading, isCut)
	}
	now := time.Now()
	for i, l := range limiters {
		endOne(l, clients[i], tokens, now)
	}
}

// allowed is what a client has left of a limit.
type allowed struct {
	isTokens    bool
	limit, left int
	// reset is how long until all of it is back, and wait how long until the next try of a request that is refused; 0 for one that passes.
	reset, wait time.Duration
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

var (
	requestHeaders = []string{"X-Ratelimit-Limit-Requests", "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Reset-Requests"}
	tokenHeaders   = []string{"X-Ratelimit-Limit-Tokens", "X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Reset-Tokens"}
)

// tellAllowances writes the headers by which OpenAI's clients know what they have left (https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers), in
// place of a server's own, which are about the gateway.
func tellAllowances(header http.Header, all []allowed) {
	for _, of := range all {
		names := requestHeaders
		if of.isTokens {
			names = tokenHeaders
		}
		header[names[0]] = []string{strconv.Itoa(of.limit)}
		header[names[1]] = []string{strconv.Itoa(of.left)}
		header[names[2]] = []string{of.reset.Round(time.Millisecond).String()}
	}
}
