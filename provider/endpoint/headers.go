package endpoint

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
)

// MaxHeaders is the number of headers that one filter of a route sets, and also the number that it removes
// (https://github.com/kubernetes-sigs/gateway-api/blob/v1.6.3/apis/v1/httproute_types.go#L1074).
const MaxHeaders = 16

// authorization is the header that carries a key by default.
const authorization = "Authorization"

func decideHeaders(s Server, keyed bool, faults *fault.List) Headers {
	headers := ptr.Deref(s.Headers, Headers{})
	headers.check("headers", faults)
	for path, name := range headers.names("headers") {
		if keyed && strings.EqualFold(name, s.keyHeader()) {
			faults.Add(path, "is the header that carries the endpoint's key; leave it to the key", "apiKeyHeader")
		}
	}
	return headers
}

// check finds what HTTP, a route or the gateway does not take of changes to headers that were written at path.
func (h Headers) check(path string, faults *fault.List) {
	seen := map[string]string{}
	for at, name := range h.names(path) {
		faults.AddErr(at, headerName(name))
		lower := strings.ToLower(name)
		if earlier, twice := seen[lower]; twice {
			faults.Add(at, fmt.Sprintf("is the header of %s once more; name each once", earlier), path)
		}
		seen[lower] = at
	}
	set, remove := path+".set", path+".remove"
	for _, name := range slices.Sorted(maps.Keys(h.Set)) {
		if value := h.Set[name]; value == "" || len(value) > 4096 || !httpguts.ValidHeaderFieldValue(value) {
			faults.Addf(fault.Key(set, name), "has no value that a header takes: write 1 to 4096 characters without line breaks, "+
				"or name the header in %s", remove)
		}
	}
	if len(h.Set) > MaxHeaders {
		faults.Addf(set, "has %d headers; a route sets %d at most", len(h.Set), MaxHeaders)
	}
	if len(h.Remove) > MaxHeaders {
		faults.Addf(remove, "has %d headers; a route removes %d at most", len(h.Remove), MaxHeaders)
	}
}

// names are the headers that are set or removed, by their paths.
func (h Headers) names(path string) iter.Seq2[string, string] {
	return func(yield func(path, name string) bool) {
		for _, name := range slices.Sorted(maps.Keys(h.Set)) {
			if !yield(fault.Key(path+".set", name), name) {
				return
			}
		}
		for i, name := range h.Remove {
			if !yield(fault.Index(path+".remove", i), name) {
				return
			}
		}
	}
}

// hopByHop are headers of one connection, which a proxy writes or drops by itself
// (https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1).
var hopByHop = []string{"Connection", "Content-Length", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade"}

func headerName(name string) error {
	isName := func(other string) bool { return strings.EqualFold(name, other) }
	switch {
	case !httpguts.ValidHeaderFieldName(name) || len(name) > 256:
		return errors.New("is not the name of a header (RFC 9110, section 5.1)")
	case isName("Host"):
		return errors.New("is the Host header; set it by hostHeader")
	case slices.ContainsFunc(hopByHop, isName) || len(name) >= 6 && strings.EqualFold(name[:6], "Proxy-"):
		return errors.New("is a header of the connection, which the gateway writes or drops by itself; leave it out")
	case isName("X-Forwarded-For"):
		return errors.New("is written by the gateway after all changes to headers; forwardCaller decides whether the server gets it")
	}
	return nil
}
