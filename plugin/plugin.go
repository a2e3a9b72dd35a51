// Package plugin is the Traefik middleware of a gateway. Traefik interprets it from its source, so these files use the
// standard library alone, and no more of it than Go 1.22 has.
//
// It has four uses. In front of all routes, as the middleware of the entry point:
//
//	spec:
//	  plugin:
//	    modelplane:
//	      removeOwnHeaders: true
//	      refuseDotSegments: true
//	      readBody: true
//
// In front of the services of a namespace that ask for keys, with the callers in a Secret:
//
//	callers: urn:k8s:secret:team-keys:callers
//
// In front of one service, with its limits:
//
//	service: default/chat
//	maxBodyBytes: 1048576
//	limits: [{by: caller, requests: 60, seconds: 60}, {by: all, inFlight: 100}]
//
// And for the requests of one backend, with the key in a Secret beside the Middleware, which Traefik reads and watches:
//
//	spec:
//	  plugin:
//	    modelplane:
//	      anonymous: true
//	      bearer: urn:k8s:secret:groq-key:key
//	      model: llama-3.3-70b-versatile
//
// A Middleware that is not usable answers every request with 500 and an error in OpenAI's form, and says in Traefik's
// log what is wrong. It does not fail to start: Traefik would then answer 404 for every backend of the rule. It never
// sends an empty credential, and it never prints a key.
//
// Yaegi, which interprets it, takes memory for every variable and every step of a function when the function begins, whether they come to be used or
// not, and builds a function for each call of a method. So what every request passes is written as short functions, and what few requests need as
// functions of their own, or as methods.
package plugin

import (
	"context"
	"errors"
	"log"
	"net/http"
	"net/netip"
	"os"
	"strings"
)

// Config is the part of a Middleware under spec.plugin.modelplane.
type Config struct {
	// RemoveOwnHeaders removes the headers that only the gateway itself may write.
	RemoveOwnHeaders bool `json:"removeOwnHeaders,omitempty"`
	// RefuseDotSegments answers 400 to a path with a dot segment, however it is encoded.
	RefuseDotSegments bool `json:"refuseDotSegments,omitempty"`
	// ReadBody reads the body of a request before the request goes on.
	ReadBody bool `json:"readBody,omitempty"`
	// ByModel lets keys pass that are for certain models, since a catalog follows, which keeps to them.
	ByModel bool `json:"byModel,omitempty"`
	// Callers are those who may send requests, with the hashes of their keys. An empty list lets nobody in.
	Callers *string `json:"callers,omitempty"`
	// AllowFrom are the ranges of addresses from which clients may send requests; none is every address.
	AllowFrom []string `json:"allowFrom,omitempty"`
	// Service is the service that Limits and Count are for, as namespace/name.
	Service string `json:"service,omitempty"`
	// MaxBodyBytes is how large a request's body may be; 0 is no limit.
	MaxBodyBytes int64 `json:"maxBodyBytes,omitempty"`
	// TrustedProxies are the ranges of the proxies that say in X-Forwarded-For which client they ask for.
	TrustedProxies []string `json:"trustedProxies,omitempty"`
	// Limits are checked in their order; the first that is reached answers.
	Limits []Limit `json:"limits,omitempty"`
	// Count counts the requests of Service, and how long they take. It is in front of everything else that the service does.
	Count bool `json:"count,omitempty"`
	// Weights are the weights of the service's endpoints, for comparison with what is counted.
	Weights map[string]int `json:"weights,omitempty"`
	// Tokens has the count say how many tokens answers took; Prices are what these cost, by endpoint.
	Tokens bool             `json:"tokens,omitempty"`
	Prices map[string]Price `json:"prices,omitempty"`
	// Report adds what is counted to the answer of Traefik's own metrics, on their entry point. It is the label by which figures tell the
	// gateway, namespace/name.
	Report string `json:"report,omitempty"`
	// Front chooses the backend.
	Front *Front `json:"front,omitempty"`
	// Catalog chooses a service by the model that a request is for.
	Catalog *Catalog `json:"catalog,omitempty"`
	// Inner lets only fronts of this process pass: for the inner listener.
	Inner bool `json:"inner,omitempty"`
	// Anonymous removes what tells a backend who the caller is: keys, cookies, addresses.
	Anonymous bool `json:"anonymous,omitempty"`
	// Model is what the backend calls the model; it takes the place of the name that a request's body has. "" leaves that.
	Model string `json:"model,omitempty"`
	// LeaveUsage says that the backend is not to be asked how many tokens a stream took; it may know no such question.
	LeaveUsage bool `json:"leaveUsage,omitempty"`
	// Bearer is a key to be sent as "Authorization: Bearer <key>". One that is given and empty is a mistake.
	Bearer *string `json:"bearer,omitempty"`
	// Header is the name of the header that carries Value, for a server that takes no bearer key.
	Header string `json:"header,omitempty"`
	// Prefix comes before Value, as it is: "Basic ", with the space.
	Prefix string `json:"prefix,omitempty"`
	// Value is what Header is set to.
	Value string `json:"value,omitempty"`
}

// CreateConfig returns the configuration that Traefik fills in from a Middleware.
func CreateConfig() *Config {
	return &Config{}
}

// New returns the middleware called name in front of next. It returns no error: what is wrong with config is
// answered to each request instead.
func New(_ context.Context, next http.Handler, config *Config, name string) (http.Handler, error) {
	if config.Report != "" {
		if name != os.Getenv(MetricsVariable) {
			log.Printf("modelplane: middleware %s: report is for the gateway's own entry point of metrics; every request through it is answered with 500", name)
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { refuse(w, r, misconfigured) }), nil
		}
		return &reporter{gateway: config.Report, next: next}, nil
	}
	if config.Count {
		c, err := newCounter(next, config, name)
		if err == nil {
			return c, nil
		}
		// A request is answered, although nobody counts it.
		log.Printf("modelplane: middleware %s: %s; nothing is counted", name, err)
		return next, nil
	}
	if config.Front != nil {
		f, err := newFront(config.Service, *config.Front, name)
		if err == nil {
			return f, nil
		}
		log.Printf("modelplane: middleware %s: front is not usable: %v; every request through it is answered with 500", name, err)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { refuse(w, r, misconfigured) }), nil
	}
	if config.Catalog != nil {
		c, err := newCatalog(*config.Catalog, name)
		if err == nil {
			return c, nil
		}
		log.Printf("modelplane: middleware %s: catalog is not usable: %v; every request through it is answered with 500", name, err)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { refuse(w, r, misconfigured) }), nil
	}
	m, err := newMiddleware(next, config, name)
	if err != nil {
		log.Printf("modelplane: middleware %s: %s; every request through it is answered with 500", name, err)
		why := keyUnusable
		if config.Callers != nil || config.Service != "" {
			why = misconfigured
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { refuse(w, r, why) }), nil
	}
	return m, nil
}

// mostBytes is the largest limit of a body: 1 GiB.
const mostBytes = 1 << 30

// middleware does to a request what its configuration says, in the order of its fields.
type middleware struct {
	inner             bool
	removeOwnHeaders  bool
	refuseDotSegments bool
	readBody          bool
	byModel           bool
	allowed           []netip.Prefix // none where every address may
	trusted           []netip.Prefix
	keyring           *keyring // nil where no key is asked for
	keyMeter          *meter   // counts the requests of keys that have a limit of their own
	maxBodyBytes      int64
	limiters          []limiter
	countsTokens      bool // whether one of them is of tokens
	isChecking        bool // whether there is a rule about who may send what
	anonymous         bool
	header, value     string // the key; no header without one
	model, inJSON     string // the backend's name for the model; "" without one
	asksUsage         bool   // whether streams are asked for their usage, where somebody wants to know
	next              http.Handler
}

func newMiddleware(next http.Handler, config *Config, name string) (*middleware, error) {
	m := &middleware{
		inner:             config.Inner,
		removeOwnHeaders:  config.RemoveOwnHeaders,
		refuseDotSegments: config.RefuseDotSegments,
		readBody:          config.ReadBody,
		byModel:           config.ByModel,
		maxBodyBytes:      config.MaxBodyBytes,
		anonymous:         config.Anonymous,
		next:              next,
	}
	if config.Callers != nil {
		ring, err := keyringOf(*config.Callers)
		if err != nil {
			return nil, err
		}
		m.keyring = ring
		m.keyMeter = meterOf("keys of "+name, 0)
	}
	if config.MaxBodyBytes < 0 || config.MaxBodyBytes > mostBytes {
		return nil, errors.New("maxBodyBytes is not a number from 0 to 1073741824; have a ModelService write it")
	}
	trusted, err := parseRanges(config.TrustedProxies)
	if err != nil {
		return nil, errors.New("trustedProxies: " + err.Error())
	}
	m.trusted = trusted
	allowed, err := parseRanges(config.AllowFrom)
	if err != nil {
		return nil, errors.New("allowFrom: " + err.Error())
	}
	m.allowed = allowed
	if len(config.Limits) > 0 && !isOwn(config.Service, name) {
		return nil, errors.New("limits are for a service, as namespace/name, in the Middleware's own namespace")
	}
	limiters, err := limitersOf(config.Service, config.Limits, trusted)
	if err != nil {
		return nil, err
	}
	m.limiters = limiters
	for _, l := range limiters {
		m.countsTokens = m.countsTokens || l.limit.Tokens > 0
	}
	m.isChecking = len(m.allowed) > 0 || m.keyring != nil || m.maxBodyBytes > 0 || len(m.limiters) > 0
	if config.Model != "" {
		if err := checkModel(config.Model); err != nil {
			return nil, err
		}
		m.model = config.Model
		m.inJSON = quoted(config.Model)
	}
	m.asksUsage = !config.LeaveUsage && (m.anonymous || m.model != "" || config.hasKey())
	if !config.hasKey() {
		if !m.isUsed() {
			return nil, errors.New("nothing is set; set bearer, or header and value, to a key, or one of the switches to true")
		}
		return m, nil
	}
	header, value, err := credential(config)
	if err != nil {
		return nil, err
	}
	m.header, m.value = header, value
	return m, nil
}

// isOwn says whether a service is in the namespace of the Middleware called name, which Traefik writes as <namespace>_<name>@<provider>. None can
// count for a service of another namespace.
func isOwn(service, name string) bool {
	namespace, _, found := strings.Cut(service, "/")
	return found && namespace != "" && strings.HasPrefix(name, namespace+"_")
}

// isUsed says whether the middleware does anything beside sending a key.
func (m *middleware) isUsed() bool {
	return m.inner || m.removeOwnHeaders || m.refuseDotSegments || m.readBody || m.byModel || m.isChecking || m.anonymous || m.model != ""
}

// ServeHTTP passes a request on, or answers why not.
func (m *middleware) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if m.inner {
		number, isAdmitted := admitInner(r)
		if !isAdmitted {
			refuse(w, r, notFound)
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), ofInner, number))
	}
	if m.removeOwnHeaders {
		removeOwnHeaders(r.Header)
	}
	if m.refuseDotSegments && hasDotSegment(r.URL.EscapedPath()) {
		refuse(w, r, dotted)
		return
	}
	if m.byModel {
		r = r.WithContext(context.WithValue(r.Context(), ofAllowance, &allowance{}))
	}
	switch {
	case m.readBody && isRead(r):
		serveRead(m, w, r)
	case m.isChecking:
		serveChecked(m, w, r)
	default:
		serve(m, w, r)
	}
}

// serveRead serves a request whose body it has read.
func serveRead(m *middleware, w http.ResponseWriter, r *http.Request) {
	h, err := hold(r, maxRead)
	if err != nil {
		refuseBody(w, r, err)
		return
	}
	defer letGo(h)
	if h.isWhole {
		r = r.WithContext(context.WithValue(r.Context(), ofBody, h))
	}
	if m.isChecking {
		serveChecked(m, w, r)
		return
	}
	serve(m, w, r)
}

// serveChecked serves a request that its client may send.
func serveChecked(m *middleware, w http.ResponseWriter, r *http.Request) {
	if len(m.allowed) > 0 && !isWithin(clientAddress(r, m.trusted), m.allowed) {
		refuse(w, r, elsewhere)
		return
	}
	limiters := m.limiters
	if m.keyring != nil {
		known, why := admit(m.keyring, r)
		if why != nil {
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, r, *why)
			return
		}
		if known.requests > 0 {
			limiters = append([]limiter{ofKey(m.keyMeter, known)}, limiters...)
		}
	}
	if m.maxBodyBytes > 0 {
		h, err := m.measure(r)
		if err != nil {
			refuseBody(w, r, err)
			return
		}
		defer letGo(h)
		if h != nil {
			r = r.WithContext(context.WithValue(r.Context(), ofBody, h))
		}
	}
	if len(limiters) > 0 {
		m.serveWithin(w, r, limiters)
		return
	}
	serve(m, w, r)
}

// serve passes a request on to its server.
func serve(m *middleware, w http.ResponseWriter, r *http.Request) {
	if m.anonymous {
		if r.Header.Get(CallerHeader) != "" {
			// Log and figures, which read the header at the answer's end, still need the caller.
			r = r.WithContext(r.Context())
			r.Header = r.Header.Clone()
		}
		removeCaller(r.Header)
		if r.URL.RawQuery != "" {
			removeQueryKeys(r)
		}
	}
	if m.header != "" {
		r.Header.Set(m.header, m.value)
	}
	asks := m.asksUsage && isStreamed(r)
	if asks || m.model != "" {
		serveChanged(m, w, r, asks)
		return
	}
	m.next.ServeHTTP(w, r)
}

// measure finds a body that is too large. One whose length is not known is held, so that the server is not sent a part of it.
func (m *middleware) measure(r *http.Request) (*heldBody, error) {
	tooLarge := r.ContentLength > m.maxBodyBytes
	var h *heldBody
	if r.ContentLength < 0 {
		var err error
		h, err = holdOnce(r, m.maxBodyBytes)
		if err != nil {
			return nil, err
		}
		tooLarge = int64(len(h.bytes)) > m.maxBodyBytes
	}
	if tooLarge {
		letGo(h)
		return nil, &http.MaxBytesError{Limit: m.maxBodyBytes}
	}
	return h, nil
}
