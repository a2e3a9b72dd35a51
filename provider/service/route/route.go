// Package route decides what the HTTPRoute of one service says.
//
// Each rule of a route has one match, with a PathPrefix, and every backendRef of the
// rule its own filters. One match, because the API server counts matches in
// some routes with rewritten prefixes and not in others (it looks for exactly
// one such backendRef), so a second one could turn a route invalid when a
// backend is added or removed.
//
// What Traefik does not implement in a route is never written: time-outs,
// retries, session persistence and mirroring.
package route

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider/endpoint"
)

// What one HTTPRoute takes at most. Callers keep to it: [Build] writes what it
// is given.
const (
	// MaxBackends is the number of backendRefs of a rule
	// (https://github.com/kubernetes-sigs/gateway-api/blob/v1.6.3/apis/v1/httproute_types.go#L303).
	MaxBackends = 16
	// MaxHostnames is the number of host names of a route
	// (https://github.com/kubernetes-sigs/gateway-api/blob/v1.6.3/apis/v1/httproute_types.go#L118).
	MaxHostnames = 16
	// MaxRules is the number of rules of a route
	// (https://github.com/kubernetes-sigs/gateway-api/blob/v1.6.3/apis/v1/httproute_types.go).
	MaxRules = 16
	// MaxMatches is the number of headers of a match.
	MaxMatches = 16
	// MaxHeaderName is the length of a header's name, and MaxMatchValue that of what it is compared with, in bytes.
	MaxHeaderName = 256
	MaxMatchValue = 4096
)

// callerHeaders tell a server who the caller is: keys, cookies, organization and address. Where the gateway has the plugin, the
// endpoint's Middleware removes them, and more. X-Forwarded-For is not among them: Traefik writes it after all filters
// (pkg/proxy/httputil/proxy.go:69 of v3.7.13).
var callerHeaders = []string{
	"Api-Key", "Authorization", "Cookie", "Forwarded", "Ocp-Apim-Subscription-Key", "Openai-Organization", "Openai-Project",
	"Proxy-Authorization", "X-Api-Key", "X-Goog-Api-Key", "X-Real-Ip",
}

// corsHeaders say which sites' pages may read an answer. Servers such as vLLM let all of them.
var corsHeaders = []string{"Access-Control-Allow-Credentials", "Access-Control-Allow-Origin", "Access-Control-Expose-Headers"}

// Route is one path of a gateway and the backends that share its requests.
type Route struct {
	// Gateway is where the route attaches.
	Gateway ParentRef
	// Namespace is the route's own.
	Namespace string
	// Plugin says whether the gateway runs the modelplane plugin.
	Plugin bool
	// Observed says whether each answer names the endpoint that gave it.
	Observed bool
	// Cataloged says whether the plugin names the model on answers, where no endpoint has a name of its own for it.
	Cataloged bool
	// CORS says whether the service itself says which sites may read answers, and no server does.
	CORS bool
	// Hostnames are the hosts whose requests the route takes; none means all.
	Hostnames []string
	// Path is the prefix of the requests, without a slash at its end, such as
	// /default/chat/v1; "" or "/" means every request. Each backend's BasePath
	// takes its place.
	Path string
	// Middlewares are Traefik's, in the route's namespace, that requests pass in this order before a backend is chosen.
	Middlewares []string
	// Rules share the requests out by their headers. One without headers takes those that no other takes.
	Rules []Rule
}

// Rule is the backends for some of a route's requests.
type Rule struct {
	// Headers are what a request must have; none is every request.
	Headers map[string]string
	// Middlewares are passed after those of the route.
	Middlewares []string
	// Backends share the requests in proportion to their weights.
	Backends []Backend
}

// ParentRef names a Gateway.
type ParentRef struct {
	Name      string
	Namespace string
	// Listener is the name of one of the Gateway's listeners; "" means all.
	Listener string
	// PlainListener is another one that takes the same requests; "" means none.
	PlainListener string
}

// Backend is one endpoint and its weight.
type Backend struct {
	endpoint.BackendReference
	// Weight is 0 to 1,000,000.
	Weight int32
}

// Build writes the route with every default of the API spelt out, so that the
// API server stores what was sent and the same route sent again changes nothing.
func Build(r Route) gatewayv1.HTTPRouteSpec {
	return gatewayv1.HTTPRouteSpec{
		CommonRouteSpec: gatewayv1.CommonRouteSpec{
			ParentRefs: parentRefs(r.Gateway),
		},
		Hostnames: convert[gatewayv1.Hostname](r.Hostnames),
		Rules:     rules(r),
	}
}

func rules(r Route) []gatewayv1.HTTPRouteRule {
	rules := make([]gatewayv1.HTTPRouteRule, len(r.Rules))
	for i, rule := range r.Rules {
		rules[i] = gatewayv1.HTTPRouteRule{
			Matches: []gatewayv1.HTTPRouteMatch{{
				Path: &gatewayv1.HTTPPathMatch{
					Type:  ptr.To(gatewayv1.PathMatchPathPrefix),
					Value: ptr.To(orRoot(r.Path)),
				},
				Headers: matches(rule.Headers),
			}},
			Filters:     extensions(slices.Concat(r.Middlewares, rule.Middlewares)...),
			BackendRefs: backendRefs(r, rule.Backends),
		}
	}
	return rules
}

func matches(headers map[string]string) []gatewayv1.HTTPHeaderMatch {
	var matches []gatewayv1.HTTPHeaderMatch
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		matches = append(matches, gatewayv1.HTTPHeaderMatch{
			Type: ptr.To(gatewayv1.HeaderMatchExact), Name: gatewayv1.HTTPHeaderName(name), Value: headers[name],
		})
	}
	return matches
}

func parentRefs(gateway ParentRef) []gatewayv1.ParentReference {
	refs := []gatewayv1.ParentReference{parentRef(gateway)}
	if gateway.PlainListener != "" {
		gateway.Listener = gateway.PlainListener
		refs = append(refs, parentRef(gateway))
	}
	return refs
}

func parentRef(gateway ParentRef) gatewayv1.ParentReference {
	ref := gatewayv1.ParentReference{
		Group:     ptr.To(gatewayv1.Group(gatewayv1.GroupName)),
		Kind:      ptr.To(gatewayv1.Kind("Gateway")),
		Namespace: ptr.To(gatewayv1.Namespace(gateway.Namespace)),
		Name:      gatewayv1.ObjectName(gateway.Name),
	}
	if gateway.Listener != "" {
		ref.SectionName = ptr.To(gatewayv1.SectionName(gateway.Listener))
	}
	return ref
}

func backendRefs(r Route, backends []Backend) []gatewayv1.HTTPBackendRef {
	refs := make([]gatewayv1.HTTPBackendRef, len(backends))
	for i, b := range backends {
		refs[i] = gatewayv1.HTTPBackendRef{
			BackendRef: gatewayv1.BackendRef{
				BackendObjectReference: gatewayv1.BackendObjectReference{
					Group:     ptr.To(gatewayv1.Group("")),
					Kind:      ptr.To(gatewayv1.Kind("Service")),
					Namespace: ptr.To(gatewayv1.Namespace(b.Namespace)),
					Name:      gatewayv1.ObjectName(b.ServiceName),
					Port:      ptr.To(gatewayv1.PortNumber(b.Port)),
				},
				Weight: ptr.To(b.Weight),
			},
			Filters: r.filters(b),
		}
	}
	return refs
}

// filters lists a backend's filters in the order in which Traefik runs them, which is the order of the list
// (pkg/provider/kubernetes/gateway/httproute.go:393 and pkg/server/middleware/middlewares.go:67 of v3.7.13). The Middleware
// comes first: what it removes of the caller's, the endpoint may set to its own values.
func (r Route) filters(b Backend) []gatewayv1.HTTPRouteFilter {
	var filters []gatewayv1.HTTPRouteFilter
	if answer := r.answerFilter(b); answer != nil {
		filters = append(filters, gatewayv1.HTTPRouteFilter{
			Type: gatewayv1.HTTPRouteFilterResponseHeaderModifier, ResponseHeaderModifier: answer,
		})
	}
	if r.hasMiddleware(b) {
		filters = append(filters, extensions(*b.Middleware)...)
	}
	if headers := headerFilter(b, r.hidden(b)); headers != nil {
		filters = append(filters, gatewayv1.HTTPRouteFilter{
			Type:                  gatewayv1.HTTPRouteFilterRequestHeaderModifier,
			RequestHeaderModifier: headers,
		})
	}
	return append(filters, gatewayv1.HTTPRouteFilter{Type: gatewayv1.HTTPRouteFilterURLRewrite, URLRewrite: rewrite(b)})
}

// answerFilter is nil where no header of answers changes. What the endpoint's Middleware answers in its place is the endpoint's, too.
func (r Route) answerFilter(b Backend) *gatewayv1.HTTPHeaderFilter {
	filter := gatewayv1.HTTPHeaderFilter{}
	if r.Observed {
		filter.Set = append(filter.Set, gatewayv1.HTTPHeader{Name: plugin.EndpointHeader, Value: b.Name})
	}
	if b.Model != nil {
		filter.Set = append(filter.Set, gatewayv1.HTTPHeader{Name: plugin.ModelHeader, Value: *b.Model})
	}
	if r.Cataloged && b.Model == nil {
		filter.Remove = append(filter.Remove, plugin.ModelHeader)
	}
	if r.CORS {
		filter.Remove = append(filter.Remove, corsHeaders...)
	}
	if len(filter.Set)+len(filter.Remove) == 0 {
		return nil
	}
	return &filter
}

// extensions are filters that run Middlewares.
func extensions(middlewares ...string) []gatewayv1.HTTPRouteFilter {
	var filters []gatewayv1.HTTPRouteFilter
	for _, name := range middlewares {
		filters = append(filters, gatewayv1.HTTPRouteFilter{
			Type:         gatewayv1.HTTPRouteFilterExtensionRef,
			ExtensionRef: &gatewayv1.LocalObjectReference{Group: "traefik.io", Kind: "Middleware", Name: gatewayv1.ObjectName(name)},
		})
	}
	return filters
}

// hidden are the headers that the filter removes so that the server does not learn who the caller is.
func (r Route) hidden(b Backend) []string {
	if b.ForwardCaller || r.hasMiddleware(b) {
		return nil
	}
	headers := ptr.Deref(b.Headers, endpoint.Headers{})
	names := slices.Concat(slices.Collect(maps.Keys(headers.Set)), headers.Remove)
	return slices.DeleteFunc(slices.Clone(callerHeaders), func(name string) bool { return hasHeader(names, name) })
}

// hasMiddleware says whether the route runs the endpoint's Middleware. Only one of the route's own namespace can be named.
func (r Route) hasMiddleware(b Backend) bool {
	return b.Middleware != nil && r.Plugin && b.Namespace == r.Namespace
}

// Check finds whether the filters of a backend fit into a route.
func (r Route) Check(b Backend) error {
	own, hidden := len(ptr.Deref(b.Headers, endpoint.Headers{}).Remove), len(r.hidden(b))
	if own > endpoint.MaxHeaders || own+hidden <= endpoint.MaxHeaders { // too many of its own are refused as such
		return nil
	}
	return fmt.Errorf("removes %d headers, but the route removes %d more that identify the caller, and %d is the most: leave some out, use "+
		"the endpoint in its own namespace on a gateway with the modelplane plugin, or set its forwardCaller", own, hidden, endpoint.MaxHeaders)
}

// headerFilter is nil where no header changes. Traefik removes after it sets
// (pkg/middlewares/gatewayapi/headermodifier/request_header_modifier.go:42 of v3.7.13), so that what the endpoint sets is not
// among the hidden.
func headerFilter(b Backend, hidden []string) *gatewayv1.HTTPHeaderFilter {
	headers := ptr.Deref(b.Headers, endpoint.Headers{})
	names := slices.Sorted(maps.Keys(headers.Set))
	remove := slices.Concat(headers.Remove, hidden)
	if len(names)+len(remove) == 0 {
		return nil
	}
	var set []gatewayv1.HTTPHeader
	for _, name := range names {
		set = append(set, gatewayv1.HTTPHeader{Name: gatewayv1.HTTPHeaderName(name), Value: headers.Set[name]})
	}
	slices.Sort(remove)
	return &gatewayv1.HTTPHeaderFilter{Set: set, Remove: remove}
}

// rewrite replaces the route's prefix with the base path. It is written for
// every backend, also one whose Host stays. "/" in place of "/a/v1" gives "/"
// for /a/v1 and /a/v1/, and "/x?y" for /a/v1/x?y, since Traefik joins prefix
// and rest with one slash and leaves the query alone
// (pkg/middlewares/gatewayapi/urlrewrite/url_rewrite.go:51 of v3.7.13).
func rewrite(b Backend) *gatewayv1.HTTPURLRewriteFilter {
	rewrite := &gatewayv1.HTTPURLRewriteFilter{
		Path: &gatewayv1.HTTPPathModifier{
			Type:               gatewayv1.PrefixMatchHTTPPathModifier,
			ReplacePrefixMatch: ptr.To(orRoot(b.BasePath)),
		},
	}
	if b.HostHeader != nil {
		rewrite.Hostname = ptr.To(gatewayv1.PreciseHostname(*b.HostHeader))
	}
	return rewrite
}

func hasHeader(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

func orRoot(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

func convert[T ~string](texts []string) []T {
	var converted []T
	for _, text := range texts {
		converted = append(converted, T(text))
	}
	return converted
}
