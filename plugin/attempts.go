package plugin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// attempts are those for one request.
type attempts struct {
	front *front
	began time.Time
	// isWhole says that the whole body is in body, so that it can be sent again.
	isWhole bool
	body    []byte
	// held is what has the body; nil without one.
	held  *heldBody
	key   string
	tried map[int]bool
	// isAnswered says that a backend has answered well.
	isAnswered bool
	// isShort says that the attempt has less than half of the time that a first one has, as those before it have used up the deadline.
	isShort bool
}

// answerOf asks backends until one answers well.
func answerOf(a *attempts, r *http.Request) (*http.Response, error) {
	i := nextOf(a)
	if i < 0 {
		return nil, errNoBackend
	}
	a.tried[i] = true
	response, err := ask(a, r, &a.front.config.Backends[i])
	if a.isAnswered {
		letBodyGo(a)
		return response, nil
	}
	return a.answerAfter(r, i, response, err)
}

// letBodyGo lets go of a body that nobody is sent again.
func letBodyGo(a *attempts) {
	if a.isWhole {
		a.body = nil
		drop(a.held)
	}
}

// answerAfter asks the other backends.
func (a *attempts) answerAfter(r *http.Request, i int, response *http.Response, err error) (*http.Response, error) {
	failure := errNoBackend
	for {
		if a.isAnswered || isLast(a, r) {
			if err == nil {
				letBodyGo(a)
			}
			return response, err
		}
		if err != nil {
			failure = err
		}
		a.goOn(i, response, err)
		i = nextOf(a)
		if i < 0 {
			return nil, failure
		}
		a.tried[i] = true
		response, err = ask(a, r, &a.front.config.Backends[i])
	}
}

// isLast says whether nobody is asked any more.
func isLast(a *attempts, r *http.Request) bool {
	n := len(a.tried)
	return n >= a.front.config.Attempts || n == a.front.asked || !a.isWhole || left(a) <= 0 || r.Context().Err() != nil
}

// goOn counts an attempt after which another backend is asked.
func (a *attempts) goOn(i int, response *http.Response, err error) {
	endpoint := a.front.config.Backends[i].Endpoint
	if err != nil {
		a.front.tally.failedOver(endpoint, reasonOf(err))
		return
	}
	a.front.tally.failedOver(endpoint, strconv.Itoa(response.StatusCode))
	// What is left of it is not read: that could take for ever.
	_ = response.Body.Close()
}

// ask sends the request to one backend, and tells the others how that went.
func ask(a *attempts, r *http.Request, b *Backend) (*http.Response, error) {
	response, err := send(a, r, b)
	if err == nil && !a.front.failures[response.StatusCode] {
		a.isAnswered = true
		noteAnswered(a.front.health, b.Endpoint)
		return response, nil
	}
	a.failed(r, b.Endpoint, response, err)
	return response, err
}

// failed notes that a backend has failed this request.
func (a *attempts) failed(r *http.Request, endpoint string, response *http.Response, err error) {
	f := a.front
	// Of a body that goes on as it arrives, nobody knows whether its client has failed or the backend.
	// Nor does a backend fail that gets what another has left of the deadline.
	if err != nil && (r.Context().Err() != nil || !a.isWhole || a.isShort && errors.Is(err, errTimeout)) {
		f.health.left(endpoint)
		return
	}
	now := time.Now()
	if err == nil {
		if rest := restOf(response.Header.Get("Retry-After"), now); rest > 0 {
			if f.health.rest(endpoint, rest, now) {
				f.tally.ejected(endpoint)
			}
			return
		}
	}
	if f.health.failed(endpoint, f.config.EjectAfter, time.Duration(f.config.EjectSeconds)*time.Second, now) {
		f.tally.ejected(endpoint)
	}
}

// reasonOf is why there was no answer, in a word for figures.
func reasonOf(err error) string {
	if errors.Is(err, errTimeout) {
		return "timeout"
	}
	return "unreachable"
}

// send sends the request to one backend, and waits until its answer has begun.
func send(a *attempts, r *http.Request, b *Backend) (*http.Response, error) {
	// The proxy has made a copy of the header already.
	out := r.WithContext(r.Context())
	out.URL = innerURL(r.URL, a.front.config.Prefix, b.Path)
	if a.isWhole {
		out.ContentLength = 0
		out.Body = http.NoBody
	}
	if a.front.isTimed {
		return sendInTime(a, out)
	}
	response, err := a.front.transport.RoundTrip(out)
	return response, err
}

// sendInTime waits no longer than it may: for the header, and of an event stream for the first event.
func sendInTime(a *attempts, r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	timer := time.AfterFunc(patience(a, a.front.config.HeaderTimeout), cancel)
	response, err := a.front.transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		timer.Stop()
		return nil, a.reason(r, err)
	}
	if a.front.config.FirstTokenTimeout > 0 && strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		return a.firstToken(r, response, timer)
	}
	if !timer.Stop() {
		_ = response.Body.Close()
		return nil, errTimeout
	}
	return response, nil
}

// firstToken waits for the first event of an event stream that has begun.
func (a *attempts) firstToken(r *http.Request, response *http.Response, timer *time.Timer) (*http.Response, error) {
	timer.Reset(patience(a, a.front.config.FirstTokenTimeout))
	first := make([]byte, 4096)
	n, err := response.Body.Read(first)
	isLate := !timer.Stop()
	if isLate {
		err = errTimeout
	}
	if isLate || n == 0 && err != nil && !errors.Is(err, io.EOF) {
		_ = response.Body.Close()
		// The time for the header may have ended just before.
		return nil, a.reason(r, err)
	}
	// The body itself is closed when the request ends.
	response.Body = io.NopCloser(io.MultiReader(bytes.NewReader(first[:n]), response.Body))
	return response, nil
}

// innerURL is a request's URL on the inner listener, with path in place of the service's own.
func innerURL(asked *url.URL, prefix, path string) *url.URL {
	target := *asked
	target.Scheme = "http"
	target.Host = InnerAddress
	// It would come before the path.
	target.Opaque = ""
	target.Path = path + strings.TrimPrefix(asked.Path, prefix)
	if asked.RawPath != "" {
		target.RawPath = path + strings.TrimPrefix(asked.RawPath, prefix)
	}
	return &target
}

// forEver is longer than any answer takes.
const forEver = 24 * time.Hour

// patience is how long to wait, given a limit in milliseconds and the deadline for all attempts. A client may take its time for a body that goes on as it
// arrives.
func patience(a *attempts, limit int) time.Duration {
	whole := forEver
	if !a.isWhole {
		return whole
	}
	if limit > 0 {
		whole = time.Duration(limit) * time.Millisecond
	}
	if deadline := time.Duration(a.front.config.Deadline) * time.Millisecond; deadline > 0 && deadline < whole {
		whole = deadline
	}
	rest := left(a)
	a.isShort = rest < whole/2
	if rest < whole {
		return rest
	}
	return whole
}

// left is how long attempts may go on.
func left(a *attempts) time.Duration {
	if a.front.config.Deadline == 0 {
		return forEver
	}
	return time.Duration(a.front.config.Deadline)*time.Millisecond - time.Since(a.began)
}

var errTimeout = errors.New("no answer in time")

// reason tells a backend that took too long from a client that has left.
func (a *attempts) reason(r *http.Request, err error) error {
	if r.Context().Err() == nil && errors.Is(err, context.Canceled) {
		return errTimeout
	}
	return err
}
