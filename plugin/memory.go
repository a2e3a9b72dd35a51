package plugin

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
)

// BodyMemoryVariable is the environment variable with how many bytes of requests' bodies Traefik may hold at once.
const BodyMemoryVariable = "MODELPLANE_BODY_MEMORY"

// defaultBodyMemory is that number without the variable: 1 GiB.
const defaultBodyMemory = 1 << 30

// maxHeld is how much of a body is held so that it can be sent to several backends, in bytes, however much memory there is.
const maxHeld = 32 << 20

// firstPiece is how much memory is taken for a body of which nothing has arrived. After that it doubles with what has: a length that is promised
// costs nothing.
const firstPiece = 16 << 10

// errFull is why a body is not held.
var errFull = errors.New("the bodies of other requests take all memory that there is for them")

// bodyMemory is what the bodies of all requests take together.
var bodyMemory = &memory{most: bytesOf(os.Getenv(BodyMemoryVariable))}

// memory is an amount of bytes that are handed out and given back.
type memory struct {
	lock sync.Mutex
	most int64
	used int64
}

func bytesOf(text string) int64 {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 {
		return n
	}
	return defaultBodyMemory
}

// takeBytes says whether there are n more bytes, and hands them out if so.
func takeBytes(n int64) bool {
	bodyMemory.lock.Lock()
	fits := bodyMemory.used+n <= bodyMemory.most
	if fits {
		bodyMemory.used += n
	}
	bodyMemory.lock.Unlock()
	return fits
}

func giveBytes(n int64) {
	bodyMemory.lock.Lock()
	bodyMemory.used -= n
	bodyMemory.lock.Unlock()
}

// mostOfOne is how much one body may take so that it can be sent to several backends. A longer one is sent to one alone.
func mostOfOne() int64 {
	if part := bodyMemory.most / 8; part < maxHeld {
		return part
	}
	return maxHeld
}

// ofBody is where a request's context has its body, if that is held.
var ofBody = &struct{ name string }{"body"}

// heldBody is a body, or its beginning, in memory.
type heldBody struct {
	bytes []byte
	// isWhole says that the body has no more than these.
	isWhole bool
	// reader is what the request reads them from.
	reader *bytes.Reader
	// body is what the request has as its body.
	body io.ReadCloser
	// taken is how much of [bodyMemory] they take.
	taken int64
	// isLetGo says that whoever held it first lets it go.
	isLetGo bool
	// model is what a catalog has the body ask for; "" where none has read it. Named is where it does.
	model string
	named *namedModel
	// kept is the body as its client has sent it, while another model may still be asked; nil otherwise.
	kept []byte
}

// hold reads up to most bytes of a body. The request goes on with the same body. Whoever holds it lets it go, at the latest at the request's end.
// The error is errFull where [bodyMemory] does not have that much.
func hold(r *http.Request, most int64) (*heldBody, error) {
	h := &heldBody{}
	for {
		if err := holdMore(h, r, nextPiece(h, r.ContentLength, most)); err != nil {
			return nil, err
		}
		if h.isWhole || int64(len(h.bytes)) > most {
			break
		}
	}
	h.reader = bytes.NewReader(h.bytes)
	h.body = io.NopCloser(h.reader)
	if !h.isWhole {
		resume(h, r.Body)
	}
	// Reading has told the client to continue, so the server need not be asked.
	delete(r.Header, "Expect")
	r.Body = h.body
	return h, nil
}

// holdMore reads another piece of a body, or lets it go.
func holdMore(h *heldBody, r *http.Request, piece int64) error {
	if !takeBytes(piece) {
		// The request may go on without being held.
		h.reader = bytes.NewReader(h.bytes)
		resume(h, r.Body)
		r.Body = h.body
		letGo(h)
		return errFull
	}
	h.taken += piece
	// ReadFrom wants room for an end that it has not seen yet.
	read := bytes.NewBuffer(make([]byte, 0, len(h.bytes)+int(piece)+bytes.MinRead))
	_, _ = read.Write(h.bytes)
	n, err := read.ReadFrom(io.LimitReader(r.Body, piece))
	if err != nil {
		letGo(h)
		return err
	}
	h.bytes = read.Bytes()
	h.isWhole = n < piece
	return nil
}

// resume gives h a body of which the rest is still to be read.
func resume(h *heldBody, rest io.ReadCloser) {
	h.body = &resumed{reader: io.MultiReader(h.reader, rest), closer: rest}
}

// nextPiece is how much to read now, of a body with this length, or with none that is known. One byte more tells a body that ends there from one that
// goes on.
func nextPiece(h *heldBody, length, most int64) int64 {
	piece := int64(len(h.bytes))
	if piece < firstPiece {
		piece = firstPiece
	}
	left := most + 1
	if length >= 0 && length < most {
		left = length + 1
	}
	left -= int64(len(h.bytes))
	if left <= 2*piece {
		return left
	}
	return piece
}

// letGo gives the memory back, once. Whoever still sends the body may go on.
func letGo(h *heldBody) {
	if h == nil {
		return
	}
	// Who sends the body and who answers the request may both come to its end.
	bodyMemory.lock.Lock()
	bodyMemory.used -= h.taken
	h.taken = 0
	bodyMemory.lock.Unlock()
}

// drop lets a body go that nobody reads from the request any more: the request, which may go on for minutes, needs no memory for it.
func drop(h *heldBody) {
	if h == nil || h.kept != nil {
		return
	}
	h.reader.Reset(nil)
	h.bytes = nil
	letGo(h)
}

// bodyHeld is the body that something in front of this has held; nil without one.
func bodyHeld(r *http.Request) *heldBody {
	known, _ := r.Context().Value(ofBody).(*heldBody)
	return known
}

// holdOnce is hold for a request whose body may be held already, as it has passed the entry point.
func holdOnce(r *http.Request, most int64) (*heldBody, error) {
	known, _ := r.Context().Value(ofBody).(*heldBody)
	if known != nil && r.Body == known.body {
		return known, nil
	}
	return hold(r, most)
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
