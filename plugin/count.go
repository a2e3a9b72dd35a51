package plugin

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// EndpointHeader names, on an answer, the endpoint that gave it. The service's route sets it.
const EndpointHeader = "X-Modelplane-Endpoint"

// What the access log, which looks at the answer's header at the end of all, is told of a request. These are no names of headers, so that neither clients nor servers can send them, and Go's server
// leaves them out of the answer.
const (
	LoggedService  = "Modelplane/Service"
	LoggedEndpoint = "Modelplane/Endpoint"
	LoggedCaller   = "Modelplane/Caller"
)

// LogVariable is the environment variable that says whether there is an access log.
const LogVariable = "MODELPLANE_ACCESS_LOG"

var hasLog = os.Getenv(LogVariable) != ""

// counter counts the requests of one service and times their answers.
type counter struct {
	service []string
	tally   *tally
	next    http.Handler
}

// newCounter makes the counter of config's service.
func newCounter(next http.Handler, config *Config, name string) (*counter, error) {
	if !isOwn(config.Service, name) {
		return nil, errors.New("count is for a service, as namespace/name, in the Middleware's own namespace")
	}
	t := tallyOf(namespaceOf(config.Service), config.Service)
	t.ask(config.Weights)
	return &counter{service: []string{config.Service}, tally: t, next: next}, nil
}

func namespaceOf(service string) string {
	namespace, _, _ := strings.Cut(service, "/")
	return namespace
}

// ServeHTTP passes a request on and counts it at its end, also where its answer breaks off.
func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &answer{writer: w, begun: time.Now()}
	a.flusher, _ = w.(http.Flusher)
	beginRequest(c.tally)
	isWhole := false
	defer func() {
		// A client that leaves breaks an answer off, too.
		isCut := !isWhole && r.Context().Err() == nil
		caller := r.Header.Get(CallerHeader)
		endpoint := endpointOf(a)
		endRequest(c.tally, a, endpoint, caller, isCut)
		if hasLog {
			header := w.Header()
			header[LoggedService] = c.service
			if endpoint != "" {
				header[LoggedEndpoint] = []string{endpoint}
			}
			if caller != "" {
				header[LoggedCaller] = []string{caller}
			}
		}
	}()
	// The interpreter hands on the methods of http.Hijacker only where the value's own type is known.
	c.next.ServeHTTP(a, r)
	isWhole = true
}

// answer is an answer on its way to the client. The interpreter gives it out as an http.ResponseWriter and http.Hijacker and nothing else,
// so that whoever writes cannot flush: the answer does it by itself.
type answer struct {
	writer  http.ResponseWriter
	flusher http.Flusher // nil where there is none
	begun   time.Time
	// status is 0 until the answer's own header; those of 1xx come before it.
	status int
	// streams says that the answer has no length, so that each part goes to the client as it comes.
	streams bool
	// hasPart says that a part of it has been written.
	hasPart bool
	// header and token are how long the answer's header took, and the first part of an event stream; 0 without.
	header, token time.Duration
}

// Header is the answer's header.
func (a *answer) Header() http.Header { return a.writer.Header() }

// WriteHeader begins the answer.
func (a *answer) WriteHeader(status int) {
	if status >= http.StatusOK && a.status == 0 {
		beginAnswer(a, status)
	}
	a.writer.WriteHeader(status)
	if a.streams {
		a.flusher.Flush()
	}
}

func beginAnswer(a *answer, status int) {
	a.status = status
	a.header = time.Since(a.begun)
	a.streams = a.flusher != nil && status != http.StatusNoContent && status != http.StatusNotModified &&
		a.writer.Header().Get("Content-Length") == ""
}

// Write writes a part of the answer, and sends it. Interpreting this takes some microseconds for each token, so that it is short.
func (a *answer) Write(part []byte) (int, error) {
	if !a.hasPart {
		firstPart(a, part)
	}
	n, err := a.writer.Write(part)
	if a.streams {
		a.flusher.Flush()
	}
	return n, err
}

func firstPart(a *answer, part []byte) {
	if a.status == 0 {
		beginAnswer(a, http.StatusOK)
	}
	a.hasPart = len(part) > 0
	if a.hasPart && strings.HasPrefix(a.writer.Header().Get("Content-Type"), "text/event-stream") {
		a.token = time.Since(a.begun)
	}
}

// Hijack takes over the connection, for a WebSocket.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	hijacker, can := a.writer.(http.Hijacker)
	if !can {
		return nil, nil, http.ErrNotSupported
	}
	a.status = http.StatusSwitchingProtocols
	return hijacker.Hijack()
}

// endpointOf is who gave the answer; "" where the gateway itself did. Nothing sets the header of a switched protocol, so that it would be the
// server's own.
func endpointOf(a *answer) string {
	if a.status == http.StatusSwitchingProtocols {
		return ""
	}
	return a.writer.Header().Get(EndpointHeader)
}
