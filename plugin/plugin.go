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
// not: some 80 ns for each. It builds a function for each call of a method, which takes 2 µs, and for each that is deferred. So what every request passes is written as
// short functions that need few variables, and what few requests need as functions of their own, or as methods.
package plugin

import (
	"context"
	"errors"
	"log"
	"net/http"
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
	handler, err := partsOf(next, config, name)
	if err != nil {
		log.Printf("modelplane: middleware %s: %s; every request through it is answered with 500", name, err)
		why := keyUnusable
		if config.Callers != nil || config.Service != "" {
			why = misconfigured
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { refuse(w, r, why) }), nil
	}
	return handler, nil
}

// partsOf puts what config asks for in front of next. A Middleware has one of the parts, nearly always. Each is a type of its own, so that a request takes no memory for the
// others.
func partsOf(next http.Handler, config *Config, name string) (http.Handler, error) {
	handler := next
	isUsed := false
	if config.Anonymous || config.Model != "" || config.hasKey() {
		made, err := newBackend(handler, config)
		if err != nil {
			return nil, err
		}
		handler = made
		isUsed = true
	}
	if config.Callers != nil || len(config.AllowFrom) > 0 || config.MaxBodyBytes != 0 || len(config.Limits) > 0 {
		made, err := newCheck(handler, config, name)
		if err != nil {
			return nil, err
		}
		handler = made
		isUsed = true
	}
	if config.ByModel {
		made := &byModel{next: handler}
		handler = made
		isUsed = true
	}
	if config.RemoveOwnHeaders || config.RefuseDotSegments || config.ReadBody {
		made := &guard{removesOwnHeaders: config.RemoveOwnHeaders, refusesDotSegments: config.RefuseDotSegments, readsBody: config.ReadBody, next: handler}
		handler = made
		isUsed = true
	}
	if config.Inner {
		made := &gate{next: handler}
		handler = made
		isUsed = true
	}
	if !isUsed {
		return nil, errors.New("nothing is set; set bearer, or header and value, to a key, or one of the switches to true")
	}
	return handler, nil
}

// isOwn says whether a service is in the namespace of the Middleware called name, which Traefik writes as <namespace>_<name>@<provider>. None can
// count for a service of another namespace.
func isOwn(service, name string) bool {
	namespace, _, found := strings.Cut(service, "/")
	return found && namespace != "" && strings.HasPrefix(name, namespace+"_")
}
