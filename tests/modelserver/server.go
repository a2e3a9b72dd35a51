package modelserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Protocol says which HTTP a server speaks.
type Protocol int

const (
	// HTTP is HTTP/1.1, and with TLS also HTTP/2 for clients that negotiate it.
	HTTP Protocol = iota
	// H2C is HTTP/1.1 and, on the same port, cleartext HTTP/2 with prior knowledge.
	H2C
	// H2COnly is cleartext HTTP/2 with prior knowledge and nothing else.
	H2COnly
)

// Options describe one server. The zero value is a plain HTTP server without a key on a free loopback port.
type Options struct {
	// Name is what the server reports in X-Modelserver-Name. Default: its address.
	Name string
	// Address is the IP and port to listen on: "10.98.0.5:8000", "[fd00:98::5]:8000". Default: "127.0.0.1:0", a free port.
	Address string
	// Listen opens the listener; a server in another network namespace brings its own. Default: net.Listen.
	Listen func(network, address string) (net.Listener, error)
	// BasePath precedes every path but /health: "/v1", "/openai/v1". Default: "", the root.
	BasePath string
	// Model is the one model on offer. A request may name any other all the same. Default: "test-model".
	Model string
	// Models are the names that requests may ask by; others get 404. Default: any name.
	Models []string
	// Ranks are the processes that serve the model together, as the server reports them in X-Modelserver-Ranks. Default: none, one process.
	Ranks string
	// Reply is the assistant's answer; each word of it is one token. Default: a sentence with the server's name.
	Reply string
	// UsageUnasked has the last event of a stream that has a choice tell the usage, and refuses who asks for it with stream_options, as Mistral's API does.
	UsageUnasked bool
	// TokenDelay passes before every token of a streamed answer but the first. Default: none.
	TokenDelay time.Duration
	// Keys are the API keys that are accepted. Default: none, and then no key is asked for.
	Keys []string
	// KeyHeader carries the key, bare. Default: Authorization, where the key follows "Bearer ".
	KeyHeader string
	// Certificate makes it a TLS server. [CA.Issue] makes one.
	Certificate *tls.Certificate
	// Protocol is the HTTP spoken. H2C and H2COnly exclude Certificate.
	Protocol Protocol
	// Wrap is put around everything else, for a server that insists on more than this one, or has more calls. Default: nothing.
	Wrap func(http.Handler) http.Handler
}

// Server is a running model server.
type Server struct {
	options  Options
	listener net.Listener
	http     *http.Server
	recorder recorder

	keys    atomic.Pointer[[]string]
	failure atomic.Int64
	delay   atomic.Int64
	tokens  atomic.Int64
}

// Start listens and serves until Close.
func Start(options Options) (*Server, error) {
	if options.Certificate != nil && options.Protocol != HTTP {
		return nil, errors.New("modelserver: h2c is HTTP/2 without TLS; leave out Certificate, or use Protocol HTTP, which negotiates HTTP/2")
	}
	options = withDefaults(options)
	listener, err := options.Listen("tcp", options.Address)
	if err != nil {
		return nil, fmt.Errorf("modelserver: listen on %s: %w", options.Address, err)
	}
	if options.Name == "" {
		options.Name = listener.Addr().String()
	}
	if options.Reply == "" {
		options.Reply = "Hello, this is " + options.Name + " with an answer in ten words."
	}

	server := &Server{options: options, listener: listener}
	server.SetKeys(options.Keys...)
	server.http = &http.Server{
		Handler:           options.Wrap(http.HandlerFunc(server.serve)),
		Protocols:         protocols(options),
		ReadHeaderTimeout: 10 * time.Second,
	}
	if options.Certificate != nil {
		server.http.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*options.Certificate}}
		go server.http.ServeTLS(listener, "", "") //nolint:errcheck // returns when Close is called
	} else {
		go server.http.Serve(listener) //nolint:errcheck // returns when Close is called
	}
	return server, nil
}

func withDefaults(options Options) Options {
	if options.Address == "" {
		options.Address = "127.0.0.1:0"
	}
	if options.Listen == nil {
		options.Listen = net.Listen
	}
	if options.Model == "" {
		options.Model = "test-model"
	}
	if options.Wrap == nil {
		options.Wrap = func(all http.Handler) http.Handler { return all }
	}
	options.BasePath = strings.TrimRight(options.BasePath, "/")
	return options
}

func protocols(options Options) *http.Protocols {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(options.Protocol != H2COnly)
	protocols.SetHTTP2(options.Certificate != nil)
	protocols.SetUnencryptedHTTP2(options.Protocol != HTTP)
	return protocols
}

// Close takes no more connections, lets requests under way finish for five seconds, and then cuts those that remain.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return s.Shutdown(ctx)
}

// Shutdown is Close with as long for requests under way as ctx lasts.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return s.http.Close()
	}
	return nil
}

// Address is the IP and port that it listens on.
func (s *Server) Address() string { return s.listener.Addr().String() }

// URL is the base URL to give to an OpenAI client.
func (s *Server) URL() string {
	scheme := "http"
	if s.options.Certificate != nil {
		scheme = "https"
	}
	return scheme + "://" + s.Address() + s.options.BasePath
}

// SetKeys replaces the keys that are accepted. Without any, no key is asked for.
func (s *Server) SetKeys(keys ...string) { s.keys.Store(&keys) }

// SetFailure has every request from now on, /health included, answered with this status and an error. 0 ends it.
func (s *Server) SetFailure(status int) { s.failure.Store(int64(status)) }

// SetDelay has every request from now on wait this long before its answer begins.
func (s *Server) SetDelay(delay time.Duration) { s.delay.Store(int64(delay)) }

// Tokens is how many tokens have been sent to streaming clients, over all requests.
func (s *Server) Tokens() int64 { return s.tokens.Load() }
