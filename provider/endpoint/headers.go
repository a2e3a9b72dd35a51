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
	"github.com/modelplane/pulumi-modelplane/provider/internal/route"
)

func decideHeaders(a Args, keyed bool, faults *fault.List) Headers {
	headers := ptr.Deref(a.Headers, Headers{})
	at := headerPaths{set: "headers.set", remove: "headers.remove"}
	at.check(headers, faults)
	keyHeader := ptr.Deref(a.APIKeyHeader, "")
	if keyed && a.APIKeyHeader == nil {
		keyHeader = "Authorization"
	}
	for path, name := range at.names(headers) {
		if keyHeader != "" && strings.EqualFold(name, keyHeader) {
			faults.Add(path, "is the header that carries the endpoint's key; leave it to the key", "apiKeyHeader")
		}
	}
	return headers
}

// headerPaths are where a program has written changes to headers: in an endpoint's arguments, or in a reference to one.
type headerPaths struct{ set, remove string }

// check holds changes to headers against what HTTP and a route take.
func (at headerPaths) check(h Headers, faults *fault.List) {
	seen := map[string]string{}
	for path, name := range at.names(h) {
		faults.AddErr(path, headerName(name))
		lower := strings.ToLower(name)
		if earlier, twice := seen[lower]; twice {
			faults.Add(path, fmt.Sprintf("is the header of %s once more; name each once", earlier), at.set, at.remove)
		}
		seen[lower] = path
	}
	for _, name := range slices.Sorted(maps.Keys(h.Set)) {
		if value := h.Set[name]; value == "" || len(value) > 4096 || !httpguts.ValidHeaderFieldValue(value) {
			faults.Addf(fault.Key(at.set, name), "has no value that a header takes: write 1 to 4096 characters without line breaks, "+
				"or name the header in %s", at.remove)
		}
	}
	if len(h.Set) > route.MaxHeaders {
		faults.Addf(at.set, "has %d headers; a route sets %d at most", len(h.Set), route.MaxHeaders)
	}
	// One place is the Authorization header's, which is removed by default.
	if len(h.Remove) >= route.MaxHeaders {
		faults.Addf(at.remove, "has %d headers; a route removes %d at most", len(h.Remove), route.MaxHeaders-1)
	}
}

// names are the headers that are set or removed, by their paths.
func (at headerPaths) names(h Headers) iter.Seq2[string, string] {
	return func(yield func(path, name string) bool) {
		for _, name := range slices.Sorted(maps.Keys(h.Set)) {
			if !yield(fault.Key(at.set, name), name) {
				return
			}
		}
		for i, name := range h.Remove {
			if !yield(fault.Index(at.remove, i), name) {
				return
			}
		}
	}
}

func headerName(name string) error {
	switch {
	case !httpguts.ValidHeaderFieldName(name) || len(name) > 256:
		return errors.New("is no name of a header (RFC 9110, section 5.1)")
	case strings.EqualFold(name, "Host"):
		return errors.New("is the Host header; set it by hostHeader")
	}
	return nil
}
