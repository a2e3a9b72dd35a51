package service

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/gateway"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/target"
	"github.com/modelplane/pulumi-modelplane/provider/service/route"
)

// Site is where a gateway serves something.
type Site struct {
	// Hostnames are the host names of the requests; none is every name.
	Hostnames []string
	// Path begins all paths; empty is the root.
	Path string
	// URL and ClusterURL are what clients outside and inside the cluster take as base URL.
	URL, ClusterURL string
}

// DecideSite is where the gateway serves a path.
func DecideSite(r Routing, path string, faults *fault.List) Site {
	outside := decideGateway(r, faults)
	inside := decideClusterURL(r, faults)
	hostnames := decideHostnames(r, faults)
	return Site{Hostnames: hostnames, Path: path, URL: clientURL(outside, hostnames, path), ClusterURL: clusterURL(inside, hostnames, path)}
}

// Route is the route of the site, without rules.
func (s Site) Route(identity meta.Identity, g gateway.Reference, p Policy, policies Policies) route.Route {
	return route.Route{
		Gateway:     route.ParentRef{Name: g.Name, Namespace: g.Namespace, Listener: g.Listener, PlainListener: ptr.Deref(g.PlainListener, "")},
		Namespace:   identity.Namespace,
		Plugin:      g.HasPlugin(),
		Observed:    g.Observed,
		CORS:        p.CORS != nil,
		Hostnames:   s.Hostnames,
		Path:        s.Path,
		Middlewares: policies.Names(identity),
	}
}

// Claims are what no other service of the program may claim: the path, at each host name, on a listener of the gateway.
func (s Site) Claims(g gateway.Reference) []string {
	hostnames := s.Hostnames
	if len(hostnames) == 0 {
		hostnames = []string{"*"}
	}
	claims := make([]string, len(hostnames))
	for i, hostname := range hostnames {
		claims[i] = fmt.Sprintf("%s/%s %s %s %s", g.Namespace, g.Name, g.Listener, hostname, s.Path)
	}
	return claims
}

func decideGateway(r Routing, faults *fault.List) *url.URL {
	if r.Gateway.Tokens && !r.Gateway.Observed {
		faults.Add("gateway.observed", "is false, but tokens is true: tokens are counted for figures and the access log; write observed: true, or leave tokens out", "gateway")
	}
	faults.AddErr("gateway.name", names.Existing(r.Gateway.Name))
	faults.AddErr("gateway.namespace", names.Namespace(r.Gateway.Namespace))
	faults.AddErr("gateway.listener", names.Existing(r.Gateway.Listener))
	gateway.CheckProxies("gateway.trustedProxies", r.Gateway.TrustedProxies, faults)
	if r.Gateway.PlainListener != nil {
		faults.AddErr("gateway.plainListener", names.Existing(*r.Gateway.PlainListener))
	}
	u, err := target.ParseListener(r.Gateway.URL)
	if err != nil {
		faults.AddErr("gateway.url", err)
		return &url.URL{}
	}
	return u
}

// decideClusterURL is the gateway's URL inside the cluster; nil where none is known.
func decideClusterURL(r Routing, faults *fault.List) *url.URL {
	if r.Gateway.ClusterURL == "" {
		return nil
	}
	u, err := target.ParseListener(r.Gateway.ClusterURL)
	faults.AddErr("gateway.clusterUrl", err)
	return u
}

func decideHostnames(r Routing, faults *fault.List) []string {
	if len(r.Hostnames) > route.MaxHostnames {
		faults.Addf("hostnames", "has %d names; a route takes %d at most", len(r.Hostnames), route.MaxHostnames)
	}
	var hostnames []string
	for i, text := range r.Hostnames {
		hostname, err := target.ParseRouteHostname(text)
		faults.AddErr(fault.Index("hostnames", i), err)
		if err == nil && slices.Contains(hostnames, hostname) {
			faults.Add(fault.Index("hostnames", i), "is in the list already; write each name once", "hostnames")
		}
		if err == nil && !r.Gateway.HasCertificate(hostname) {
			faults.Add(fault.Index("hostnames", i), fmt.Sprintf("is none of the names that the gateway has certificates for, %s; add it to the "+
				"gateway's https.hostnames", strings.Join(r.Gateway.Hostnames, ", ")), "gateway")
		}
		hostnames = append(hostnames, hostname)
	}
	if len(hostnames) > 0 && !slices.ContainsFunc(hostnames, isWhole) {
		faults.Addf("hostnames", "has wildcards alone, from which no client's URL can be made; add the name that clients are to use")
	}
	return hostnames
}

func isWhole(hostname string) bool { return !strings.HasPrefix(hostname, "*") }

// clientURL is the gateway's URL with the first host name that a client can use, and the service's path.
func clientURL(gateway *url.URL, hostnames []string, path string) string {
	shown := *gateway
	if i := slices.IndexFunc(hostnames, isWhole); i >= 0 {
		shown.Host = hostnames[i]
		if port := gateway.Port(); port != "" {
			shown.Host += ":" + port
		}
	}
	shown.Path = ""
	return shown.String() + path
}

// clusterURL is the gateway's URL inside the cluster and the service's path. It is empty where the gateway does not have one, or
// where the service answers to other host names: the gateway would answer 404.
func clusterURL(gateway *url.URL, hostnames []string, path string) string {
	if gateway == nil || len(hostnames) > 0 && !slices.Contains(hostnames, gateway.Hostname()) {
		return ""
	}
	return gateway.String() + path
}
