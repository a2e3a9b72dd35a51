package service

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	gatewayv1beta1 "sigs.k8s.io/gateway-api/apis/v1beta1"

	"github.com/modelplane/pulumi-modelplane/provider/gateway"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/target"
	"github.com/modelplane/pulumi-modelplane/provider/service/route"
)

// plan is all that is decided about a service.
type plan struct {
	route    gatewayv1.HTTPRouteSpec
	grants   []grant
	policies []policy
	// fronted is nil where Traefik itself shares requests among the backends.
	fronted *fronted
	// path is the service's path; empty is the root.
	path string
	// url and clusterURL are what clients outside and inside the cluster take as base URL.
	url, clusterURL string
	shares          []Share
	// warning says what is unwise; empty if nothing is.
	warning string
}

// grant lets the service's route use the Services of one other namespace.
type grant struct {
	namespace string
	spec      gatewayv1beta1.ReferenceGrantSpec
}

// check finds every fault of a service's arguments.
func check(name string, a Args) fault.List {
	identity := a.Or(name, meta.DefaultNamespace)
	_, faults := decide(identity, a.Routing, a.Choice, a.Policy)
	faults.AddErr("name", names.Object(identity.Name, names.MaxLabel))
	faults.AddErr("namespace", names.Namespace(identity.Namespace))
	return append(faults, names.Metadata(a.Labels, a.Annotations)...)
}

func decide(identity meta.Identity, r Routing, c Choice, restrictions Policy) (plan, fault.List) {
	var faults fault.List
	gatewayURL := decideGateway(r, &faults)
	gatewayClusterURL := decideClusterURL(r, &faults)
	hostnames := decideHostnames(r, &faults)
	path := decidePath(identity, r, &faults)
	rules := decideRules(identity, r, &faults)
	policies := decidePolicies(identity, r.Gateway, restrictions, &faults)
	choice := decideChoice(c, restrictions.Auth != nil, &faults)
	mirror := decideMirror(identity, r, c.Mirror, &faults)
	if isFronted(c, r) {
		checkFront(c, r, &faults)
	}
	if len(faults) > 0 {
		return plan{}, faults
	}
	backends := rules[len(rules)-1].backends
	for _, r := range rules {
		faults.AddErr(r.path, splitByPriority(r.backends))
	}
	if len(faults) > 0 {
		return plan{}, faults
	}
	decided := plan{path: path, url: clientURL(gatewayURL, hostnames, path), grants: grants(identity, append(entries(rules), mirror...)), policies: policies}
	decided.clusterURL = clusterURL(gatewayClusterURL, hostnames, path)
	decided.shares = shares(backends)
	decided.warning = warn(r, restrictions, append(entries(rules), mirror...))
	public := route.Route{
		Gateway: route.ParentRef{
			Name: r.Gateway.Name, Namespace: r.Gateway.Namespace, Listener: r.Gateway.Listener, PlainListener: ptr.Deref(r.Gateway.PlainListener, ""),
		},
		Namespace:   identity.Namespace,
		Plugin:      r.Gateway.HasPlugin(),
		Observed:    r.Gateway.Observed,
		CORS:        restrictions.CORS != nil,
		Hostnames:   hostnames,
		Path:        path,
		Middlewares: middlewareNames(identity, policies),
	}
	if isFronted(c, r) {
		decided.fronted = decideFronted(choice, r.Gateway, public, rules, mirror)
		public.Rules = decided.fronted.publicRules(identity)
	} else {
		public.Rules = plainRules(rules)
	}
	decided.route = route.Build(public)
	return decided, nil
}

func decideGateway(r Routing, faults *fault.List) *url.URL {
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

// decidePath is the service's path; empty is the root.
func decidePath(identity meta.Identity, r Routing, faults *fault.List) string {
	if r.Path == nil {
		return fmt.Sprintf("/%s/%s/v1", identity.Namespace, identity.Name)
	}
	path, err := target.ParsePath(*r.Path)
	faults.AddErr("path", err)
	if own := "/" + identity.Namespace + "/"; err == nil && !r.Gateway.AllowAnyPath && !strings.HasPrefix(path, own) {
		faults.Add("path", fmt.Sprintf("is outside of %[1]s, where services of other namespaces may be; begin it with %[1]s, or have the "+
			"gateway allow it with allowAnyPath", own), "namespace", "gateway")
	}
	return path
}

// claims are what no other service of the program may claim: the path, at each host name, on a listener of the gateway.
func (p plan) claims() []string {
	parent := p.route.ParentRefs[0]
	hostnames := p.route.Hostnames
	if len(hostnames) == 0 {
		hostnames = []gatewayv1.Hostname{"*"}
	}
	claims := make([]string, len(hostnames))
	for i, hostname := range hostnames {
		claims[i] = fmt.Sprintf("%s/%s %s %s %s", *parent.Namespace, parent.Name, *parent.SectionName, hostname, p.path)
	}
	return claims
}

// warn says that strangers can spend the money of a key's owner.
func warn(r Routing, p Policy, backends []entry) string {
	if r.AllowAnonymous || p.Auth != nil || len(p.AllowFrom) > 0 || !r.Gateway.Public || !slices.ContainsFunc(backends, entry.isKeyed) {
		return ""
	}
	return "The internet can reach this service's gateway, which asks nobody for a key, and the service sends its own keys: anyone can " +
		"use them at their owner's expense. Ask callers for keys (auth), limit their addresses (allowFrom, or the gateway's " +
		"service.loadBalancerSourceRanges), or set allowAnonymous: true if this is meant."
}

// grants names, for each other namespace, the Services in it that the route uses.
func grants(identity meta.Identity, backends []entry) []grant {
	services := map[string][]string{}
	for _, e := range backends {
		for _, reference := range e.endpoints {
			if reference.Namespace != identity.Namespace {
				services[reference.Namespace] = append(services[reference.Namespace], reference.ServiceName)
			}
		}
	}
	var grants []grant
	for namespace, names := range services {
		slices.Sort(names)
		spec := gatewayv1beta1.ReferenceGrantSpec{From: []gatewayv1beta1.ReferenceGrantFrom{{
			Group: gatewayv1.GroupName, Kind: "HTTPRoute", Namespace: gatewayv1.Namespace(identity.Namespace),
		}}}
		for _, name := range slices.Compact(names) {
			to := gatewayv1.ObjectName(name)
			spec.To = append(spec.To, gatewayv1beta1.ReferenceGrantTo{Kind: "Service", Name: &to})
		}
		grants = append(grants, grant{namespace: namespace, spec: spec})
	}
	slices.SortFunc(grants, func(x, y grant) int { return cmp.Compare(x.namespace, y.namespace) })
	return grants
}

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
