package plugin

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Mirror is where copies of requests go. Nobody waits for the answers, and nobody gets them.
type Mirror struct {
	// Path is where the inner listener has the endpoint.
	Path string `json:"path,omitempty"`
	// Percent is how many of a hundred requests are copied.
	Percent int `json:"percent,omitempty"`
}

const (
	// maxMirrored is how many copies may be under way at once, of all services: a server that hangs costs no more than these.
	maxMirrored = 64
	// mirrorTimeout is how long a copy may take.
	mirrorTimeout = 2 * time.Minute
)

// mirrors counts in a package variable, as turns do.
var (
	mirrorLock sync.Mutex
	mirrored   int
	credits    = map[string]int{}
)

// takeMirror says whether this request of a service is copied, so that exactly as many are as asked for. A copy keeps the memory of its body.
func takeMirror(service string, percent int, size int64) bool {
	mirrorLock.Lock()
	defer mirrorLock.Unlock()
	credits[service] += percent
	if credits[service] < 100 {
		return false
	}
	credits[service] -= 100
	if mirrored >= maxMirrored || !takeBytes(size) {
		return false
	}
	mirrored++
	return true
}

// isSocket says whether a request is all there is before its connection speaks another protocol. A copy would keep a connection open that says nothing.
func isSocket(r *http.Request) bool {
	return r.Header.Get("Upgrade") != "" && r.ContentLength == 0
}

func endMirror(size int64) {
	giveBytes(size)
	mirrorLock.Lock()
	defer mirrorLock.Unlock()
	mirrored--
}

// send sends a copy of a request, whose body has been read.
func (m Mirror) send(r *http.Request, target *url.URL, body []byte, transport http.RoundTripper) {
	defer endMirror(int64(len(body)))
	ctx, cancel := context.WithTimeout(context.Background(), mirrorTimeout)
	defer cancel()
	out := r.Clone(ctx)
	out.URL = target
	out.RequestURI = ""
	out.Body = io.NopCloser(bytes.NewReader(body))
	out.ContentLength = int64(len(body))
	if len(body) == 0 {
		out.Body = http.NoBody
	}
	// What a client says of its own connection is not for another one.
	out.Header.Del("Connection")
	out.Header.Del("Upgrade")
	// A Middleware in front of the route may have set it.
	out.Header.Del(bodyHeader)
	out.Header.Set(tokenHeader, token)
	out.Header.Set(clientHeader, r.RemoteAddr)
	response, err := transport.RoundTrip(out)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
}
