package plugin

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"sort"
	"strconv"
	"strings"
	"sync"
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
	// Deadline how long all attempts may take until one answers, after the body has arrived: in milliseconds; 0 is no limit.
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
	// maxStatus is the last status that HTTP has.
	maxStatus = 599
)

// toInner is the transport to the inner listener, one for all fronts.
var toInner = &http.Transport{
	DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		// A process that is busy needs seconds to take many connections of its own at once.
		return (&net.Dialer{Timeout: 30 * time.Second}).DialContext(ctx, network, InnerAddress)
	},
	MaxIdleConnsPerHost: 1000,
	IdleConnTimeout:     30 * time.Second,
	DisableCompression:  true,
}

var errNoBackend = errors.New("no backend")

// front is a Front that is ready for requests.
type front struct {
	service string
	config  Front
	groups  [][]int
	// first are the states of the first group.
	first []*state
	// asked is how many backends have a weight.
	asked    int
	failures map[int]bool
	// prepares says that there is an affinity or a mirror, and isTimed that there is a limit to how long an answer may take.
	prepares  bool
	isTimed   bool
	tally     *tally
	turns     *turns
	health    *health
	transport http.RoundTripper
	proxy     *httputil.ReverseProxy
}

// newFront is the front of a service for the middleware called name. It refuses before it makes anything that outlives it.
func newFront(service string, config Front, name string) (*front, error) {
	if !isOwn(service, name) {
		return nil, errors.New("front is for a service, as namespace/name, in the Middleware's own namespace")
	}
	if len(config.Backends) == 0 || config.Attempts < 1 {
		return nil, errors.New("front has no backends or no attempts; have a ModelService write it")
	}
	failures, err := failuresOf(config.Statuses)
	if err != nil {
		return nil, err
	}
	f := &front{
		service: service, config: config, failures: failures, transport: toInner,
		groups: groupsOf(config.Backends),
		tally:  tallyOf(namespaceOf(service), service),
		turns:  turnsOf(service + " " + config.Rule),
		health: healthOf(service, config.Backends),
	}
	for _, group := range f.groups {
		f.asked += len(group)
	}
	if len(f.groups) > 0 {
		for _, i := range f.groups[0] {
			f.first = append(f.first, f.health.states[config.Backends[i].Endpoint])
		}
	}
	f.prepares = config.AffinityBy != "" || config.Mirror != nil
	f.isTimed = config.HeaderTimeout > 0 || config.FirstTokenTimeout > 0 || config.Deadline > 0
	// Yaegi 0.16 makes no interface of a value in a literal.
	var transport http.RoundTripper = f
	var pool httputil.BufferPool = buffers{}
	f.proxy = &httputil.ReverseProxy{
		Rewrite: f.rewrite, Transport: transport, FlushInterval: -1, BufferPool: pool,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { refuse(w, r, refusalOf(err)) },
	}
	return f, nil
}

// failuresOf are the statuses after which the next backend is asked.
func failuresOf(statuses []string) (map[int]bool, error) {
	// Traefik answers these for a server that it cannot reach.
	failures := map[int]bool{http.StatusBadGateway: true, http.StatusGatewayTimeout: true}
	for _, text := range statuses {
		from, to, isRange := strings.Cut(text, "-")
		if !isRange {
			to = from
		}
		first, err := strconv.Atoi(from)
		last, errLast := strconv.Atoi(to)
		if err != nil || errLast != nil || last > maxStatus {
			return nil, errors.New("front has a status that is not a number or a range; have a ModelService write it")
		}
		for status := first; status <= last; status++ {
			failures[status] = true
		}
	}
	return failures, nil
}

// buffers are those by which answers pass from the inner listener to clients. A new one for each would be most of the garbage of a short request.
type buffers struct{}

var allBuffers = sync.Pool{New: func() any {
	made := make([]byte, 32<<10)
	return &made
}}

// Get takes a buffer.
func (buffers) Get() []byte { return *allBuffers.Get().(*[]byte) }

// Put gives it back.
func (buffers) Put(b []byte) { allBuffers.Put(&b) }

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

// nextOf is the backend to ask, -1 if all have been.
func nextOf(a *attempts) int {
	f := a.front
	if len(a.tried) == 0 && len(f.groups) > 0 && areIn(f.health, f.first) {
		return pick(f, a.key, f.groups[0])
	}
	return f.nextAmong(a.tried, a.key)
}

// nextAmong is nextOf where backends have been tried, or are out. Those that are out are asked only where all that are left are. Of many requests at
// once, the first one after an ejection finds out for the others.
func (f *front) nextAmong(tried map[int]bool, key string) int {
	now := since(time.Now())
	f.health.lock.Lock()
	defer f.health.lock.Unlock()
	for _, all := range []bool{false, true} {
		for _, group := range f.groups {
			open := openOf(f.health, f.config.Backends, group, tried, all, now)
			if len(open) > 0 {
				i := pick(f, key, open)
				s := f.health.states[f.config.Backends[i].Endpoint]
				s.isTried = s.until != 0
				return i
			}
		}
	}
	return -1
}

// pick is one of the backends that are open.
func pick(f *front, key string, open []int) int {
	if len(open) == 1 {
		return open[0]
	}
	if key != "" {
		return home(key, f.config.Backends, open)
	}
	return nextTurn(f.turns, f.config.Backends, open)
}

// ServeHTTP answers a request with the first answer of a backend that is good, or with the last one.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !isServable(w, r) {
		return
	}
	a := &attempts{front: f, tried: map[int]bool{}, isWhole: true}
	if r.ContentLength != 0 {
		if err := keep(a, r); err != nil {
			refuseBody(w, r, err)
			return
		}
		if a.held != nil && !a.held.isLetGo {
			defer letGo(a.held)
		}
	}
	// The time that a client takes for its body is not the backends'.
	a.began = time.Now()
	if f.prepares {
		f.prepare(a, r)
	}
	f.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), ofRequest, a)))
}

// isServable refuses what no front can serve.
func isServable(w http.ResponseWriter, r *http.Request) bool {
	if r.Context().Value(ofInner) != nil {
		refuse(w, r, looped)
		return false
	}
	if r.Method != http.MethodPost && !isToken(r.Method) {
		// HTTP/2 takes any, and the transport none of these.
		refuse(w, r, unsendable)
		return false
	}
	return true
}

// keep reads a body that is not too long to be sent to several backends.
func keep(a *attempts, r *http.Request) error {
	a.isWhole = false
	most := mostOfOne()
	if r.ContentLength > most {
		return nil
	}
	h, err := holdOnce(r, most)
	if err != nil {
		return err
	}
	a.held = h
	a.body = h.bytes
	a.isWhole = h.isWhole
	return nil
}

// prepare finds what the request has in common with others, and sends its copy to the mirror.
func (f *front) prepare(a *attempts, r *http.Request) {
	if f.config.AffinityBy != "" {
		a.key = f.config.keyOf(r, a.body)
	}
	if f.config.Mirror != nil && a.isWhole && !isSocket(r) {
		f.mirror(r, a.body)
	}
}

// mirror sends a copy of a request, if it is its turn.
func (f *front) mirror(r *http.Request, body []byte) {
	if takeMirror(f.service, f.config.Mirror.Percent, int64(len(body))) {
		target := innerURL(r.URL, f.config.Prefix, f.config.Mirror.Path)
		// The request itself changes on its way.
		go f.config.Mirror.send(r.Clone(r.Context()), target, body, f.transport)
	}
}

// ofRequest is where a request's context has its attempts.
var ofRequest = &struct{ name string }{"attempts"}

// RoundTrip asks backends until one answers well.
func (f *front) RoundTrip(r *http.Request) (*http.Response, error) {
	a := r.Context().Value(ofRequest).(*attempts)
	// A Middleware in front of the route may have set it, to get at another request's body.
	delete(r.Header, bodyHeader)
	if len(a.body) == 0 || !a.isWhole {
		return answerOf(a, r)
	}
	made := &loan{body: a.body, named: a.held.named}
	if to := answerTo(r); to != nil {
		made.isRead = to.reading != nil
	}
	model := a.held.model
	number := lend(made)
	r.Header[bodyHeader] = []string{number}
	response, err := answerOf(a, r)
	takeBack(number, made)
	if model != "" && err == nil && len(response.Header[ModelHeader]) == 0 {
		response.Header[ModelHeader] = []string{model}
	}
	return response, err
}

// forwarded are the headers in which the public listener has said who the client is.
var forwarded = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"}

// rewrite makes the request for the inner listener. What the public one has said of the client stays.
func (f *front) rewrite(p *httputil.ProxyRequest) {
	out := p.Out
	out.Host = p.In.Host
	// The transport fails where a name in it is none. Traefik passes on no values of a client's trailers.
	out.Trailer = nil
	for _, name := range forwarded {
		if values, has := p.In.Header[name]; has {
			out.Header[name] = values
		}
	}
	out.Header[tokenHeader] = tokenValues
	out.Header[clientHeader] = []string{p.In.RemoteAddr}
}

// restOf is what Retry-After asks for, in seconds or as a date (RFC 9110, section 10.2.3); 0 for nothing.
func restOf(text string, now time.Time) time.Duration {
	if text == "" {
		return 0
	}
	rest := time.Duration(0)
	// Of a number that is too large, it gives the largest.
	seconds, err := strconv.ParseInt(text, 10, 64)
	if seconds > int64(maxRest/time.Second) {
		return maxRest
	}
	if err == nil {
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
