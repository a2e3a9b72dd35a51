package plugin

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
)

// maxRead is how much of a body is read before its request goes on, in bytes: long conversations, and memory that many
// slow clients at once cannot use up.
const maxRead = 1 << 20

// readBody reads the body of r, so that r goes on with a body that is complete. Go's HTTP/1 server ends the reading of a
// request's body when it writes the answer's header (https://go.dev/issue/40747). A streamed answer that begins before
// the proxy has seen the end of the body is then cut. A body that is longer than maxRead goes on as it arrives.
func readBody(r *http.Request) error {
	if r.ProtoMajor != 1 || r.ContentLength == 0 || r.ContentLength > maxRead || r.Header.Get("Upgrade") != "" ||
		strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "application/grpc") {
		return nil
	}
	_, _, err := readUpTo(r, maxRead)
	return err
}

// exceeds says whether a body has more than most bytes. One whose length is not known is read, so that the server is not sent a part of it.
func exceeds(r *http.Request, most int64) (bool, error) {
	if r.ContentLength >= 0 {
		return r.ContentLength > most, nil
	}
	_, whole, err := readUpTo(r, most)
	return !whole, err
}

// maxHeld is how much of a body is held so that it can be sent to several backends, in bytes. A longer one is sent to one alone.
const maxHeld = 32 << 20

// readUpTo reads up to most bytes of a body, and says whether that is all of it. The request goes on with the same body.
func readUpTo(r *http.Request, most int64) (body []byte, whole bool, err error) {
	// The buffer grows with what has arrived: a length that is promised costs nothing.
	var read bytes.Buffer
	// One byte more tells a body that ends at the limit from one that goes on.
	n, err := read.ReadFrom(io.LimitReader(r.Body, most+1))
	if err != nil {
		return nil, false, err
	}
	body = read.Bytes()
	// Reading has told the client to continue, so the server need not be asked.
	r.Header.Del("Expect")
	if n > most {
		r.Body = &resumed{reader: io.MultiReader(&read, r.Body), closer: r.Body}
		return body, false, nil
	}
	r.Body = io.NopCloser(&read)
	return body, true, nil
}

// resumed is a body whose beginning has been read.
type resumed struct {
	reader io.Reader
	closer io.Closer
}

// Read reads what has been read already, and then the rest.
func (b *resumed) Read(p []byte) (int, error) { return b.reader.Read(p) }

// Close closes the body itself.
func (b *resumed) Close() error { return b.closer.Close() }

// statusOf is the status that says what is wrong with a body that could not be read.
func statusOf(err error) int {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return http.StatusRequestEntityTooLarge
	}
	var failure net.Error
	isNetwork := errors.As(err, &failure)
	switch {
	case isNetwork && failure.Timeout():
		return http.StatusRequestTimeout
	case isNetwork || errors.Is(err, io.ErrUnexpectedEOF):
		return statusClientGone
	default:
		return http.StatusBadRequest
	}
}
