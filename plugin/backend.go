package plugin

import "net/http"

// backend makes a request one for a certain backend: without what tells who the caller is, with its key, and with its name for the model.
type backend struct {
	anonymous     bool
	header, value string // the key; no header without one
	model, inJSON string // the backend's name for the model; "" without one
	asksUsage     bool   // whether streams are asked for their usage, where somebody wants to know
	next          http.Handler
}

func newBackend(next http.Handler, config *Config) (*backend, error) {
	b := &backend{anonymous: config.Anonymous, asksUsage: !config.LeaveUsage, next: next}
	if config.Model != "" {
		if err := checkModel(config.Model); err != nil {
			return nil, err
		}
		b.model = config.Model
		b.inJSON = quoted(config.Model)
	}
	if config.hasKey() {
		header, value, err := credential(config)
		if err != nil {
			return nil, err
		}
		b.header = http.CanonicalHeaderKey(header)
		b.value = value
	}
	return b, nil
}

// ServeHTTP passes a request on to its server.
func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if b.anonymous {
		if len(r.Header[CallerHeader]) > 0 {
			// Log and figures, which read the header at the answer's end, still need the caller.
			r = withOwnHeader(r)
		}
		removeCaller(r.Header)
		if r.URL.RawQuery != "" {
			removeQueryKeys(r)
		}
	}
	if b.header != "" {
		r.Header[b.header] = []string{b.value}
	}
	known := loanOf(r)
	asks := b.asksUsage && isStreamed(r, known)
	switch {
	case !asks && b.model == "":
		b.next.ServeHTTP(w, r)
	case known == nil || known == nothingLent || r.URL.RawQuery != "" || !isJSON(r):
		serveChanged(b, w, r, known, asks)
	case changeLent(b, w, r, known, asks):
		b.next.ServeHTTP(w, r)
	}
}

func withOwnHeader(r *http.Request) *http.Request {
	changed := r.WithContext(r.Context())
	changed.Header = r.Header.Clone()
	return changed
}
