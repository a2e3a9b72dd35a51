package service

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi-go-provider/infer"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider/endpoint"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/weight"
	"github.com/modelplane/pulumi-modelplane/provider/service/route"
)

// Reference is a service as a catalog takes it.
type Reference struct {
	Name      string             `pulumi:"name"`
	Namespace string             `pulumi:"namespace"`
	Rules     []ReferenceRule    `pulumi:"rules"`
	Mirror    *ReferenceEndpoint `pulumi:"mirror,optional"`
	Auth      *string            `pulumi:"auth,optional"`
	Choice    string             `pulumi:"choice"`
	Policy    string             `pulumi:"policy"`
}

// Annotate describes the type for the schema.
func (r *Reference) Annotate(at infer.Annotator) {
	at.SetToken("index", "ServiceReference")
	at.Describe(r, "A service as a catalog takes it: the output `service` of a ModelService. Pass it on as it is; later versions add to it.")
	at.Describe(&r.Name, "The service's name.")
	at.Describe(&r.Namespace, "The service's namespace.")
	at.Describe(&r.Rules, "Who answers which requests. The last rule takes those that no other takes.")
	at.Describe(&r.Mirror, "The endpoint that is sent copies, and their percentage as its weight. Default: none.")
	at.Describe(&r.Auth, "How the service's callers are asked who they are: the Traefik Middleware of a ModelCallers, or in JSON what the service's own one does. Default: nobody is asked.")
	at.Describe(&r.Choice, "How the gateway's plugin chooses among the backends, in JSON.")
	at.Describe(&r.Policy, "What the gateway's plugin asks of requests and counts, in JSON.")
}

// ReferenceRule is who answers some requests of a service.
type ReferenceRule struct {
	Headers   map[string]string   `pulumi:"headers,optional"`
	Endpoints []ReferenceEndpoint `pulumi:"endpoints"`
}

// Annotate describes the type for the schema.
func (r *ReferenceRule) Annotate(at infer.Annotator) {
	at.SetToken("index", "ServiceReferenceRule")
	at.Describe(r, "Who answers some requests of a service.")
	at.Describe(&r.Headers, "The headers that a request must have. Default: none, every request.")
	at.Describe(&r.Endpoints, "Who answers, and in which shares.")
}

// ReferenceEndpoint is an endpoint of a service with its share.
type ReferenceEndpoint struct {
	Endpoint endpoint.BackendReference `pulumi:"endpoint"`
	Weight   int                       `pulumi:"weight"`
	Priority int                       `pulumi:"priority,optional"`
}

// Annotate describes the type for the schema.
func (e *ReferenceEndpoint) Annotate(at infer.Annotator) {
	at.SetToken("index", "ServiceReferenceEndpoint")
	at.Describe(e, "An endpoint of a service with its share.")
	at.Describe(&e.Endpoint, "The endpoint.")
	at.Describe(&e.Weight, "Its weight among the endpoints of its priority, 0 to 1,000,000.")
	at.Describe(&e.Priority, "Who is asked first: the smallest number. Default: 0.")
	at.SetDefault(&e.Priority, 0)
}

// reference is the service as a catalog takes it.
func reference(identity meta.Identity, rules []rule, mirror []entry, choice plugin.Front, policies Policies, p plan) Reference {
	r := Reference{Name: identity.Name, Namespace: identity.Namespace, Choice: inJSON(choice)}
	for _, given := range rules {
		made := ReferenceRule{Headers: given.headers}
		for _, e := range given.backends {
			for _, b := range e.weighted() {
				made.Endpoints = append(made.Endpoints, ReferenceEndpoint{Endpoint: b.BackendReference, Weight: int(b.Weight), Priority: e.priority})
			}
		}
		r.Rules = append(r.Rules, made)
	}
	for _, e := range mirror {
		r.Mirror = &ReferenceEndpoint{Endpoint: e.endpoints[0], Weight: e.weight}
	}
	var restricted plugin.Model
	for _, made := range policies {
		switch made.key {
		case countKey:
			restricted.Count, restricted.Weights = true, weightsOf(p.shares)
			restricted.Tokens, restricted.Prices = p.prices != nil, p.prices
		case fromKey:
			restricted.AllowFrom = made.config().AllowFrom
		case limitsKey:
			restricted.MaxBodyBytes, restricted.Limits = made.config().MaxBodyBytes, made.config().Limits
		}
	}
	if auth := policies.Auth(); auth != "" {
		r.Auth = &auth
	}
	r.Policy = inJSON(restricted)
	return r
}

func inJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // numbers and strings have a JSON form
	}
	return string(text)
}

// Behind is a service behind a catalog: each of its backends has a route on the gateway's inner listener, and the plugin chooses.
type Behind struct {
	fronted *fronted
	model   plugin.Model
}

// Behind reads a reference at path. Public is the catalog's own route.
func (r Reference) Behind(path string, identity meta.Identity, in Routing, public route.Route, faults *fault.List) Behind {
	faults.AddErr(path+".name", names.Existing(r.Name))
	faults.AddErr(path+".namespace", names.Namespace(r.Namespace))
	if r.Namespace != identity.Namespace {
		faults.Add(path, fmt.Sprintf("is a service of the namespace %s, but the catalog is in %s: keys can be used only in the namespace that their Secrets are in; "+
			"put both into one", r.Namespace, identity.Namespace), "namespace")
	}
	var choice plugin.Front
	model := plugin.Model{}
	if json.Unmarshal([]byte(r.Choice), &choice) != nil || json.Unmarshal([]byte(r.Policy), &model) != nil || len(r.Rules) == 0 {
		faults.Add(path, "is not what a service gives as its output service; pass that on as it is", path)
		return Behind{fronted: &fronted{}}
	}
	checkRange(path+".choice", choice.Attempts, 1, maxAttempts, faults)
	model.Service, model.TrustedProxies = r.Namespace+"/"+r.Name, in.Gateway.TrustedProxies
	own := meta.Identity{Name: r.Name, Namespace: r.Namespace}
	read := func(at string, e ReferenceEndpoint) entry {
		checkRange(at+".weight", e.Weight, 0, weight.Max, faults)
		checkRange(at+".priority", e.Priority, 0, maxPriority, faults)
		at += ".endpoint"
		refuseH2C(at, e.Endpoint, faults)
		return entry{
			weight: e.Weight, priority: e.Priority, weights: []int32{int32(e.Weight)}, //nolint:gosec // no weight is larger than a million
			endpoints: []endpoint.BackendReference{decideEndpoint(at, e.Endpoint, own, in, faults)},
		}
	}
	var rules []rule
	for i, given := range r.Rules {
		made := rule{headers: given.Headers}
		for j, e := range given.Endpoints {
			made.backends = append(made.backends, read(fault.Index(fault.Index(path+".rules", i)+".endpoints", j), e))
		}
		rules = append(rules, made)
	}
	var mirror []entry
	if r.Mirror != nil {
		mirror = append(mirror, read(path+".mirror", *r.Mirror))
	}
	return Behind{fronted: decideFronted(choice, in.Gateway, public, rules, mirror), model: model}
}

// Service is the service, as namespace/name.
func (b Behind) Service() string { return b.model.Service }

// IsKeyed says whether any of its backends needs a key.
func (b Behind) IsKeyed() bool {
	return slices.ContainsFunc(b.fronted.backends(), func(b frontedBackend) bool { return b.Keyed })
}

// Routes are those of the backends on the inner listener, for the catalog called name.
func (b Behind) Routes(await Await, name, component string) []child.Child {
	return b.fronted.routes(await, name, component, b.model.Service)
}

// Model is what the plugin does with requests for these names. ID is the part of the inner routes' paths that nobody can guess. Of several rules that a request
// fits, the one with the most headers takes it, as in a route.
func (b Behind) Model(modelNames []string, id string) plugin.Model {
	model := b.model
	model.Names = modelNames
	for _, r := range b.fronted.rules {
		model.Rules = append(model.Rules, plugin.ModelRule{Headers: r.headers, Front: b.fronted.front(r, id)})
	}
	slices.SortStableFunc(model.Rules, func(a, b plugin.ModelRule) int { return len(b.Headers) - len(a.Headers) })
	return model
}
