package plugin

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"sync"
)

const (
	// tokenHeader shows the inner listener that a front of this very process asks.
	tokenHeader = "X-Modelplane-Token"
	// clientHeader is the address from which the client has connected to the public listener.
	clientHeader = "X-Modelplane-Client"
	// bodyHeader is the number of the loan with the body that a front lends.
	bodyHeader = "X-Modelplane-Body"
)

// token is drawn for each process. All instances of the plugin share it, and nobody else knows it.
var token = drawToken()

func drawToken() string {
	drawn := make([]byte, 32)
	if _, err := rand.Read(drawn); err != nil {
		panic(err)
	}
	return hex.EncodeToString(drawn)
}

// ofInner is where the context of a request on the inner listener has the number of its body, or "" without one. Unlike a header, no Middleware of a tenant
// can take it away.
var ofInner = &struct{ name string }{"inner"}

// loan is what a front lends to the inner listener: a body, and its answer if that is looked at. Both are in this process, so that a body need not be sent and
// read once more.
type loan struct {
	body   []byte
	answer *answer
}

// lent are all loans, by number.
var (
	lent     = map[string]*loan{}
	lastLent int64
	lentLock sync.Mutex
)

// lend gives a loan a number, until it is taken back.
func lend(made *loan) string {
	lentLock.Lock()
	defer lentLock.Unlock()
	lastLent++
	number := strconv.FormatInt(lastLent, 36)
	lent[number] = made
	return number
}

func takeBack(number string) {
	lentLock.Lock()
	defer lentLock.Unlock()
	delete(lent, number)
}

// borrow gives r the body with this number, and says whether there is one.
func borrow(r *http.Request, number string) bool {
	known := loanOf(number)
	if known == nil {
		return false
	}
	r.Body = bodyOf(len(known.body), bytes.NewReader(known.body))
	r.ContentLength = int64(len(known.body))
	return true
}

// loanOf is the loan with this number, if it has not been taken back; nil otherwise.
func loanOf(number string) *loan {
	if number == "" {
		return nil
	}
	lentLock.Lock()
	defer lentLock.Unlock()
	return lent[number]
}

// bodyOf is a body of this length, in pieces. A MultiReader lets go of them when it meets their end: the answer may go on for minutes. The limit hides its
// WriteTo, which takes 32 KiB. With one byte more than there are, the MultiReader meets the end.
func bodyOf(length int, pieces ...io.Reader) io.ReadCloser {
	return io.NopCloser(io.LimitReader(io.MultiReader(pieces...), int64(length)+1))
}

// admitInner lets only fronts of this process use the inner listener. It takes the token off before any route sees the request, and gives the
// request the body that its front lends, and the address of its client, so that Traefik tells servers of that and not of itself. It gives the number of
// the body.
func admitInner(r *http.Request) (number string, isAdmitted bool) {
	given := r.Header.Get(tokenHeader)
	client := r.Header.Get(clientHeader)
	number = r.Header.Get(bodyHeader)
	delete(r.Header, tokenHeader)
	delete(r.Header, clientHeader)
	delete(r.Header, bodyHeader)
	if subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1 {
		return "", false
	}
	r.RemoteAddr = client
	return number, number == "" || borrow(r, number)
}
