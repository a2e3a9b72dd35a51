package traffic

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
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

// fault is why a request is not answered.
func (s sent) fault() error {
	if s.err != nil {
		return s.err
	}
	return fmt.Errorf("status %d", s.status)
}

// load is requests on so many connections at once, on each of them one after another.
type load struct {
	url         string
	header      http.Header
	body        string
	connections int
	// every is how often a connection sends one; 0 is as soon as the last one is answered.
	every time.Duration
	// check says what is wrong with an answer, after the clock has stopped. Without it, any answer with the status 200 will do.
	check func(response *http.Response, body []byte) error
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
	var answered bytes.Buffer
	if err == nil {
		one.status = response.StatusCode
		one.server = response.Header.Get(modelserver.HeaderName)
		one.isRefused = response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") != ""
		into := io.Discard
		if l.check != nil {
			into = &answered
		}
		_, err = io.Copy(into, response.Body)
		_ = response.Body.Close()
	}
	one.ended = time.Now()
	if err == nil && l.check != nil {
		err = l.check(response, answered.Bytes())
	}
	one.err = err
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
