package plugin

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sort"
	"strings"
)

// Catalog has the plugin choose a service by the model that a request's body names.
type Catalog struct {
	// Prefix is the catalog's path, such as "/v1".
	Prefix string  `json:"prefix,omitempty"`
	Models []Model `json:"models,omitempty"`
}

// Model is a model of a catalog with all that its service does to a request.
type Model struct {
	// Names are what clients may call it. The first is what servers without a name of their own are sent. One that ends with * is any name with this beginning,
	// and stays as the client sends it.
	Names []string `json:"names,omitempty"`
	// Service is the service that answers, as namespace/name. Count and Weights are as in [Config], and so are the other restrictions.
	Service        string           `json:"service,omitempty"`
	Count          bool             `json:"count,omitempty"`
	Weights        map[string]int   `json:"weights,omitempty"`
	Tokens         bool             `json:"tokens,omitempty"`
	Prices         map[string]Price `json:"prices,omitempty"`
	AllowFrom      []string         `json:"allowFrom,omitempty"`
	TrustedProxies []string         `json:"trustedProxies,omitempty"`
	MaxBodyBytes   int64            `json:"maxBodyBytes,omitempty"`
	Limits         []Limit          `json:"limits,omitempty"`
	// Fallbacks are other models, which are asked in their order after an answer that says that this one cannot: all its backends are down. ContextFallbacks are those where
	// a request is too long for it.
	Fallbacks        []string `json:"fallbacks,omitempty"`
	ContextFallbacks []string `json:"contextFallbacks,omitempty"`
	// Rules choose backends; the first that a request fits does.
	Rules []ModelRule `json:"rules,omitempty"`
}

// ModelRule is the backends for requests with certain headers.
type ModelRule struct {
	// Headers are what a request must have; none is every request.
	Headers map[string]string `json:"headers,omitempty"`
	Front   Front             `json:"front,omitempty"`
}

// catalog is a Catalog that is ready for requests.
type catalog struct {
	prefix string
	// models are those with whole names, by each of them; families those with wildcards, the longest beginning first.
	models   map[string]*model
	families []wildcard
	// listed are the models' first names, in their order.
	listed []*model
}

type model struct {
	name, service string
	// entry is what a list of models has of it, as OpenAI's and Anthropic's clients read it (https://platform.openai.com/docs/api-reference/models/object,
	// https://docs.anthropic.com/en/api/models-list); "" for a wildcard. Nobody knows since when a server has had it.
	entry   string
	handler http.Handler
	// fallbacks and longer are the names of models to ask in its place, where it is down, and where a request is too long for it.
	fallbacks, longer []string
	// falls says that there are any.
	falls bool
}

type wildcard struct {
	beginning string
	model     *model
}

// newCatalog is the catalog for the middleware called name.
func newCatalog(config Catalog, name string) (*catalog, error) {
	c := &catalog{prefix: config.Prefix, models: map[string]*model{}}
	for _, m := range config.Models {
		if len(m.Names) == 0 || len(m.Rules) == 0 {
			return nil, errors.New("catalog has a model without names or rules; have a ModelCatalog write it")
		}
		handler, err := handlerOf(m, name)
		if err != nil {
			return nil, err
		}
		made := &model{name: m.Names[0], service: m.Service, handler: handler, fallbacks: m.Fallbacks, longer: m.ContextFallbacks, falls: len(m.Fallbacks)+len(m.ContextFallbacks) > 0}
		for _, called := range m.Names {
			if beginning := strings.TrimSuffix(called, "*"); beginning != called {
				c.families = append(c.families, wildcard{beginning: beginning, model: made})
				continue
			}
			c.models[called] = made
		}
		if !strings.HasSuffix(made.name, "*") {
			made.entry = entryOf(made.name, m.Service)
			c.listed = append(c.listed, made)
		}
	}
	sort.SliceStable(c.families, func(i, j int) bool { return len(c.families[i].beginning) > len(c.families[j].beginning) })
	return c, nil
}

// handlerOf is what a model's requests go through: the same that its service does to its own.
func handlerOf(m Model, name string) (http.Handler, error) {
	var handler http.Handler
	fronts := make([]ruled, len(m.Rules))
	for i, rule := range m.Rules {
		made, err := newFront(m.Service, rule.Front, name)
		if err != nil {
			return nil, err
		}
		fronts[i] = ruled{headers: rule.Headers, front: made}
	}
	handler = byHeaders(fronts)
	config := &Config{
		Service: m.Service, Count: m.Count, Weights: m.Weights, Tokens: m.Tokens, Prices: m.Prices, AllowFrom: m.AllowFrom, TrustedProxies: m.TrustedProxies, MaxBodyBytes: m.MaxBodyBytes, Limits: m.Limits,
	}
	if len(m.AllowFrom) > 0 || m.MaxBodyBytes > 0 || len(m.Limits) > 0 {
		restricted, err := newCheck(handler, config, name)
		if err != nil {
			return nil, err
		}
		handler = restricted
	}
	if m.Count {
		counted, err := newCounter(handler, config, name)
		if err != nil {
			return nil, err
		}
		handler = counted
	}
	return handler, nil
}

// ruled is a front for requests with certain headers.
type ruled struct {
	headers map[string]string
	front   *front
}

// byHeaders has the first front answer whose headers a request has.
func byHeaders(fronts []ruled) http.Handler {
	if len(fronts) == 1 && len(fronts[0].headers) == 0 {
		return fronts[0].front
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, f := range fronts {
			if hasHeaders(r.Header, f.headers) {
				f.front.ServeHTTP(w, r)
				return
			}
		}
		refuse(w, r, notFound)
	})
}

// hasHeaders says whether each header has the value among its own, as Traefik does.
func hasHeaders(header http.Header, wanted map[string]string) bool {
	for name := range wanted {
		isThere := false
		for _, value := range header[http.CanonicalHeaderKey(name)] {
			isThere = isThere || value == wanted[name]
		}
		if !isThere {
			return false
		}
	}
	return true
}

// find is the model that clients call name; nil if there is none, or none that the caller of r may use. A whole name comes before all wildcards.
func find(c *catalog, r *http.Request, name string) *model {
	m := c.models[name]
	if m == nil {
		m = c.familyOf(name)
	}
	if of := allowanceOf(r); of != nil {
		return of.only(m, name)
	}
	return m
}

// only is a model that is called name, if a key is for it; nil otherwise.
func (a *allowance) only(m *model, name string) *model {
	if m != nil && len(a.models) > 0 && !a.allows(name) && (m.entry == "" || !a.allows(m.name)) {
		return nil
	}
	return m
}

// familyOf is the model with the longest beginning that a name has; nil if there is none.
func (c *catalog) familyOf(name string) *model {
	for _, f := range c.families {
		if strings.HasPrefix(name, f.beginning) {
			return f.model
		}
	}
	return nil
}

func allowanceOf(r *http.Request) *allowance {
	known, _ := r.Context().Value(ofAllowance).(*allowance)
	return known
}

var (
	noModel = refusal{
		http.StatusBadRequest, "invalid_request_error", "missing_model",
		"The request's body names no model.",
	}
	nothingHere = refusal{
		http.StatusNotFound, "invalid_request_error", "not_found",
		"Where many models share one URL, a request is for the model that its JSON body names or, without a body, its query, once: ?model=.",
	}
)

// ServeHTTP sends a request to the service of its model, or answers which models there are.
func (c *catalog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	below := strings.TrimPrefix(r.URL.Path, c.prefix)
	switch {
	case r.Method != http.MethodPost && isList(r, below):
		c.list(w, r, strings.TrimPrefix(strings.TrimPrefix(below, "/models"), "/"))
	case namesInPath(below):
		refuse(w, r, nothingHere)
	case len(r.Header["Upgrade"]) > 0 && isLimited(r):
		// Nobody reads what comes by a WebSocket after its beginning, which could name another model.
		refuse(w, r, limitedSocket)
	case r.ContentLength == 0:
		c.serveBodiless(w, r)
	case !isReadable(r):
		refuseEncoded(w, r)
	default:
		serveNamed(c, w, r)
	}
}

// isList says whether a request is for the list of models, or for what it has of one.
func isList(r *http.Request, below string) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && (below == "/models" || strings.HasPrefix(below, "/models/"))
}

// isLimited says whether the caller's key is for certain models.
func isLimited(r *http.Request) bool {
	of := allowanceOf(r)
	return of != nil && len(of.models) > 0
}

// serveNamed serves a request whose body names its model.
func serveNamed(c *catalog, w http.ResponseWriter, r *http.Request) {
	h, err := holdWhole(r)
	if err != nil {
		refuseBody(w, r, err)
		return
	}
	if !h.isLetGo {
		defer letGo(h)
		h.isLetGo = true
	}
	if isEmpty(h) {
		c.serveBodiless(w, r)
		return
	}
	m := choose(c, w, r, h)
	if m == nil {
		return
	}
	if bodyHeld(r) != h {
		r = r.WithContext(context.WithValue(r.Context(), ofBody, h))
	}
	if m.falls && len(r.Header["Upgrade"]) == 0 {
		c.serveWithFallbacks(w, r, h, m)
		return
	}
	m.handler.ServeHTTP(w, r)
}

func isEmpty(h *heldBody) bool { return len(h.bytes) == 0 }

// choose finds the model that a body asks for, or refuses the request; it gives nil then. As for all that looks at a body, it returns before the request goes
// on.
func choose(c *catalog, w http.ResponseWriter, r *http.Request, h *heldBody) *model {
	named, why := modelIn(h, r)
	if why != nil {
		refuse(w, r, *why)
		return nil
	}
	m := find(c, r, named.name)
	if m == nil {
		c.refuseUnknown(w, r, named.name)
		return nil
	}
	h.model = named.name
	h.named = named
	if m.name != named.name && m.entry != "" {
		renameHeld(h, r, m.name)
		renameInQuery(r, m.name)
	}
	return m
}

// modelIn is the model that a held body asks for. A query may name it too, but no other one.
func modelIn(h *heldBody, r *http.Request) (*namedModel, *refusal) {
	if !isObject(h.bytes) {
		return nil, &invalidJSON
	}
	named, why := findModel(h.bytes)
	if why != nil {
		return nil, why
	}
	if named == nil {
		return nil, &noModel
	}
	if r.URL.RawQuery != "" && namesAnother(r, named.name) {
		return nil, &ambiguousModel
	}
	return named, nil
}

// namesAnother says whether a query names another model.
func namesAnother(r *http.Request, name string) bool {
	for _, other := range r.URL.Query()["model"] {
		if other != name {
			return true
		}
	}
	return false
}

// renameHeld writes another name into a held body.
func renameHeld(h *heldBody, r *http.Request, name string) {
	text := quoted(name)
	from, to := h.named.from, h.named.to
	h.bytes = bytes.Join([][]byte{h.bytes[:from], []byte(text), h.bytes[to:]}, nil)
	h.named = &namedModel{name: name, from: from, to: from + len(text)}
	h.model = name
	h.reader.Reset(h.bytes)
	setLength(r, len(h.bytes))
}

// namesInPath says whether a path, below the catalog's own, has the name of a model, which could be another one than the body's: Gemini's and Azure's have.
func namesInPath(path string) bool {
	return strings.Contains(path, "/models/") || strings.Contains(path, "/deployments/") || strings.Contains(path, "/engines/")
}

// serveBodiless serves a request that can name its model in the query alone, as a WebSocket does.
func (c *catalog) serveBodiless(w http.ResponseWriter, r *http.Request) {
	names := r.URL.Query()["model"]
	if len(names) != 1 || names[0] == "" {
		refuse(w, r, nothingHere)
		return
	}
	m := find(c, r, names[0])
	if m == nil {
		c.refuseUnknown(w, r, names[0])
		return
	}
	if m.name != names[0] && m.entry != "" {
		renameInQuery(r, m.name)
	}
	m.handler.ServeHTTP(w, r)
}
