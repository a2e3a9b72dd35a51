package plugin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Front has the plugin choose a backend for each request, and ask the next one where the first fails. It is a proxy of its own, to a
// listener that only this Traefik reaches: behind that, each backend has its own rewrite, Host and key, as in any route.
type Front struct {
	// Prefix is the service's path, in whose place comes a backend's on the inner listener.
	Prefix string `json:"prefix,omitempty"`
	// Rule tells the rules of a service apart, each of which shares its requests out by itself; "" is the service's own.
	Rule     string    `json:"rule,omitempty"`
	Backends []Backend `json:"backends,omitempty"`
	// Statuses are answers after which the next backend is asked: "429", "500-599".
	Statuses []string `json:"statuses,omitempty"`
	// Attempts is how many backends are asked at most.
	Attempts int `json:"attempts,omitempty"`
	// HeaderTimeout is how long an answer may take to begin, FirstTokenTimeout how long an event stream that has begun may say nothing, and
	// Deadline how long all attempts may take until one answers: in milliseconds; 0 is no limit.
	HeaderTimeout     int `json:"headerTimeout,omitempty"`
	FirstTokenTimeout int `json:"firstTokenTimeout,omitempty"`
	Deadline          int `json:"deadline,omitempty"`
	// EjectAfter is after how many failures in a row a backend is not asked for EjectSeconds; 0 is never.
	EjectAfter   int `json:"ejectAfter,omitempty"`
	EjectSeconds int `json:"ejectSeconds,omitempty"`
	// AffinityBy says what requests have in common that go to the same backend: "header", "cookie", "caller" or "prompt"; "" is nothing.
	// AffinityName is the header's or cookie's name.
	AffinityBy   string `json:"affinityBy,omitempty"`
	AffinityName string `json:"affinityName,omitempty"`
	// Mirror is where copies go; nil for none.
	Mirror *Mirror `json:"mirror,omitempty"`
}

const (
	// InnerPort is the port of the inner listener.
	InnerPort = 9400
	// InnerAddress is where it listens. Nothing outside of the Pod reaches it.
	InnerAddress = "127.0.0.1:9400"
	// maxRest is the longest time for which a backend that sends Retry-After is not asked.
	maxRest = 10 * time.Minute
)

// toInner is the transport to the inner listener, one for all fronts.
var toInner = &http.Transport{
	DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, network, InnerAddress)
	},
	MaxIdleConnsPerHost: 1000,
	IdleConnTimeout:     30 * time.Second,
	DisableCompression:  true,
}

var errNoBackend = errors.New("no backend")

// front is a Front that is ready for requests.
type front struct {
	service   string
	config    Front
	groups    [][]int
	statuses  []span
	tally     *tally
	turns     *turns
	health    *health
	transport http.RoundTripper
	proxy     *httputil.ReverseProxy
}

// span is a range of statuses.
type span struct{ from, to int }

func newFront(service string, config Front) (*front, error) {
	if len(config.Backends) == 0 || config.Attempts < 1 {
		return nil, errors.New("front has no backends or no attempts; have a ModelService write it")
	}
	f := &front{
		service: service, config: config, groups: groupsOf(config.Backends), tally: tallyOf(namespaceOf(service), service), turns: turnsOf(service + " " + config.Rule), health: healthOf(service), transport: toInner,
	}
	for _, text := range config.Statuses {
		from, to, isRange := strings.Cut(text, "-")
		if !isRange {
			to = from
		}
		first, err := strconv.Atoi(from)
		last, errLast := strconv.Atoi(to)
		if err != nil || errLast != nil {
			return nil, errors.New("front has a status that is not a number or a range; have a ModelService write it")
		}
		f.statuses = append(f.statuses, span{from: first, to: last})
	}
	// Yaegi 0.16 makes no interface of a value in a literal.
	var transport http.RoundTripper = f
	f.proxy = &httputil.ReverseProxy{
		Rewrite: f.rewrite, Transport: transport, FlushInterval: -1,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { refuse(w, r, refusalOf(err)) },
	}
	return f, nil
}

// groupsOf are the indexes of backends by priority, the first to be asked first. Those without a weight are never asked.
func groupsOf(backends []Backend) [][]int {
	byPriority := map[int][]int{}
	for i, b := range backends {
		if b.Weight > 0 {
			byPriority[b.Priority] = append(byPriority[b.Priority], i)
		}
	}
	var priorities []int
	for priority := range byPriority {
		priorities = append(priorities, priority)
	}
	sort.Ints(priorities)
	var groups [][]int
	for _, priority := range priorities {
		groups = append(groups, byPriority[priority])
	}
	return groups
}

// choose is the backend to ask, -1 if all have been. Those that are out are asked only where all that are left are.
func (f *front) choose(tried map[int]bool, key string, now time.Time) int {
	for _, all := range []bool{false, true} {
		for _, group := range f.groups {
			var open []int
			for _, i := range group {
				if !tried[i] && (all || f.health.isOpen(f.config.Backends[i].Endpoint, now)) {
					open = append(open, i)
				}
			}
			if len(open) == 0 {
				continue
			}
			if key != "" {
				return home(key, f.config.Backends, open)
			}
			return f.turns.next(f.config.Backends, open)
		}
	}
	return -1
}

// ServeHTTP answers a request with the first answer of a backend that is good, or with the last one.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Context().Value(ofInner) != nil {
		refuse(w, r, looped)
		return
	}
	a := &attempts{front: f, began: time.Now(), tried: map[int]bool{}, isWhole: true}
	if r.ContentLength != 0 {
		a.isWhole = false
		if most := bodyMemory.ofOne(); r.ContentLength <= most {
			h, err := holdOnce(r, most)
			if err != nil {
				refuseBody(w, r, err)
				return
			}
			defer h.letGo()
			a.held = h
			a.body = h.bytes
			a.isWhole = h.isWhole
		}
	}
	a.key = f.config.keyOf(r, a.body)
	if f.config.Mirror != nil && a.isWhole && !isSocket(r) && takeMirror(f.service, f.config.Mirror.Percent, int64(len(a.body))) {
		target := innerURL(r.URL, f.config.Prefix, f.config.Mirror.Path)
		// The request itself changes on its way.
		go f.config.Mirror.send(r.Clone(r.Context()), target, a.body, f.transport)
	}
	f.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), ofRequest, a)))
}

// ofRequest is where a request's context has its attempts.
var ofRequest = &struct{ name string }{"attempts"}

// RoundTrip asks backends until one answers well.
func (f *front) RoundTrip(r *http.Request) (*http.Response, error) {
	return r.Context().Value(ofRequest).(*attempts).answer(r)
}

// rewrite makes the request for the inner listener. What the public one has said of the client stays.
func (f *front) rewrite(p *httputil.ProxyRequest) {
	p.Out.Host = p.In.Host
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if values, has := p.In.Header[name]; has {
			p.Out.Header[name] = values
		}
	}
	p.Out.Header.Set(tokenHeader, token)
	p.Out.Header.Set(clientHeader, p.In.RemoteAddr)
}

// attempts are those for one request.
type attempts struct {
	front *front
	began time.Time
	// isWhole says that the whole body is in body, so that it can be sent again.
	isWhole bool
	body    []byte
	// held is what has the body; nil without one.
	held  *heldBody
	key   string
	tried map[int]bool
}

// answer asks backends until one answers well.
func (a *attempts) answer(r *http.Request) (*http.Response, error) {
	f := a.front
	failure := errNoBackend
	for n := 1; ; n++ {
		i := f.choose(a.tried, a.key, time.Now())
		if i < 0 {
			return nil, failure
		}
		a.tried[i] = true
		response, err := a.ask(r, f.config.Backends[i])
		isLast := n >= f.config.Attempts || len(a.tried) == len(f.config.Backends) || !a.isWhole || a.left() <= 0
		if err == nil && (isLast || !f.isFailure(response.StatusCode)) {
			if a.isWhole {
				// Nobody is asked again.
				a.body = nil
				a.held.drop()
			}
			return response, nil
		}
		if err != nil && (isLast || r.Context().Err() != nil) {
			return nil, err
		}
		if err != nil {
			failure = err
			f.tally.failedOver(f.config.Backends[i].Endpoint, reasonOf(err))
			continue
		}
		f.tally.failedOver(f.config.Backends[i].Endpoint, strconv.Itoa(response.StatusCode))
		// What is left of it is not read: that could take for ever.
		_ = response.Body.Close()
	}
}

// ask sends the request to one backend, and tells the others how that went.
func (a *attempts) ask(r *http.Request, b Backend) (*http.Response, error) {
	f := a.front
	f.health.asked(b.Endpoint)
	response, err := a.send(r, b)
	now := time.Now()
	pause := time.Duration(f.config.EjectSeconds) * time.Second
	if err != nil {
		// Of a body that goes on as it arrives, nobody knows whether its client has failed or the backend.
		if r.Context().Err() != nil || !a.isWhole {
			f.health.left(b.Endpoint)
			return nil, err
		}
		a.failed(b, pause, now)
		return nil, err
	}
	if !f.isFailure(response.StatusCode) {
		f.health.answered(b.Endpoint)
		return response, nil
	}
	rest := restOf(response.Header.Get("Retry-After"), now)
	if rest > 0 {
		f.health.rest(b.Endpoint, rest, now)
		f.tally.ejected(b.Endpoint)
	} else {
		a.failed(b, pause, now)
	}
	return response, nil
}

// failed notes that a backend has failed this request.
func (a *attempts) failed(b Backend, pause time.Duration, now time.Time) {
	f := a.front
	if f.health.failed(b.Endpoint, f.config.EjectAfter, pause, now) {
		f.tally.ejected(b.Endpoint)
	}
}

// reasonOf is why there was no answer, in a word for figures.
func reasonOf(err error) string {
	if errors.Is(err, errTimeout) {
		return "timeout"
	}
	return "unreachable"
}

// send sends the request to one backend, and waits until its answer has begun: with the header, or an event stream with its first event.
func (a *attempts) send(r *http.Request, b Backend) (*http.Response, error) {
	f := a.front
	ctx, cancel := context.WithCancel(r.Context())
	out := r.Clone(ctx)
	out.URL = innerURL(r.URL, f.config.Prefix, b.Path)
	if a.isWhole {
		out.Body = io.NopCloser(bytes.NewReader(a.body))
		out.ContentLength = int64(len(a.body))
		if len(a.body) == 0 {
			out.Body = http.NoBody
		}
	}
	timer := time.AfterFunc(a.patience(f.config.HeaderTimeout), cancel)
	response, err := f.transport.RoundTrip(out)
	if err != nil {
		timer.Stop()
		return nil, a.reason(r, err)
	}
	if f.config.FirstTokenTimeout == 0 || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		if !timer.Stop() {
			_ = response.Body.Close()
			return nil, errTimeout
		}
		return response, nil
	}
	timer.Reset(a.patience(f.config.FirstTokenTimeout))
	first := make([]byte, 4096)
	n, err := response.Body.Read(first)
	isLate := !timer.Stop()
	if isLate {
		err = errTimeout
	}
	if isLate || n == 0 && err != nil && !errors.Is(err, io.EOF) {
		_ = response.Body.Close()
		return nil, err
	}
	// The body itself is closed when the request ends.
	response.Body = io.NopCloser(io.MultiReader(bytes.NewReader(first[:n]), response.Body))
	return response, nil
}

// innerURL is a request's URL on the inner listener, with path in place of the service's own.
func innerURL(asked *url.URL, prefix, path string) *url.URL {
	target := *asked
	target.Scheme = "http"
	target.Host = InnerAddress
	target.Path = path + strings.TrimPrefix(asked.Path, prefix)
	if asked.RawPath != "" {
		target.RawPath = path + strings.TrimPrefix(asked.RawPath, prefix)
	}
	return &target
}

// forEver is longer than any answer takes.
const forEver = 24 * time.Hour

// patience is how long to wait, given a limit in milliseconds and the deadline for all attempts. A client may take its time for a body that goes on as it
// arrives.
func (a *attempts) patience(limit int) time.Duration {
	wait := forEver
	if !a.isWhole {
		return wait
	}
	if limit > 0 {
		wait = time.Duration(limit) * time.Millisecond
	}
	if left := a.left(); left < wait {
		wait = left
	}
	return wait
}

// left is how long attempts may go on.
func (a *attempts) left() time.Duration {
	if a.front.config.Deadline == 0 {
		return forEver
	}
	return time.Duration(a.front.config.Deadline)*time.Millisecond - time.Since(a.began)
}

var errTimeout = errors.New("no answer in time")

// reason tells a backend that took too long from a client that has left.
func (a *attempts) reason(r *http.Request, err error) error {
	if r.Context().Err() == nil && errors.Is(err, context.Canceled) {
		return errTimeout
	}
	return err
}

// isFailure says whether the next backend is asked after an answer with this status. 502 and 504 are what Traefik answers for a server that it
// cannot reach.
func (f *front) isFailure(status int) bool {
	if status == http.StatusBadGateway || status == http.StatusGatewayTimeout {
		return true
	}
	for _, s := range f.statuses {
		if s.from <= status && status <= s.to {
			return true
		}
	}
	return false
}

// restOf is what Retry-After asks for, in seconds or as a date (RFC 9110, section 10.2.3); 0 for nothing.
func restOf(text string, now time.Time) time.Duration {
	if text == "" {
		return 0
	}
	rest := time.Duration(0)
	if seconds, err := strconv.Atoi(text); err == nil {
		rest = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		rest = at.Sub(now)
	}
	if rest > maxRest {
		return maxRest
	}
	return rest
}

// refusalOf is what the client is told when no backend has answered.
func refusalOf(err error) refusal {
	switch {
	case errors.Is(err, errTimeout):
		return refusal{http.StatusGatewayTimeout, "server_error", "backend_timeout", "No model server has answered in time."}
	case errors.Is(err, context.Canceled):
		return refusal{statusClientGone, "server_error", "client_gone", "The client has left."}
	default:
		return refusal{http.StatusBadGateway, "server_error", "backend_unreachable", "No model server could be reached."}
	}
}
