// Package plugin is the Traefik middleware of a gateway. Traefik interprets it from its source, so these files use the
// standard library alone, and no more of it than Go 1.22 has.
//
// It has two uses. In front of all routes, as the middleware of the entry point:
//
//	spec:
//	  plugin:
//	    modelplane:
//	      refuseDotSegments: true
//	      readBody: true
//
// And for the requests of one backend, with the key in a Secret beside the Middleware, which Traefik reads and watches:
//
//	spec:
//	  plugin:
//	    modelplane:
//	      anonymous: true
//	      bearer: urn:k8s:secret:groq-key:key
//
// A Middleware that is not usable answers every request with 500 and an error in OpenAI's form, and says in Traefik's
// log what is wrong. It does not fail to start: Traefik would then answer 404 for every backend of the rule. It never
// sends an empty credential, and it never prints a key.
package plugin

import (
	"context"
	"errors"
	"log"
	"net/http"
)

// Config is the part of a Middleware under spec.plugin.modelplane.
type Config struct {
	// RefuseDotSegments answers 400 to a path with a dot segment, however it is encoded.
	RefuseDotSegments bool `json:"refuseDotSegments,omitempty"`
	// ReadBody reads the body of a request before the request goes on.
	ReadBody bool `json:"readBody,omitempty"`
	// Anonymous removes what tells a backend who the caller is: keys, cookies, addresses.
	Anonymous bool `json:"anonymous,omitempty"`
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
	m, err := newMiddleware(next, config)
	if err != nil {
		log.Printf("modelplane: middleware %s: %s; every request through it is answered with 500", name, err)
		return http.HandlerFunc(refuseAll), nil
	}
	return m, nil
}

// middleware does to a request what its configuration says, in the order of its fields.
type middleware struct {
	refuseDotSegments bool
	readBody          bool
	anonymous         bool
	header, value     string // the key; no header without one
	next              http.Handler
}

func newMiddleware(next http.Handler, config *Config) (*middleware, error) {
	m := &middleware{
		refuseDotSegments: config.RefuseDotSegments,
		readBody:          config.ReadBody,
		anonymous:         config.Anonymous,
		next:              next,
	}
	if !config.hasKey() {
		if !m.refuseDotSegments && !m.readBody && !m.anonymous {
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

// ServeHTTP passes a request on, or answers why not.
func (m *middleware) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if m.refuseDotSegments && hasDotSegment(r.URL.EscapedPath()) {
		refusePath(w)
		return
	}
	if m.readBody {
		if err := readBody(r); err != nil {
			refuseBody(w, err)
			return
		}
	}
	if m.anonymous {
		removeCaller(r.Header)
		removeQueryKeys(r)
	}
	if m.header != "" {
		r.Header.Set(m.header, m.value)
	}
	m.next.ServeHTTP(w, r)
}
