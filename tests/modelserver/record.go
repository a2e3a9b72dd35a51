package modelserver

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// kept is how many requests a server remembers, so that load of any length takes bounded memory.
const kept = 1024

// Request is one request as it arrived.
type Request struct {
	Method string
	// URI is path and query with escapes untouched.
	URI  string
	Host string
	// Header has everything the client or a proxy sent, keys included.
	Header http.Header
	// SNI is the server name of the TLS handshake; empty without TLS.
	SNI   string
	Proto string
	Time  time.Time
}

// recorder counts all requests and keeps the last ones in a ring.
type recorder struct {
	mu    sync.Mutex
	count int
	ring  []Request
}

func (r *recorder) add(request Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ring) < kept {
		r.ring = append(r.ring, request)
	} else {
		r.ring[r.count%kept] = request
	}
	r.count++
}

// Count is how many requests arrived, refused ones included.
func (s *Server) Count() int {
	s.recorder.mu.Lock()
	defer s.recorder.mu.Unlock()
	return s.recorder.count
}

// Requests are the last 1,024 requests that arrived, the oldest first.
func (s *Server) Requests() []Request {
	s.recorder.mu.Lock()
	defer s.recorder.mu.Unlock()
	oldest := 0
	if s.recorder.count > kept {
		oldest = s.recorder.count % kept
	}
	return slices.Concat(s.recorder.ring[oldest:], s.recorder.ring[:oldest])
}

func requestOf(r *http.Request) Request {
	request := Request{
		Method: r.Method, URI: r.RequestURI, Host: r.Host, Header: r.Header.Clone(), Proto: r.Proto, Time: time.Now(),
	}
	if r.TLS != nil {
		request.SNI = r.TLS.ServerName
	}
	return request
}
