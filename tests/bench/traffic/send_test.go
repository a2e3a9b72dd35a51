package traffic

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/modelplane/pulumi-modelplane/tests/bench/figures"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// hello is a short request.
const hello = `{"model":"m","messages":[{"role":"user","content":"Hello"}]}`

// sent is what became of one request.
type sent struct {
	began, ended time.Time
	status       int
	server       string
	// isRefused says that the answer was 503 with Retry-After.
	isRefused bool
	err       error
}

func (s sent) took() time.Duration { return s.ended.Sub(s.began) }

func (s sent) isAnswered() bool { return s.err == nil && s.status == http.StatusOK }

// load is requests on so many connections at once, on each of them one after another.
type load struct {
	url         string
	header      http.Header
	body        string
	connections int
	// every is how often a connection sends one; 0 is as soon as the last one is answered.
	every time.Duration
}

// while sends requests as long as more says so. Requests that are under way then are waited for.
func (l load) while(more func() bool) []sent {
	transport := &http.Transport{MaxIdleConnsPerHost: l.connections, MaxConnsPerHost: l.connections, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	var lock sync.Mutex
	var all []sent
	var senders sync.WaitGroup
	for i := range l.connections {
		senders.Go(func() {
			var own []sent
			time.Sleep(l.every * time.Duration(i) / time.Duration(l.connections))
			for more() {
				one := l.send(client)
				own = append(own, one)
				time.Sleep(l.every - one.took())
			}
			lock.Lock()
			defer lock.Unlock()
			all = append(all, own...)
		})
	}
	senders.Wait()
	return all
}

// during sends requests for a time.
func (l load) during(span time.Duration) []sent {
	until := time.Now().Add(span)
	return l.while(func() bool { return time.Now().Before(until) })
}

func (l load) send(client *http.Client) sent {
	body := l.body
	if body == "" {
		body = hello
	}
	request, err := http.NewRequest(http.MethodPost, l.url+"/chat/completions", strings.NewReader(body))
	if err != nil {
		panic(err) // the run's own URL
	}
	request.GetBody = nil // no request is sent twice
	request.Header.Set("Authorization", "Bearer "+callerKey)
	request.Header.Set("Content-Type", "application/json")
	for name, values := range l.header {
		request.Header[name] = values
	}
	one := sent{began: time.Now()}
	response, err := client.Do(request)
	if err == nil {
		one.status = response.StatusCode
		one.server = response.Header.Get(modelserver.HeaderName)
		one.isRefused = response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") != ""
		_, err = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
	one.err = err
	one.ended = time.Now()
	return one
}

// chunk is one event of a stream, with the time at which it was sent.
type chunk struct {
	Number int           `json:"number"`
	Sent   time.Duration `json:"sent"`
}

// clock is what chunks are timed by; it does not go back, as a wall clock may.
var clock = time.Now()

// streamed is what arrived of one event stream.
type streamed struct {
	late    []float64
	isWhole bool
	ended   time.Time
}

// stream reads an event stream, to its end or to where it is cut.
func stream(ctx context.Context, client *http.Client, url string) streamed {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/chat/completions", strings.NewReader(hello))
	if err != nil {
		panic(err) // the run's own URL
	}
	request.Header.Set("Authorization", "Bearer "+callerKey)
	request.Header.Set("Content-Type", "application/json")
	var s streamed
	response, err := client.Do(request)
	if err != nil {
		s.ended = time.Now()
		return s
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		data, isEvent := strings.CutPrefix(lines.Text(), "data: ")
		if data == "[DONE]" {
			s.isWhole = lines.Err() == nil
			continue
		}
		arrived := time.Since(clock)
		var c chunk
		if isEvent && json.Unmarshal([]byte(data), &c) == nil && c.Number == len(s.late) {
			s.late = append(s.late, figures.Milliseconds(arrived-c.Sent))
		}
	}
	s.isWhole = s.isWhole && lines.Err() == nil
	s.ended = time.Now()
	return s
}
