package plugin

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

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
	// isEvents says that it is an event stream.
	isEvents bool
	// header and token are how long the answer's header took, and the first part of an event stream; 0 without.
	header, token time.Duration
	// reading finds out how many tokens it takes; nil where nobody asks.
	reading *reading
	// isReadBefore says that reading belongs to an answer that passes through this one.
	isReadBefore bool
	// reads is reading, where the parts of this very answer are to be read.
	reads *reading
	// isSettledFirst says that a limit counts it before the client has all of it.
	isSettledFirst bool
	// isLimited says that the gateway itself has refused its client for a limit.
	isLimited bool
	// allowances are what its client has left of limits; a server's own word of them is another client's: the gateway.
	allowances []allowed
}

// ofAnswer is where a request's context has its answer, if anything looks at more than its status.
var ofAnswer = &struct{ name string }{"answer"}

// newAnswer is the answer that goes to w.
func newAnswer(w http.ResponseWriter) *answer {
	a := &answer{writer: w, begun: time.Now()}
	a.flusher, _ = w.(http.Flusher)
	return a
}

// answerTo is the answer to r that something in front of this looks at already; nil without.
func answerTo(r *http.Request) *answer {
	a, _ := r.Context().Value(ofAnswer).(*answer)
	return a
}

// withAnswer is the request whose context has its answer.
func withAnswer(r *http.Request, a *answer) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), ofAnswer, a))
}

// readTokens has the answer to r say how many tokens it takes. Nothing in front of this does so yet.
func readTokens(a *answer, r *http.Request) {
	a.reading = &reading{asked: r.ContentLength}
	if r.ContentLength < 0 {
		a.reading.asked = 0
		r.Body = io.NopCloser(io.TeeReader(r.Body, &lengthOf{reading: a.reading}))
	}
	// Without the header, Go's transport would ask for gzip by itself.
	r.Header["Accept-Encoding"] = identity
}

// lengthOf is told what is read of a body that does not say how long it is.
type lengthOf struct{ reading *reading }

// Write counts a part.
func (l *lengthOf) Write(part []byte) (int, error) {
	atomic.AddInt64(&l.reading.asked, int64(len(part)))
	return len(part), nil
}

var identity = []string{"identity"}

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
	header := a.writer.Header()
	a.isEvents = strings.HasPrefix(header.Get("Content-Type"), "text/event-stream")
	if a.reading != nil && !a.isReadBefore {
		a.reads = beginParts(a, header)
	}
	if len(a.allowances) > 0 {
		tellAllowances(header, a.allowances)
	}
	if a.flusher != nil && status != http.StatusNoContent && status != http.StatusNotModified {
		a.streams = len(header["Content-Length"]) == 0
	}
}

// Write writes a part of the answer, and sends it. Interpreting this takes some microseconds for each token, so that it is short.
func (a *answer) Write(part []byte) (int, error) {
	if !a.hasPart {
		firstPart(a, part)
	}
	if a.reads != nil {
		return len(part), writeRead(a, part)
	}
	n, err := a.writer.Write(part)
	if a.streams {
		a.flusher.Flush()
	}
	return n, err
}

// writeRead writes what the client gets of a part that is read.
func writeRead(a *answer, part []byte) error {
	if a.reads.kind == inOnePiece {
		keepPiece(a.reads, part)
	} else {
		part = readPart(a.reads, part)
	}
	if len(part) == 0 {
		return nil
	}
	_, err := a.writer.Write(part)
	if a.streams {
		a.flusher.Flush()
	}
	return err
}

func firstPart(a *answer, part []byte) {
	if a.status == 0 {
		beginAnswer(a, http.StatusOK)
	}
	a.hasPart = len(part) > 0
	if a.hasPart && a.isEvents {
		a.token = time.Since(a.begun)
	}
}

// sendWhole sends what is left of an answer that has ended, so that the client need not wait until it has been counted.
func sendWhole(a *answer) {
	if a.flusher != nil && !a.isSettledFirst && !a.streams && a.status >= http.StatusOK {
		a.flusher.Flush()
	}
}

// endAnswer reads what is left to read of an answer that has ended. It may be called more than once.
func endAnswer(a *answer) {
	if a.reading == nil || a.reading.kind == unread {
		return
	}
	if rest := endParts(a.reading); len(rest) > 0 {
		_, _ = a.writer.Write(rest)
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
