package traffic

import (
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"sync"
	"testing"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

// conduct is what a played server does with every request.
type conduct int

const (
	well   conduct = iota
	fails          // answers 503
	silent         // begins an event stream, and says nothing
	hangs          // answers nothing
)

// played is a server whose conduct a test decides, and which notes what it was sent.
type played struct {
	name, address string
	// finish ends one stream.
	finish chan bool

	lock    sync.Mutex
	conduct conduct
	changed chan bool // ends what the conduct before has left open
	seen    []*http.Request
	left    int
}

func play(t *testing.T, name string) *played {
	p := &played{name: name, address: harness.FreeAddress(t, localplane.Free4).String() + ":8000", finish: make(chan bool), changed: make(chan bool)}
	serveAt(t, p.address, p.serve)
	t.Cleanup(func() { p.set(well) }) // before the server waits for what is under way
	return p
}

func (p *played) set(to conduct) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.conduct = to
	close(p.changed)
	p.changed = make(chan bool)
}

// requests are those since the first n.
func (p *played) requests(n int) []*http.Request {
	p.lock.Lock()
	defer p.lock.Unlock()
	return p.seen[n:]
}

func (p *played) count() int { return len(p.requests(0)) }

// gone is how many streams their clients have left.
func (p *played) gone() int {
	p.lock.Lock()
	defer p.lock.Unlock()
	return p.left
}

func (p *played) serve(w http.ResponseWriter, r *http.Request) {
	p.lock.Lock()
	now, end := p.conduct, p.changed
	p.seen = append(p.seen, r.Clone(r.Context()))
	p.lock.Unlock()
	wait := func() {
		select {
		case <-r.Context().Done():
		case <-end:
		}
	}
	flush := func() { _ = http.NewResponseController(w).Flush() }
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	w.Header().Set("X-Server", p.name)
	switch now {
	case fails:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case silent:
		w.Header().Set("Content-Type", "text/event-stream")
		flush()
		wait()
		return
	case hangs:
		wait()
		return
	}
	switch path.Base(r.URL.Path) {
	case "stream":
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: first\n\n")
		flush()
		select {
		case <-p.finish:
			_, _ = io.WriteString(w, "data: last\n\n")
		case <-r.Context().Done():
			p.lock.Lock()
			p.left++
			p.lock.Unlock()
		case <-end:
		}
	case "socket":
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		w.WriteHeader(http.StatusSwitchingProtocols)
		connection, buffered, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _ = io.Copy(connection, buffered)
			_ = connection.Close()
		}
	case "404", "418", "503":
		status, _ := strconv.Atoi(path.Base(r.URL.Path))
		w.WriteHeader(status)
	case "open":
		// As vLLM answers a browser.
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Allow-Credentials", "true")
	default:
		_, _ = fmt.Fprintf(w, "%s", body)
	}
}
