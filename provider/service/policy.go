package service

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider/gateway"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/target"
	"github.com/modelplane/pulumi-modelplane/provider/service/route"
)

const (
	// maxRequests is the largest number that a limit takes.
	maxRequests = 1_000_000
	// maxTokens is the largest number of tokens that a limit takes.
	maxTokens = 2_000_000_000
	// day is the longest span of a limit, in seconds.
	day  = plugin.MaxSeconds
	hour = 3600
	// maxBody is the largest body that a limit allows, in bytes.
	maxBody = 1 << 30
	// maxRanges is how many entries allowFrom takes: the plugin looks at each of them for each request.
	maxRanges = 500
	// maxLimits is how many limits of one kind a service has. Each keeps its own count of every client.
	maxLimits = 16
	// maxNames is how many sites, headers and methods each list of cors takes, and how many headers of a forward-auth server.
	maxNames = 64
	// maxVerdict is how much of a forward-auth server's answer the gateway reads, in bytes.
	maxVerdict = 64 << 10
)

// policy is one Middleware in front of the service.
type policy struct {
	// key is what siblings call it, and the end of its name.
	key string
	// existing is the name of a Middleware that another component has made.
	existing string
	spec     map[string]any
}

// The keys of the Middlewares, in the order in which a request passes them: what is refused is counted too, browsers ask without a key, and
// limits are for callers who are let in.
const (
	countKey  = "count"
	corsKey   = "cors"
	fromKey   = "allow-from"
	authKey   = "auth"
	limitsKey = "limits"
)

// name is what the Middleware is called.
func (p policy) name(identity meta.Identity) string {
	return cmp.Or(p.existing, identity.Name+"-"+p.key)
}

// config is what the plugin is told.
func (p policy) config() plugin.Config {
	return p.spec["plugin"].(map[string]any)[plugin.Name].(plugin.Config)
}

// Policies are the Middlewares of a service or catalog, in the order in which a request passes them.
type Policies []policy

// Auth tells one way to ask callers who they are from another: the Middleware of a ModelCallers, or in JSON, what a service's own one does. It is empty where
// nobody is asked.
func (policies Policies) Auth() string {
	for _, p := range policies {
		if p.key == authKey && p.existing != "" {
			return p.existing
		}
		if p.key == authKey {
			return inJSON(p.spec)
		}
	}
	return ""
}

// Names are what they are called.
func (policies Policies) Names(identity meta.Identity) []string {
	var all []string
	for _, p := range policies {
		all = append(all, p.name(identity))
	}
	return all
}

// Decide makes the Middlewares that a request passes before a backend is chosen.
func (p Policy) Decide(identity meta.Identity, g gateway.Reference, faults *fault.List) Policies {
	var all Policies
	if p.CORS != nil {
		all = append(all, policy{key: corsKey, spec: p.CORS.middleware(faults)})
	}
	if len(p.AllowFrom) > 0 {
		needPlugin("allowFrom", "needs", g, faults)
		all = append(all, policy{key: fromKey, spec: allowFrom(p.AllowFrom, g, faults)})
	}
	if p.Auth != nil {
		all = append(all, p.Auth.policy(identity, g, faults))
	}
	if p.Limits != nil {
		needPlugin("limits", "need", g, faults)
		all = append(all, policy{key: limitsKey, spec: p.Limits.middleware(identity, g, p.Auth != nil, faults)})
	}
	return all
}

func needPlugin(path, needs string, g gateway.Reference, faults *fault.List) {
	if !g.HasPlugin() {
		faults.Add(path, needs+" the modelplane plugin, which the gateway's Traefik is not said to have; use a ModelGateway, or install the plugin "+
			"and set gateway.pluginVersion", "gateway")
	}
}

// allowFrom has the plugin look at the client's address. Traefik's own list would refuse whoever comes without a proxy where there are some.
func allowFrom(ranges []string, g gateway.Reference, faults *fault.List) map[string]any {
	checkCount("allowFrom", len(ranges), maxRanges, faults)
	for i, text := range ranges {
		_, err := target.ParseRange(text)
		faults.AddErr(fault.Index("allowFrom", i), err)
	}
	return pluginMiddleware(plugin.Config{AllowFrom: ranges, TrustedProxies: g.TrustedProxies})
}

func (a Auth) policy(identity meta.Identity, g gateway.Reference, faults *fault.List) policy {
	given := 0
	for _, is := range []bool{a.Callers != nil, a.Basic != nil, a.Forward != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		faults.Addf("auth", "has %d of callers, basic and forward; give one", given)
	}
	made := policy{key: authKey}
	switch {
	case a.Callers != nil:
		a.Callers.Check("auth.callers", faults)
		if a.Callers.Namespace != identity.Namespace {
			faults.Add("auth.callers", fmt.Sprintf("are in the namespace %s, but the service is in %s; put both into one", a.Callers.Namespace,
				identity.Namespace), "namespace")
		}
		needPlugin("auth.callers", "need", g, faults)
		made.existing = a.Callers.Middleware
	case a.Basic != nil:
		faults.AddErr("auth.basic.secretName", names.Existing(a.Basic.SecretName))
		made.spec = map[string]any{"basicAuth": map[string]any{
			"secret": a.Basic.SecretName, "removeHeader": true, "headerField": plugin.CallerHeader,
		}}
	case a.Forward != nil:
		made.spec = a.Forward.middleware(faults)
	}
	return made
}

func (f ForwardAuth) middleware(faults *fault.List) map[string]any {
	if u, err := url.Parse(f.URL); err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		faults.Addf("auth.forward.url", "is not the URL of a server; write http:// or https://, its host and its path, without user and password")
	}
	checkHeaders("auth.forward.responseHeaders", f.ResponseHeaders, faults)
	return map[string]any{"forwardAuth": map[string]any{
		"address": f.URL,
		// What the entry point trusts is decided there.
		"trustForwardHeader":  true,
		"authResponseHeaders": append([]string{plugin.CallerHeader}, f.ResponseHeaders...),
		"maxResponseBodySize": maxVerdict,
	}}
}

func (c CORS) middleware(faults *fault.List) map[string]any {
	if len(c.AllowOrigins) == 0 {
		faults.Addf("cors.allowOrigins", "is empty; name the sites whose pages may use the service, or leave cors out")
	}
	checkCount("cors.allowOrigins", len(c.AllowOrigins), maxNames, faults)
	checkCount("cors.allowMethods", len(c.AllowMethods), maxNames, faults)
	for i, origin := range c.AllowOrigins {
		u, err := url.Parse(origin)
		// Browsers send it in lower case, and it is compared as it is.
		if origin != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+strings.ToLower(u.Host) != origin) {
			faults.Addf(fault.Index("cors.allowOrigins", i), "is not a site; write scheme and host in lower case and without a path, such as https://app.example.com, or *")
		}
		if origin == "*" && c.AllowCredentials {
			faults.Add("cors.allowCredentials", "is true for the site *, which browsers refuse; name the sites", "cors.allowOrigins")
		}
	}
	checkHeaders("cors.allowHeaders", c.AllowHeaders, faults)
	checkHeaders("cors.exposeHeaders", c.ExposeHeaders, faults)
	for i, method := range c.AllowMethods {
		if !httpguts.ValidHeaderFieldName(method) || method != strings.ToUpper(method) {
			faults.Addf(fault.Index("cors.allowMethods", i), "is not a method; write one such as POST")
		}
	}
	if c.MaxAge != nil {
		checkRange("cors.maxAge", *c.MaxAge, 0, day, faults)
	}
	headers := map[string]any{
		"accessControlAllowOriginList": c.AllowOrigins,
		"accessControlAllowHeaders":    orDefault(c.AllowHeaders, "Authorization", "Content-Type"),
		"accessControlAllowMethods":    orDefault(c.AllowMethods, "GET", "POST", "DELETE"),
		"addVaryHeader":                true,
	}
	if len(c.ExposeHeaders) > 0 {
		headers["accessControlExposeHeaders"] = c.ExposeHeaders
	}
	if c.AllowCredentials {
		headers["accessControlAllowCredentials"] = true
	}
	if c.MaxAge != nil {
		headers["accessControlMaxAge"] = *c.MaxAge
	}
	return map[string]any{"headers": headers}
}

// middleware has the plugin count. Asked says whether callers are asked who they are.
func (l Limits) middleware(identity meta.Identity, g gateway.Reference, asked bool, faults *fault.List) map[string]any {
	config := plugin.Config{
		Service: identity.Namespace + "/" + identity.Name, MaxBodyBytes: int64(ptr.Deref(l.MaxBodyBytes, 0)), TrustedProxies: g.TrustedProxies,
	}
	if l.MaxBodyBytes != nil {
		checkRange("limits.maxBodyBytes", *l.MaxBodyBytes, 1, maxBody, faults)
	}
	checkCount("limits.inFlight", len(l.InFlight), maxLimits, faults)
	checkCount("limits.requests", len(l.Requests), maxLimits, faults)
	checkCount("limits.tokens", len(l.Tokens), maxLimits, faults)
	for i, limit := range l.InFlight {
		path := fault.Index("limits.inFlight", i)
		counted := countedBy(path, ptr.Deref(limit.By, ByAll), limit.Header, asked, faults)
		checkRange(path+".requests", limit.Requests, 1, maxRequests, faults)
		counted.InFlight = limit.Requests
		config.Limits = addLimit(path, config.Limits, counted, faults)
	}
	for i, limit := range l.Requests {
		path := fault.Index("limits.requests", i)
		counted := countedBy(path, ptr.Deref(limit.By, ByAll), limit.Header, asked, faults)
		checkRange(path+".requests", limit.Requests, 1, maxRequests, faults)
		checkRange(path+".seconds", limit.Seconds, 1, day, faults)
		counted.Requests, counted.Seconds = limit.Requests, limit.Seconds
		config.Limits = addLimit(path, config.Limits, counted, faults)
	}
	for i, limit := range l.Tokens {
		path := fault.Index("limits.tokens", i)
		counted := countedBy(path, ptr.Deref(limit.By, ByAll), limit.Header, asked, faults)
		checkRange(path+".tokens", limit.Tokens, 1, maxTokens, faults)
		checkRange(path+".seconds", limit.Seconds, 1, day, faults)
		counted.Tokens, counted.Seconds = limit.Tokens, limit.Seconds
		config.Limits = addLimit(path, config.Limits, counted, faults)
	}
	if len(config.Limits) == 0 && l.MaxBodyBytes == nil {
		faults.Addf("limits", "has no limit; write requests, tokens, inFlight or maxBodyBytes, or leave it out")
	}
	return pluginMiddleware(config)
}

func pluginMiddleware(config plugin.Config) map[string]any {
	return map[string]any{"plugin": map[string]any{plugin.Name: config}}
}

// counter has the plugin count requests, beside the weights by which they should be shared.
func counter(identity meta.Identity, p plan) map[string]any {
	return pluginMiddleware(plugin.Config{
		Count: true, Service: identity.Namespace + "/" + identity.Name, Weights: weightsOf(p.shares), Tokens: p.prices != nil, Prices: p.prices,
	})
}

// weightsOf are the weights of those that are to get any requests while none fails.
func weightsOf(shares []Share) map[string]int {
	weights := map[string]int{}
	for _, share := range shares {
		if share.Share > 0 {
			weights[share.Endpoint] += share.Weight
		}
	}
	return weights
}

// addLimit refuses a second limit that would share a count with the first.
func addLimit(path string, limits []plugin.Limit, limit plugin.Limit, faults *fault.List) []plugin.Limit {
	if slices.ContainsFunc(limits, func(other plugin.Limit) bool {
		return other.By == limit.By && other.Header == limit.Header && (other.InFlight > 0) == (limit.InFlight > 0) &&
			(other.Tokens > 0) == (limit.Tokens > 0) && other.Seconds == limit.Seconds
	}) {
		faults.Addf(path, "counts what another entry counts already; write one of them")
	}
	return append(limits, limit)
}

func countedBy(path string, by LimitBy, header *string, asked bool, faults *fault.List) plugin.Limit {
	switch {
	case by == ByHeader && header == nil:
		faults.Add(path+".header", "is required with by: Header; name the header that tells clients apart", path+".by")
	case by != ByHeader && header != nil:
		faults.Add(path+".header", fmt.Sprintf("is given with by: %s; leave it out, or write by: Header", by), path+".by")
	case by == ByCaller && !asked:
		faults.Add(path+".by", "is Caller, but nobody is asked who they are; write auth, or count by Address or Header", "auth")
	}
	if header != nil {
		checkHeader(path+".header", *header, faults)
	}
	return plugin.Limit{By: strings.ToLower(string(by)), Header: ptr.Deref(header, "")}
}

func checkHeaders(path string, headers []string, faults *fault.List) {
	checkCount(path, len(headers), maxNames, faults)
	for i, header := range headers {
		checkHeader(fault.Index(path, i), header, faults)
	}
}

func checkHeader(path, header string, faults *fault.List) {
	if !httpguts.ValidHeaderFieldName(header) || len(header) > route.MaxHeaderName {
		faults.Addf(path, "is not the name of a header (RFC 9110, section 5.1); write up to %d letters, digits and hyphens", route.MaxHeaderName)
	}
}

// checkCount refuses a list that is longer than most.
func checkCount(path string, count, most int, faults *fault.List) {
	if count > most {
		faults.Addf(path, "has %d entries; write %d at most", count, most)
	}
}

func checkRange(path string, value, least, most int, faults *fault.List) {
	if value < least || value > most {
		faults.Addf(path, "%d is outside %d to %d", value, least, most)
	}
}

func orDefault(given []string, otherwise ...string) []string {
	if len(given) > 0 {
		return given
	}
	return otherwise
}
