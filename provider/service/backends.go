package service

import (
	"fmt"
	"slices"

	"github.com/modelplane/pulumi-modelplane/provider/endpoint"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/weight"
	"github.com/modelplane/pulumi-modelplane/provider/service/route"
)

// entry is an entry of backends with its endpoints in the form that routes take.
type entry struct {
	weight    int
	priority  int
	endpoints []endpoint.BackendReference
	// weights are those of the endpoints in the route.
	weights []int32
}

func (e entry) isKeyed() bool {
	return slices.ContainsFunc(e.endpoints, func(reference endpoint.BackendReference) bool { return reference.Keyed })
}

// decideBackends reads all entries of a list of backends, which is at path.
func decideBackends(path string, backends []Backend, identity meta.Identity, r Routing, faults *fault.List) []entry {
	if len(backends) == 0 {
		faults.Addf(path, "is empty; write at least one entry with an endpoint")
		return nil
	}
	var read []entry
	endpoints, total := 0, 0
	for i, backend := range backends {
		path := fault.Index(path, i)
		faults.AddErr(path+".weight", weight.Check(int64(backend.Weight)))
		switch {
		case backend.Endpoint != nil && len(backend.Endpoints) > 0:
			faults.Add(path+".endpoints", "is given beside endpoint; an entry has one or the other", path+".endpoint")
		case backend.Endpoint == nil && len(backend.Endpoints) == 0:
			faults.Add(path+".endpoint", "is required, unless endpoints is given: the output backend of a ModelEndpoint", path+".endpoints")
		}
		checkRange(path+".priority", backend.Priority, 0, maxPriority, faults)
		e := entry{weight: backend.Weight, priority: backend.Priority}
		for at, reference := range backend.references(path) {
			e.endpoints = append(e.endpoints, decideEndpoint(at, reference, identity, r, faults))
		}
		read = append(read, e)
		endpoints += len(e.endpoints)
		total += e.weight
	}
	if endpoints > route.MaxBackends {
		faults.Addf(path, "has %d endpoints; a route takes %d. Write replicas with the same scheme, port and path into the urls "+
			"of one endpoint, which takes 1000", endpoints, route.MaxBackends)
	}
	if total == 0 {
		faults.Addf(path, "has no weight above 0, so that every request would be answered with 503; give one entry a weight")
	}
	return read
}

// decideEndpoint is an endpoint in the form that routes take.
func decideEndpoint(path string, reference endpoint.BackendReference, identity meta.Identity, r Routing, faults *fault.List) endpoint.BackendReference {
	checkMiddleware(path, reference, identity, r, faults)
	reference = reference.Parse(path, faults)
	filtered := route.Route{Namespace: identity.Namespace, Plugin: r.Gateway.HasPlugin()}
	faults.AddErr(path+".headers.remove", filtered.Check(route.Backend{BackendReference: reference}), path, "gateway", "namespace")
	return reference
}

// checkMiddleware finds whether the service can use an endpoint of which a Middleware does a part.
func checkMiddleware(path string, reference endpoint.BackendReference, identity meta.Identity, r Routing, faults *fault.List) {
	var has, does string
	switch {
	case reference.Keyed:
		has, does = "a key", "sends keys"
	case reference.Model != nil:
		has, does = "a model of its own name", "writes that name"
	default:
		return
	}
	if reference.Namespace != identity.Namespace {
		faults.Add(path, fmt.Sprintf("is an endpoint with %s in the namespace %s, but the service is in %s: only services of the endpoint's namespace can use "+
			"its Middleware, which %s; put both into one", has, reference.Namespace, identity.Namespace, does), "namespace")
	}
	if !r.Gateway.HasPlugin() {
		faults.Add(path, fmt.Sprintf("is an endpoint with %s, but the gateway's Traefik is not said to have the modelplane plugin, which "+
			"%s; use a ModelGateway, or install the plugin and set gateway.pluginVersion", has, does), "gateway")
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

// splitByPriority gives the endpoints of all entries their weights. Those of each priority share the requests that come to it.
func splitByPriority(backends []entry) error {
	of := map[int][]int{}
	for i, e := range backends {
		of[e.priority] = append(of[e.priority], i)
	}
	for _, indexes := range of {
		var group []weight.Entry
		for _, i := range indexes {
			group = append(group, backends[i].toSplit())
		}
		split, err := weight.Split(group)
		if err != nil {
			return err
		}
		for j, i := range indexes {
			backends[i].weights = split[j]
		}
	}
	return nil
}

func (e entry) toSplit() weight.Entry {
	split := weight.Entry{Weight: int64(e.weight), Endpoints: len(e.endpoints)}
	for _, reference := range e.endpoints {
		split.Shares = append(split.Shares, int64(reference.ShareOfEntry()))
	}
	return split
}

// weighted are the endpoints as a route takes them.
func (e entry) weighted() []route.Backend {
	all := make([]route.Backend, len(e.endpoints))
	for i, reference := range e.endpoints {
		all[i] = route.Backend{BackendReference: reference, Weight: e.weights[i]}
	}
	return all
}

// shares are what each endpoint gets while none fails: those of the first priority that has any weight share all requests.
func shares(backends []entry) []Share {
	first := maxPriority
	for _, e := range backends {
		if e.weight > 0 {
			first = min(first, e.priority)
		}
	}
	var total float64
	for _, e := range backends {
		for _, w := range e.weights {
			if e.priority == first {
				total += float64(w)
			}
		}
	}
	var shares []Share
	for _, e := range backends {
		for _, b := range e.weighted() {
			share := Share{Endpoint: b.Name, Weight: int(b.Weight)}
			if e.priority == first {
				share.Share = float64(b.Weight) / total
			}
			shares = append(shares, share)
		}
	}
	return shares
}
