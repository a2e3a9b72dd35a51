package service

import (
	"github.com/pulumi/pulumi-go-provider/infer"

	"github.com/modelplane/pulumi-modelplane/provider/endpoint"
	"github.com/modelplane/pulumi-modelplane/provider/gateway"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
)

// Args are the inputs of a [ModelService], in the parts that become known together.
type Args struct {
	Routing
	Choice
	Policy
	Await
	meta.Identity
	meta.Metadata
}

// Annotate describes the inputs for the schema.
func (a *Args) Annotate(at infer.Annotator) {
	at.Describe(&a.Name, "The name of the HTTPRoute. Up to 63 characters (RFC 1035). Default: the Pulumi name.")
	at.Describe(&a.Namespace, "The namespace of the HTTPRoute; it must exist. Default: `default`.")
	at.SetDefault(&a.Namespace, meta.DefaultNamespace)
	at.Describe(&a.Labels, "Labels for all objects of the service.")
	at.Describe(&a.Annotations, "Annotations for all objects of the service.")
}

// Routing says which requests the service takes, and who answers them.
type Routing struct {
	Gateway        gateway.Reference `pulumi:"gateway"`
	Backends       []Backend         `pulumi:"backends"`
	Rules          []Rule            `pulumi:"rules,optional"`
	Hostnames      []string          `pulumi:"hostnames,optional"`
	Path           *string           `pulumi:"path,optional"`
	AllowAnonymous bool              `pulumi:"allowAnonymous,optional"`
}

// Annotate describes the inputs for the schema.
func (r *Routing) Annotate(at infer.Annotator) {
	at.Describe(&r.Gateway, "The gateway that serves the URL: the output `gateway` of a ModelGateway, or a Gateway of your own.")
	at.Describe(&r.Backends, "Who answers, and in which shares. Up to 16 endpoints in all; replicas of one server go into one "+
		"endpoint's `urls`.")
	at.Describe(&r.Rules, "Other backends for requests with certain headers, up to 15 rules. `backends` answers all other requests, and the output `shares` is about these alone. Default: none.")
	at.Describe(&r.Hostnames, "The host names that the service answers to; the first label may be the wildcard `*`, but not of "+
		"all of them. Up to 16. Default: every name that points to the gateway.")
	at.Describe(&r.Path, "The service's path, unique on the gateway. Each endpoint's base path takes its place. Starts with a "+
		"slash, without one at its end. Default: `/<namespace>/<name>/v1`. A path outside of `/<namespace>/` needs the gateway's "+
		"`allowAnyPath`. A path above an API's own, such as `/chat` in front of "+
		"a server whose base path is `/`, exposes all of that server, `/health` and the like included.")
	at.Describe(&r.AllowAnonymous, "Set it to true if you mean to let anyone who can reach the gateway use the endpoints' keys. Default: false, "+
		"so that `pulumi up` warns of a service with a key, and without `auth` or `allowFrom`, on a gateway that the internet can reach.")
	at.SetDefault(&r.AllowAnonymous, false)
}

// Await says whether Pulumi waits for the gateway.
type Await struct {
	SkipAwait bool `pulumi:"skipAwait,optional"`
}

// Annotate describes the input for the schema.
func (a *Await) Annotate(at infer.Annotator) {
	at.Describe(&a.SkipAwait, "Whether `pulumi up` goes on without waiting for the gateway to accept the route. Default: false: an update that "+
		"the gateway does not accept within two minutes (or the `customTimeouts` of the component) fails.")
	at.SetDefault(&a.SkipAwait, false)
}

// Backend is an endpoint, or several, with a share of the traffic.
type Backend struct {
	Endpoint  *endpoint.BackendReference  `pulumi:"endpoint,optional"`
	Endpoints []endpoint.BackendReference `pulumi:"endpoints,optional"`
	Weight    int                         `pulumi:"weight,optional"`
	Priority  int                         `pulumi:"priority,optional"`
}

// Annotate describes the type for the schema.
func (b *Backend) Annotate(at infer.Annotator) {
	at.SetToken("index", "ServiceBackend")
	at.Describe(b, "One endpoint, or several, with a share of a service's traffic.")
	at.Describe(&b.Endpoint, "The endpoint: the output `backend` of a ModelEndpoint. Give either `endpoint` or `endpoints`.")
	at.Describe(&b.Endpoints, "Several endpoints that share the weight, evenly or by their `share`: the output `endpoints` of a ModelDeployment.")
	at.Describe(&b.Weight, "This entry's share of the traffic as a whole, in proportion to the other entries' weights, "+
		"however many endpoints it has: 0 to 1,000,000. Default: 1.")
	at.SetDefault(&b.Weight, 1)
	at.Describe(&b.Priority, "Who is asked first: the entries with the smallest number. The next ones get a request only when these have failed it, or "+
		"are out: 0 to 15. Default: 0.")
	at.SetDefault(&b.Priority, 0)
}

// Share is what one endpoint gets.
type Share struct {
	Endpoint string  `pulumi:"endpoint"`
	Weight   int     `pulumi:"weight"`
	Share    float64 `pulumi:"share"`
}

// Annotate describes the type for the schema.
func (s *Share) Annotate(at infer.Annotator) {
	at.SetToken("index", "BackendShare")
	at.Describe(s, "The share of a service's traffic that one endpoint gets.")
	at.Describe(&s.Endpoint, "The endpoint's name.")
	at.Describe(&s.Weight, "Its weight among the endpoints of its priority.")
	at.Describe(&s.Share, "Its part of all requests, from 0 to 1.")
}
