// Package route decides what the HTTPRoute of one service says.
//
// A route has one rule with one PathPrefix match, and every backendRef of the
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

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
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
	// MaxHeaders is the number of headers that one filter sets, and also the
	// number that it removes, Authorization among them where it is not forwarded
	// (https://github.com/kubernetes-sigs/gateway-api/blob/v1.6.3/apis/v1/httproute_types.go#L1074).
	MaxHeaders = 16
)

// authorization is the header that a client's own key comes in.
const authorization = "Authorization"

// Route is one path of a gateway and the backends that share its requests.
type Route struct {
	// Gateway is where the route attaches.
	Gateway ParentRef
	// Hostnames are the hosts whose requests the route takes; none means all.
	Hostnames []string
	// Path is the prefix of the requests, without a slash at its end, such as
	// /default/chat/v1; "" or "/" means every request. Each backend's BasePath
	// takes its place.
	Path string
	// Backends share the requests in proportion to their weights.
	Backends []Backend
}

// ParentRef names a Gateway.
type ParentRef struct {
	Name      string
	Namespace string
	// Listener is the name of one of the Gateway's listeners; "" means all.
	Listener string
}

// Backend is one Service and what happens to a request on its way there.
type Backend struct {
	Service   string
	Namespace string
	// Port is the Service's port, 1 to 65535.
	Port int32
	// BasePath takes the place of the route's Path; "" means the root.
	BasePath string
	// HostHeader takes the place of the request's Host; "" leaves it.
	HostHeader string
	// SetHeaders are headers to set, by name. A name is not in RemoveHeaders too.
	SetHeaders map[string]string
	// RemoveHeaders are the names of headers to remove, each once.
	RemoveHeaders []string
	// ForwardAuthorization leaves the client's Authorization header on the request.
	ForwardAuthorization bool
	// KeyMiddleware is the Traefik Middleware, in the route's namespace, that adds
	// the backend's key; "" means none.
	KeyMiddleware string
	// Weight is 0 to 1,000,000.
	Weight int32
}

// Build writes the route with every default of the API spelt out, so that the
// API server stores what was sent and the same route sent again is no change.
func Build(r Route) gatewayv1.HTTPRouteSpec {
	return gatewayv1.HTTPRouteSpec{
		CommonRouteSpec: gatewayv1.CommonRouteSpec{
			ParentRefs: []gatewayv1.ParentReference{parentRef(r.Gateway)},
		},
		Hostnames: convert[gatewayv1.Hostname](r.Hostnames),
		Rules: []gatewayv1.HTTPRouteRule{{
			Matches: []gatewayv1.HTTPRouteMatch{{
				Path: &gatewayv1.HTTPPathMatch{
					Type:  ptr.To(gatewayv1.PathMatchPathPrefix),
					Value: ptr.To(orRoot(r.Path)),
				},
			}},
			BackendRefs: backendRefs(r.Backends),
		}},
	}
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

func backendRefs(backends []Backend) []gatewayv1.HTTPBackendRef {
	refs := make([]gatewayv1.HTTPBackendRef, len(backends))
	for i, b := range backends {
		refs[i] = gatewayv1.HTTPBackendRef{
			BackendRef: gatewayv1.BackendRef{
				BackendObjectReference: gatewayv1.BackendObjectReference{
					Group:     ptr.To(gatewayv1.Group("")),
					Kind:      ptr.To(gatewayv1.Kind("Service")),
					Namespace: ptr.To(gatewayv1.Namespace(b.Namespace)),
					Name:      gatewayv1.ObjectName(b.Service),
					Port:      ptr.To(b.Port),
				},
				Weight: ptr.To(b.Weight),
			},
			Filters: filters(b),
		}
	}
	return refs
}

// filters lists a backend's filters in the order in which Traefik runs them,
// which is the order of the list (pkg/provider/kubernetes/gateway/httproute.go:393
// and pkg/server/middleware/middlewares.go:67 of v3.7.13). The key comes last: no
// filter after it can take it away or see it.
func filters(b Backend) []gatewayv1.HTTPRouteFilter {
	var filters []gatewayv1.HTTPRouteFilter
	if headers := headerFilter(b); headers != nil {
		filters = append(filters, gatewayv1.HTTPRouteFilter{
			Type:                  gatewayv1.HTTPRouteFilterRequestHeaderModifier,
			RequestHeaderModifier: headers,
		})
	}
	filters = append(filters, gatewayv1.HTTPRouteFilter{
		Type:       gatewayv1.HTTPRouteFilterURLRewrite,
		URLRewrite: rewrite(b),
	})
	if b.KeyMiddleware != "" {
		filters = append(filters, gatewayv1.HTTPRouteFilter{
			Type: gatewayv1.HTTPRouteFilterExtensionRef,
			ExtensionRef: &gatewayv1.LocalObjectReference{
				Group: "traefik.io",
				Kind:  "Middleware",
				Name:  gatewayv1.ObjectName(b.KeyMiddleware),
			},
		})
	}
	return filters
}

// headerFilter is nil where no header changes. It removes the client's
// Authorization, which would otherwise reach every backend, unless that is
// asked for or the backend's own value replaces it: Traefik removes after it
// sets (pkg/middlewares/gatewayapi/headermodifier/request_header_modifier.go:42 of v3.7.13).
func headerFilter(b Backend) *gatewayv1.HTTPHeaderFilter {
	names := slices.Sorted(maps.Keys(b.SetHeaders))
	remove := slices.Clone(b.RemoveHeaders)
	if !b.ForwardAuthorization && !hasHeader(names, authorization) && !hasHeader(remove, authorization) {
		remove = append(remove, authorization)
	}
	if len(names)+len(remove) == 0 {
		return nil
	}
	var set []gatewayv1.HTTPHeader
	for _, name := range names {
		set = append(set, gatewayv1.HTTPHeader{Name: gatewayv1.HTTPHeaderName(name), Value: b.SetHeaders[name]})
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
	if b.HostHeader != "" {
		rewrite.Hostname = ptr.To(gatewayv1.PreciseHostname(b.HostHeader))
	}
	return rewrite
}

// Object gives the spec as plain maps, lists, strings and whole numbers (int64),
// without the fields that it leaves out.
func Object(spec gatewayv1.HTTPRouteSpec) (map[string]any, error) {
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&spec)
	if err != nil {
		return nil, fmt.Errorf("the route cannot be written as an object: %w", err)
	}
	return object, nil
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
