package plugin

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
)

// mostBytes is the largest limit of a body: 1 GiB.
const mostBytes = 1 << 30

// check lets those requests pass that their clients may send: by address, by key, by length, and by what they have sent already, in this order.
type check struct {
	allowed      []netip.Prefix // none where every address may
	trusted      []netip.Prefix
	keyring      *keyring // nil where no key is asked for
	keyMeter     *meter   // counts the requests of keys that have a limit of their own
	maxBodyBytes int64
	limiters     []limiter
	countsTokens bool // whether one of them is of tokens
	settlesFirst bool // whether one of them counts at a request's end what the client's next one is judged by
	next         http.Handler
}

func newCheck(next http.Handler, config *Config, name string) (*check, error) {
	c := &check{maxBodyBytes: config.MaxBodyBytes, next: next}
	if config.Callers != nil {
		ring, err := keyringOf(*config.Callers)
		if err != nil {
			return nil, err
		}
		c.keyring = ring
		c.keyMeter = meterOf("keys of "+name, 0)
	}
	if config.MaxBodyBytes < 0 || config.MaxBodyBytes > mostBytes {
		return nil, errors.New("maxBodyBytes is not a number from 0 to 1073741824; have a ModelService write it")
	}
	trusted, err := parseRanges(config.TrustedProxies)
	if err != nil {
		return nil, errors.New("trustedProxies: " + err.Error())
	}
	c.trusted = trusted
	allowed, err := parseRanges(config.AllowFrom)
	if err != nil {
		return nil, errors.New("allowFrom: " + err.Error())
	}
	c.allowed = allowed
	if len(config.Limits) > 0 && !isOwn(config.Service, name) {
		return nil, errors.New("limits are for a service, as namespace/name, in the Middleware's own namespace")
	}
	limiters, err := limitersOf(config.Service, config.Limits, trusted)
	if err != nil {
		return nil, err
	}
	c.limiters = limiters
	for _, l := range limiters {
		c.countsTokens = c.countsTokens || l.limit.Tokens > 0
		c.settlesFirst = c.settlesFirst || l.limit.Requests == 0
	}
	return c, nil
}

// ServeHTTP serves a request that its client may send.
func (c *check) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if len(c.allowed) > 0 && isElsewhere(c, w, r) {
		return
	}
	limiters := c.limiters
	if c.keyring != nil {
		known := admit(c.keyring, w, r)
		if known == nil {
			return
		}
		if known.requests > 0 {
			limiters = withKeys(limiters, c.keyMeter, known)
		}
	}
	if c.maxBodyBytes > 0 {
		serveMeasured(c, limiters, w, r)
		return
	}
	if len(limiters) > 0 {
		serveWithin(c, limiters, w, r)
		return
	}
	c.next.ServeHTTP(w, r)
}

// isElsewhere refuses a client whose address is not among those that may ask.
func isElsewhere(c *check, w http.ResponseWriter, r *http.Request) bool {
	if isWithin(clientAddress(r, c.trusted), c.allowed) {
		return false
	}
	refuse(w, r, elsewhere)
	return true
}

// serveMeasured serves a request whose body is not too large. One whose length is not known is held, so that the server is not sent a part of it.
func serveMeasured(c *check, limiters []limiter, w http.ResponseWriter, r *http.Request) {
	tooLarge := r.ContentLength > c.maxBodyBytes
	if r.ContentLength < 0 {
		h, err := holdOnce(r, c.maxBodyBytes)
		if err != nil {
			refuseBody(w, r, err)
			return
		}
		defer letGo(h)
		tooLarge = int64(len(h.bytes)) > c.maxBodyBytes
		h.isLetGo = true
		r = r.WithContext(context.WithValue(r.Context(), ofBody, h))
	}
	if tooLarge {
		refuseBody(w, r, &http.MaxBytesError{Limit: c.maxBodyBytes})
		return
	}
	if len(limiters) > 0 {
		serveWithin(c, limiters, w, r)
		return
	}
	c.next.ServeHTTP(w, r)
}

// byModel lets keys pass that are for certain models, since a catalog follows, which keeps to them.
type byModel struct{ next http.Handler }

// ServeHTTP passes every request on.
func (b *byModel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), ofAllowance, &allowance{})))
}
