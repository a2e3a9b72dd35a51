package plugin

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
)

const (
	// tokenHeader shows the inner listener that a front of this very process asks.
	tokenHeader = "X-Modelplane-Token"
	// clientHeader is the address from which the client has connected to the public listener.
	clientHeader = "X-Modelplane-Client"
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

// ofInner is where the context of a request on the inner listener says so. Unlike a header, no Middleware of a tenant can take it away.
var ofInner = &struct{ name string }{"inner"}

// admitInner lets only fronts of this process use the inner listener. It takes the token off before any route sees the request, and gives the
// request the address of its client, so that Traefik tells servers of that and not of itself.
func admitInner(r *http.Request) bool {
	given := r.Header.Get(tokenHeader)
	client := r.Header.Get(clientHeader)
	r.Header.Del(tokenHeader)
	r.Header.Del(clientHeader)
	if subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1 {
		return false
	}
	r.RemoteAddr = client
	return true
}
