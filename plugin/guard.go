package plugin

import (
	"context"
	"net/http"
)

// guard is in front of all routes: it takes off what only the gateway may say, refuses paths that servers read otherwise than Traefik, and reads bodies.
type guard struct {
	removesOwnHeaders, refusesDotSegments, readsBody bool
	next                                             http.Handler
}

// ServeHTTP passes a request on, or answers why not.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g.removesOwnHeaders {
		removeOwnHeaders(r.Header)
	}
	if g.refusesDotSegments && hasDotSegment(r.URL.EscapedPath()) {
		refuse(w, r, dotted)
		return
	}
	if g.readsBody && isRead(r) {
		serveRead(g.next, w, r)
		return
	}
	g.next.ServeHTTP(w, r)
}

// serveRead serves a request whose body it has read.
func serveRead(next http.Handler, w http.ResponseWriter, r *http.Request) {
	h, err := hold(r, maxRead)
	if err != nil {
		refuseBody(w, r, err)
		return
	}
	defer letGo(h)
	if h.isWhole {
		h.isLetGo = true
		r = r.WithContext(context.WithValue(r.Context(), ofBody, h))
	}
	next.ServeHTTP(w, r)
}
