package plugin

import (
	"bytes"
	"context"
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

var tokenValues = []string{token}

func drawToken() string {
	drawn := make([]byte, 32)
	if _, err := rand.Read(drawn); err != nil {
		panic(err)
	}
	return hex.EncodeToString(drawn)
}

// ofInner is where the context of a request on the inner listener has the loan of its front. Unlike a header, no Middleware of a tenant can take it away.
var ofInner = &struct{ name string }{"inner"}

// loan is what a front lends to the inner listener: a body, and where in it the model's name is, if that is known. Both are in this process, so that a body need not be sent and
// read once more.
type loan struct {
	body  []byte
	named *namedModel
	// isRead says that somebody wants to know how many tokens the answer takes.
	isRead bool
}

// nothingLent is what a request has whose front lends nothing.
var nothingLent = &loan{}

// lent are all loans, by number.
var (
	lent     = map[string]*loan{}
	lastLent int64
	lentLock sync.Mutex
)

// lend gives a loan a number, until it is taken back.
func lend(made *loan) string {
	lentLock.Lock()
	lastLent++
	number := strconv.FormatInt(lastLent, 36)
	lent[number] = made
	lentLock.Unlock()
	return number
}

// takeBack ends a loan. The request that has it may go on for minutes, and needs no memory for the body.
func takeBack(number string, made *loan) {
	lentLock.Lock()
	delete(lent, number)
	made.body = nil
	lentLock.Unlock()
}

// borrow gives r the body with this number, and gives the loan; nil if there is none.
func borrow(r *http.Request, number string) *loan {
	lentLock.Lock()
	known := lent[number]
	lentLock.Unlock()
	if known == nil {
		return nil
	}
	if body := bodyLent(known); body != nil {
		setBody(r, body)
		return known
	}
	return nil
}

// bodyLent is the body of a loan; nil where that has none, or has been taken back.
func bodyLent(known *loan) []byte {
	lentLock.Lock()
	body := known.body
	lentLock.Unlock()
	return body
}

// loanOf is the loan that r came with; nil without one.
func loanOf(r *http.Request) *loan {
	known, _ := r.Context().Value(ofInner).(*loan)
	return known
}

func setBody(r *http.Request, body []byte) {
	r.Body = bodyOf(len(body), bytes.NewReader(body))
	r.ContentLength = int64(len(body))
}

// bodyOf is a body of this length, in pieces. A MultiReader lets go of them when it meets their end: the answer may go on for minutes. The limit hides its
// WriteTo, which takes 32 KiB. With one byte more than there are, the MultiReader meets the end.
func bodyOf(length int, pieces ...io.Reader) io.ReadCloser {
	return io.NopCloser(io.LimitReader(io.MultiReader(pieces...), int64(length)+1))
}

// gate lets only fronts of this process use the inner listener. It takes off what they say to it before any route sees the request, and gives the request the body that its front
// lends, and the address of its client, so that Traefik tells servers of that and not of itself.
type gate struct{ next http.Handler }

// ServeHTTP passes on what a front sends.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	known := admitted(r)
	if known == nil {
		refuse(w, r, notFound)
		return
	}
	g.next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), ofInner, known)))
}

// admitted is the loan of the front that sends a request; nil if none does.
func admitted(r *http.Request) *loan {
	given := r.Header.Get(tokenHeader)
	client := r.Header.Get(clientHeader)
	numbers := r.Header[bodyHeader]
	delete(r.Header, tokenHeader)
	delete(r.Header, clientHeader)
	delete(r.Header, bodyHeader)
	if subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1 {
		return nil
	}
	r.RemoteAddr = client
	if len(numbers) == 0 {
		return nothingLent
	}
	return borrow(r, numbers[0])
}
