package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// maxBody is how much of an answer is read, in bytes.
const maxBody = 4 << 20

// outcome is what became of one request.
type outcome struct {
	began   time.Time
	took    time.Duration
	reused  bool
	way     Way
	status  int
	excerpt string
	kind    Kind
	err     error
}

// errLost marks an answer that came only because the request was sent again.
var errLost = errors.New("the connection was lost under the request, and Go's client sent it again")

// send makes one request, once, and judges its answer.
func (r *Run) send(ctx context.Context, number int) (result outcome) {
	ctx, cancel := context.WithTimeout(ctx, r.config.Timeout)
	defer cancel()
	result.began = time.Now()
	defer func() { result.took = time.Since(result.began) }()

	var reused atomic.Bool
	var written atomic.Int32 // headers, counted for each time that the client sends the request
	request, err := newRequest(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:      func(info httptrace.GotConnInfo) { reused.CompareAndSwap(false, info.Reused) },
		WroteHeaders: func() { written.Add(1) },
	}), r.config)
	if err != nil {
		return result.failed(KindOther, err)
	}
	response, err := r.transport(number).RoundTrip(request)
	result.reused = reused.Load()
	if err != nil {
		return result.failed(kindOf(err), err)
	}
	defer response.Body.Close()
	result.status = response.StatusCode
	result.way = Way{
		Backend: response.Header.Get(modelserver.HeaderName),
		Path:    response.Header.Get(modelserver.HeaderPath),
		Host:    response.Header.Get(modelserver.HeaderHost),
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	result.excerpt = string(body[:min(len(body), 200)])
	if err != nil {
		return result.failed(kindOf(err), fmt.Errorf("the body ended early: %w", err))
	}
	if written.Load() > 1 && response.ProtoMajor == 1 {
		return result.failed(KindLost, errLost)
	}
	if err := r.config.Accept(response, body); err != nil {
		kind := KindAnswer
		if response.StatusCode != http.StatusOK {
			kind = KindStatus
		}
		return result.failed(kind, err)
	}
	return result
}

func (o outcome) failed(kind Kind, err error) outcome {
	o.kind, o.err = kind, err
	return o
}

func newRequest(ctx context.Context, config Config) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, config.Method, config.URL, strings.NewReader(config.Body))
	if err != nil {
		return nil, err
	}
	// Without it the client cannot read the body again, and so not send it again. By HTTP/2 it sends again only what the server has said not to have taken,
	// as every client does.
	if !config.Transport.ForceAttemptHTTP2 {
		request.GetBody = nil
	}
	for name, values := range config.Header {
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	if host := request.Header.Get("Host"); host != "" {
		request.Host = host
	}
	return request, nil
}

func (r *Run) transport(number int) *http.Transport {
	if r.config.Connections == Fresh || r.config.Connections == Mixed && number%2 == 0 {
		return r.fresh
	}
	return r.kept
}

// kindOf tells how a connection failed.
func kindOf(err error) Kind {
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return KindRefused
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return KindReset
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), isClosedIdle(err):
		return KindEOF
	case errors.As(err, &timeout) && timeout.Timeout():
		return KindTimeout
	}
	return KindOther
}

// isClosedIdle knows the end of a kept connection by its text: net/http keeps errServerClosedIdle to itself
// (net/http/transport.go).
func isClosedIdle(err error) bool {
	return strings.Contains(err.Error(), "server closed idle connection")
}
