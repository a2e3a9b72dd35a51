package service

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	gatewayv1beta1 "sigs.k8s.io/gateway-api/apis/v1beta1"

	"github.com/modelplane/pulumi-modelplane/provider/endpoint"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/route"
	"github.com/modelplane/pulumi-modelplane/provider/internal/target"
	"github.com/modelplane/pulumi-modelplane/provider/internal/weight"
)

// plan is all that is decided about a service.
type plan struct {
	route  gatewayv1.HTTPRouteSpec
	grants []grant
	url    string
	shares []Share
}

// grant lets the service's route use the Services of one other namespace.
type grant struct {
	namespace string
	spec      gatewayv1beta1.ReferenceGrantSpec
}

// check finds every fault of a service's arguments.
func check(name string, a Args) fault.List {
	_, faults := decide(name, a)
	faults.AddErr("name", names.Object(cmp.Or(a.Name, name), names.MaxLabel))
	faults.AddErr("namespace", names.Namespace(a.Namespace))
	return append(faults, names.Metadata(a.Labels, a.Annotations)...)
}

func decide(name string, a Args) (plan, fault.List) {
	var faults fault.List
	gatewayURL := decideGateway(a, &faults)
	hostnames := decideHostnames(a, &faults)
	path := decidePath(name, a, &faults)
	backends := decideBackends(a, &faults)
	if len(faults) > 0 {
		return plan{}, faults
	}
	weights, err := weight.Split(entries(a))
	if err != nil {
		faults.AddErr("backends", err)
		return plan{}, faults
	}
	for i, w := range slices.Concat(weights...) {
		backends[i].Weight = w
	}
	decided := plan{url: clientURL(gatewayURL, hostnames, path), shares: shares(a, weights), grants: grants(a)}
	decided.route = route.Build(route.Route{
		Gateway:   route.ParentRef{Name: a.Gateway.Name, Namespace: a.Gateway.Namespace, Listener: a.Gateway.Listener},
		Hostnames: hostnames,
		Path:      path,
		Backends:  backends,
	})
	return decided, nil
}

func decideGateway(a Args, faults *fault.List) *url.URL {
	faults.AddErr("gateway.name", names.Existing(a.Gateway.Name))
	faults.AddErr("gateway.namespace", names.Namespace(a.Gateway.Namespace))
	faults.AddErr("gateway.listener", names.Existing(a.Gateway.Listener))
	u, err := url.Parse(a.Gateway.URL)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery ||
		u.Fragment != "" || u.Scheme != target.HTTP && u.Scheme != target.HTTPS {
		faults.Addf("gateway.url", "is no URL of a listener; write scheme and host, such as http://203.0.113.7")
		return &url.URL{}
	}
	return u
}

func decideHostnames(a Args, faults *fault.List) []string {
	if len(a.Hostnames) > route.MaxHostnames {
		faults.Addf("hostnames", "has %d names; a route takes %d at most", len(a.Hostnames), route.MaxHostnames)
	}
	var hostnames []string
	for i, text := range a.Hostnames {
		hostname, err := target.ParseRouteHostname(text)
		faults.AddErr(fault.Index("hostnames", i), err)
		if err == nil && slices.Contains(hostnames, hostname) {
			faults.Add(fault.Index("hostnames", i), "is in the list already; write each name once", "hostnames")
		}
		hostnames = append(hostnames, hostname)
	}
	return hostnames
}

// decidePath puts the two parts of the service's path together.
func decidePath(name string, a Args, faults *fault.List) string {
	path := fmt.Sprintf("/%s/%s", a.Namespace, cmp.Or(a.Name, name))
	if a.Path != nil {
		parsed, err := target.ParsePath(*a.Path)
		faults.AddErr("path", err)
		path = parsed
	}
	apiPath, err := target.ParsePath(a.APIPath)
	faults.AddErr("apiPath", err)
	if len(path)+len(apiPath) > target.MaxPathLength {
		faults.Add("path", fmt.Sprintf("has %d characters together with apiPath; a route takes %d", len(path)+len(apiPath),
			target.MaxPathLength), "apiPath", "namespace", "name")
	}
	return path + apiPath
}

// decideBackends are the endpoints of all entries in their order, without their weights.
func decideBackends(a Args, faults *fault.List) []route.Backend {
	if len(a.Backends) == 0 {
		faults.Addf("backends", "is empty; write at least one entry with an endpoint")
		return nil
	}
	var backends []route.Backend
	total := 0
	for i, entry := range a.Backends {
		path := fault.Index("backends", i)
		faults.AddErr(path+".weight", weight.Check(int64(entry.Weight)))
		switch {
		case entry.Endpoint != nil && len(entry.Endpoints) > 0:
			faults.Add(path+".endpoints", "is given beside endpoint; an entry has one or the other", path+".endpoint")
		case entry.Endpoint == nil && len(entry.Endpoints) == 0:
			faults.Add(path+".endpoint", "is required, unless endpoints is given: the output backend of a ModelEndpoint", path+".endpoints")
		}
		for at, reference := range entry.references(path) {
			backends = append(backends, reference.Backend(at, faults))
			checkKey(at, reference, a, faults)
		}
		total += entry.Weight
	}
	if len(backends) > route.MaxBackends {
		faults.Addf("backends", "has %d endpoints; a route takes %d. Servers that are alike, with the same scheme, port and path, "+
			"belong into the urls of one endpoint, up to 1000 of them", len(backends), route.MaxBackends)
	}
	if total == 0 {
		faults.Addf("backends", "has no weight above 0, so that every request would be answered with 503; give one entry a weight")
	}
	return backends
}

// checkKey holds an endpoint with a key against what can send it.
func checkKey(path string, reference endpoint.BackendReference, a Args, faults *fault.List) {
	if reference.KeyMiddleware == nil {
		return
	}
	if reference.Namespace != a.Namespace {
		faults.Add(path, fmt.Sprintf("is an endpoint with a key in the namespace %s, but the service is in %s: a key can be used only "+
			"in the namespace that its Secret is in; put both into one", reference.Namespace, a.Namespace), "namespace")
	}
	if !a.Gateway.Plugin {
		faults.Add(path, "is an endpoint with a key, but the gateway's Traefik is not said to have the modelplane plugin, which "+
			"sends keys; use a ModelGateway, or install the plugin and set gateway.plugin", "gateway")
	}
}

// references are the endpoints of an entry by their paths.
func (b Backend) references(path string) func(yield func(string, endpoint.BackendReference) bool) {
	return func(yield func(string, endpoint.BackendReference) bool) {
		if b.Endpoint != nil && !yield(path+".endpoint", *b.Endpoint) {
			return
		}
		for i, reference := range b.Endpoints {
			if !yield(fault.Index(path+".endpoints", i), reference) {
				return
			}
		}
	}
}

func (b Backend) all() []endpoint.BackendReference {
	var all []endpoint.BackendReference
	for _, reference := range b.references("") {
		all = append(all, reference)
	}
	return all
}

func entries(a Args) []weight.Entry {
	entries := make([]weight.Entry, len(a.Backends))
	for i, entry := range a.Backends {
		entries[i] = weight.Entry{Weight: int64(entry.Weight), Endpoints: len(entry.all())}
	}
	return entries
}

func shares(a Args, weights [][]int32) []Share {
	var total float64
	for _, entry := range weights {
		for _, w := range entry {
			total += float64(w)
		}
	}
	var shares []Share
	for i, entry := range a.Backends {
		for j, reference := range entry.all() {
			w := weights[i][j]
			shares = append(shares, Share{Endpoint: reference.Name, Weight: int(w), Share: float64(w) / total})
		}
	}
	return shares
}

// grants names, for each other namespace, the Services in it that the route uses.
func grants(a Args) []grant {
	services := map[string][]string{}
	for _, entry := range a.Backends {
		for _, reference := range entry.all() {
			if reference.Namespace != a.Namespace {
				services[reference.Namespace] = append(services[reference.Namespace], reference.ServiceName)
			}
		}
	}
	var grants []grant
	for namespace, names := range services {
		slices.Sort(names)
		spec := gatewayv1beta1.ReferenceGrantSpec{From: []gatewayv1beta1.ReferenceGrantFrom{{
			Group: gatewayv1.GroupName, Kind: "HTTPRoute", Namespace: gatewayv1.Namespace(a.Namespace),
		}}}
		for _, name := range slices.Compact(names) {
			to := gatewayv1.ObjectName(name)
			spec.To = append(spec.To, gatewayv1beta1.ReferenceGrantTo{Kind: "Service", Name: &to})
		}
		grants = append(grants, grant{namespace: namespace, spec: spec})
	}
	slices.SortFunc(grants, func(x, y grant) int { return strings.Compare(x.namespace, y.namespace) })
	return grants
}

// clientURL is the gateway's URL with the first host name that a client can use, and the service's path.
func clientURL(gateway *url.URL, hostnames []string, path string) string {
	shown := *gateway
	for _, hostname := range hostnames {
		if strings.HasPrefix(hostname, "*") {
			continue
		}
		shown.Host = hostname
		if port := gateway.Port(); port != "" {
			shown.Host += ":" + port
		}
		break
	}
	shown.Path = ""
	return shown.String() + path
}
