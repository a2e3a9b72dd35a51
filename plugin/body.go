package plugin

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
)

// maxRead is how much of a body is read before its request goes on, in bytes: long conversations, and memory that many
// slow clients at once cannot use up.
const maxRead = 1 << 20

// isRead says whether the body of r is read, so that r goes on with a body that is complete. Go's HTTP/1 server ends the reading of a
// request's body when it writes the answer's header (https://go.dev/issue/40747). A streamed answer that begins before
// the proxy has seen the end of the body is then cut. A body that is longer than maxRead goes on as it arrives.
func isRead(r *http.Request) bool {
	return r.ProtoMajor == 1 && r.ContentLength != 0 && r.ContentLength <= maxRead && r.Header.Get("Upgrade") == "" &&
		!strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "application/grpc")
}

// statusOf is the status that says why a body could not be read.
func statusOf(err error) int {
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
