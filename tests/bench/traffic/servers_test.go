package traffic

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/localplane"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// The faults that a backend has.
const (
	killed = "killed"
	busy   = "busy"
	hung   = "hung"
)

// splitServers is how many servers the splits have at most.
const splitServers = 7

// servers are the model servers of a run, all in its own process but the one that is killed.
type servers struct {
	addresses map[string]string
	killed    *exec.Cmd
	// isBusy and isHung switch faults on, and asked counts the requests that come while they are.
	isBusy, isHung atomic.Bool
	asked          atomic.Int64
	held           *holder
	// chunks and longChunks are those of a stream.
	chunks, longChunks int
}

func serve(b *bench) *servers {
	s := &servers{addresses: map[string]string{}, held: &holder{}, chunks: either(b, 80, 20), longChunks: 300}
	for i := range 2 {
		s.at(b, fmt.Sprint("quick", i), answer(""))
	}
	for i := range splitServers {
		s.at(b, fmt.Sprint("split", i), answer(fmt.Sprint(i)))
	}
	s.at(b, "stream", sendChunks(s.chunks, 50*time.Millisecond))
	s.at(b, "long", sendChunks(s.longChunks, 150*time.Millisecond))
	s.at(b, "held", s.held.ServeHTTP)
	s.at(b, busy, func(w http.ResponseWriter, r *http.Request) {
		if s.isBusy.Load() {
			s.asked.Add(1)
			w.Header().Set("Retry-After", "3")
			http.Error(w, `{"error":{"message":"Too many requests.","type":"rate_limit_error"}}`, http.StatusTooManyRequests)
			return
		}
		answer("")(w, r)
	})
	s.at(b, hung, func(w http.ResponseWriter, r *http.Request) {
		if s.isHung.Load() {
			s.asked.Add(1)
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			return
		}
		answer("")(w, r)
	})
	s.addresses[killed] = harness.FreeAddress(b, localplane.Free4).String() + ":8010"
	return s
}

// at serves on an address of its own.
func (s *servers) at(b *bench, name string, handler http.HandlerFunc) {
	b.Helper()
	s.addresses[name] = harness.FreeAddress(b, localplane.Free4).String() + ":8000"
	server := &http.Server{Addr: s.addresses[name], Handler: handler} //nolint:gosec // it serves one run
	go server.ListenAndServe()                                        //nolint:errcheck // returns when the run ends
	b.Cleanup(func() { _ = server.Close() })
}

// start starts the process that is killed later. Its answers take some time, so that there are some under way when it dies.
func (s *servers) start(b *bench) {
	b.Helper()
	s.killed = exec.Command("modelserver", "--port=8010", "--control-port=8011", "--delay=30ms")
	s.killed.Stderr = os.Stderr
	require.NoError(b, s.killed.Start())
	require.Eventually(b, func() bool {
		connection, err := net.Dial("tcp", s.addresses[killed])
		if err == nil {
			_ = connection.Close()
		}
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
}

// answer answers at once, under a name.
func answer(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set(modelserver.HeaderName, name)
		_, _ = io.WriteString(w, `{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m","choices":[{"index":0,"message":{"role":"assistant",`+
			`"content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
	}
}

// sendChunks answers with an event stream whose chunks say when they were sent.
func sendChunks(count int, every time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		flush := http.NewResponseController(w).Flush
		for n := range count {
			event, err := json.Marshal(chunk{Number: n, Sent: time.Since(clock)})
			if err != nil {
				return
			}
			if _, err := fmt.Fprintf(w, "data: %s\n\n", event); err != nil || flush() != nil {
				return
			}
			<-ticker.C
		}
		_, _ = io.WriteString(w, "data: [DONE]\n\n")
	}
}

// holder reads requests, and answers none until it is told to.
type holder struct {
	lock    sync.Mutex
	held    int
	arrived time.Time
	release chan struct{}
}

// begin forgets the requests before.
func (h *holder) begin() {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.held, h.arrived, h.release = 0, time.Now(), make(chan struct{})
}

// state is how many requests are held, and for how long no other has come.
func (h *holder) state() (int, time.Duration) {
	h.lock.Lock()
	defer h.lock.Unlock()
	return h.held, time.Since(h.arrived)
}

func (h *holder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	h.lock.Lock()
	h.held++
	h.arrived = time.Now()
	release := h.release
	h.lock.Unlock()
	select {
	case <-release:
	case <-r.Context().Done():
		return
	}
	answer("")(w, r)
}
