// Package plugin is the Traefik middleware that adds a backend's key to the requests for that backend. Traefik
// interprets plugin.go from its source, so this file uses the standard library alone.
//
// A Middleware object uses it so, with the key in a Secret beside it, which Traefik reads and watches:
//
//	spec:
//	  plugin:
//	    modelplane:
//	      bearer: urn:k8s:secret:groq-key:key
//
// A Middleware without a usable key answers every request with 500 and an error in OpenAI's form, and says once in
// Traefik's log what is wrong. It does not fail to start: Traefik would then answer 404 for every backend of the
// rule. It never sends an empty credential, and it never prints a key.
package plugin

import (
	"context"
	"errors"
	"log"
	"net/http"
	"strings"
)

// Config is the part of a Middleware under spec.plugin.modelplane: either Bearer, or Header and Value.
type Config struct {
	// Bearer is a key to be sent as "Authorization: Bearer <key>". White space around it is dropped, since a key
	// that was put into its Secret with echo ends in a newline.
	Bearer string `json:"bearer,omitempty"`
	// Header is the name of the header that carries Value, for a server that does not take a bearer key.
	Header string `json:"header,omitempty"`
	// Value is what Header is set to, as it is but for the white space around it.
	Value string `json:"value,omitempty"`
}

// CreateConfig returns the configuration that Traefik fills in from a Middleware.
func CreateConfig() *Config {
	return &Config{}
}

// New returns the middleware called name in front of next. It returns no error: what is wrong with config is
// answered to each request instead.
func New(_ context.Context, next http.Handler, config *Config, name string) (http.Handler, error) {
	header, value, err := credential(config)
	if err != nil {
		log.Printf("modelplane: middleware %s: %s; every request for its backend is answered with 500", name, err)
		return http.HandlerFunc(refuse), nil
	}
	return &setter{next: next, header: header, value: value}, nil
}

// credential is the header that config asks for.
func credential(config *Config) (header, value string, err error) {
	bearer, value := strings.TrimSpace(config.Bearer), strings.TrimSpace(config.Value)
	switch {
	case config.Bearer != "" && (config.Header != "" || config.Value != ""):
		return "", "", errors.New("bearer excludes header and value; set one or the other")
	case config.Header == "" && config.Value != "":
		return "", "", errors.New("value needs header, the name of the header that carries it")
	case config.Header == "" && bearer == "":
		return "", "", errors.New("the key is empty; write it into the Secret that bearer names")
	case config.Header == "":
		header, value = "Authorization", "Bearer "+bearer
	case value == "":
		return "", "", errors.New("the key is empty; write it into the Secret that value names")
	case !isToken(config.Header):
		return "", "", errors.New("header is not a name that HTTP allows; letters, digits and - are safe")
	default:
		header = config.Header
	}
	if !isPrintable(value) {
		return "", "", errors.New("the key holds a line break or another control character; write it as one line")
	}
	return header, value, nil
}

// isToken reports whether name is a header name (https://www.rfc-editor.org/rfc/rfc9110#name-tokens).
func isToken(name string) bool {
	const token = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return name != "" && strings.Trim(name, token) == ""
}

// isPrintable reports whether value can stand in a header: net/http refuses to send control characters.
func isPrintable(value string) bool {
	for _, c := range value {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

// setter sets one header, whatever the client or an earlier filter put there.
type setter struct {
	next          http.Handler
	header, value string
}

// ServeHTTP passes the request on with the header set.
func (s *setter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Header.Set(s.header, s.value)
	s.next.ServeHTTP(w, r)
}

// refuse answers in the form in which OpenAI's clients look for an error. It names no Secret, since whoever sends
// requests need not know how the gateway is set up.
func refuse(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write([]byte(`{"error":{"message":"The gateway has no usable API key for this model server. ` +
		`Its log says more.","type":"server_error","param":null,"code":"gateway_key_unusable"}}` + "\n"))
}
