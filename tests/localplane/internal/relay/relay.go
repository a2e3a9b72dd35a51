// Package relay passes TCP connections on.
package relay

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

const acceptPause = 10 * time.Millisecond

// Serve passes each connection that listener accepts on to the address that
// next returns for it. Where next returns "", or nothing answers there, the
// connection is reset. It returns once the listener is closed; connections live
// until a side ends them or ctx is done.
func Serve(ctx context.Context, listener *net.TCPListener, next func() string) {
	for {
		accepted, err := listener.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// Too many open files, say: some may be closed by then.
			time.Sleep(acceptPause)
			continue
		}
		go func() {
			address := next()
			if address == "" {
				abort(accepted)
				return
			}
			var dialer net.Dialer
			dialed, err := dialer.DialContext(ctx, "tcp", address)
			if err != nil {
				abort(accepted)
				return
			}
			join(ctx, accepted, dialed.(*net.TCPConn))
		}()
	}
}

// join passes on what either side sends to the other, and the end of it: a side
// that has said all it has to say may still be answered. It returns, and closes
// both, when both sides have ended, or one has failed; then the other sees a
// failure too, and not the end of a whole message.
func join(ctx context.Context, a, b *net.TCPConn) {
	defer a.Close()
	defer b.Close()
	abortBoth := func() { abort(a); abort(b) }
	defer context.AfterFunc(ctx, abortBoth)()

	ended := make(chan error, 2)
	pass := func(to, from *net.TCPConn) {
		_, err := io.Copy(to, from)
		if err == nil {
			err = to.CloseWrite()
		}
		ended <- err
	}
	go pass(a, b)
	go pass(b, a)
	for range 2 {
		if <-ended != nil {
			abortBoth()
			return
		}
	}
}

// abort closes a connection with a reset.
func abort(connection *net.TCPConn) {
	_ = connection.SetLinger(0)
	connection.Close()
}
