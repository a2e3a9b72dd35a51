package catalog

import (
	"github.com/pulumi/pulumi-go-provider/infer"

	"github.com/modelplane/pulumi-modelplane/provider/gateway"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/service"
)

// Args are the inputs of a [ModelCatalog], in the parts that become known together.
type Args struct {
	Listing
	service.Policy
	service.Await
	meta.Identity
	meta.Metadata
}

// Annotate describes the inputs for the schema.
func (a *Args) Annotate(at infer.Annotator) {
	at.Describe(&a.Name, "The name of the HTTPRoute, which no service of the namespace may have. Up to 63 characters (RFC 1035). Default: the Pulumi name.")
	at.Describe(&a.Namespace, "The namespace of the HTTPRoute, and of all services; it must exist. Default: `default`.")
	at.SetDefault(&a.Namespace, meta.DefaultNamespace)
	at.Describe(&a.Labels, "Labels for all objects of the catalog.")
	at.Describe(&a.Annotations, "Annotations for all objects of the catalog.")
}

// Listing says which models there are, and where clients reach them.
type Listing struct {
	Gateway        gateway.Reference `pulumi:"gateway"`
	Models         []Model           `pulumi:"models"`
	Hostnames      []string          `pulumi:"hostnames,optional"`
	Path           *string           `pulumi:"path,optional"`
	AllowAnonymous bool              `pulumi:"allowAnonymous,optional"`
}

// Annotate describes the inputs for the schema.
func (l *Listing) Annotate(at infer.Annotator) {
	at.Describe(&l.Gateway, "The gateway that serves the URL: the output `gateway` of a ModelGateway, that of the services.")
	at.Describe(&l.Models, "The models, up to 100. A name that is there as a whole comes before all wildcards, and of these the longest one comes first.")
	at.Describe(&l.Hostnames, "The host names that the catalog answers to; the first label may be the wildcard `*`, but not of "+
		"all of them. Up to 16. Default: every name that points to the gateway.")
	at.Describe(&l.Path, "The path of the base URL, unique on the gateway. Each endpoint's base path takes its place. Starts with a slash, without one at its end. "+
		"Default: `/v1`. Another path outside of `/<namespace>/` needs the gateway's `allowAnyPath`.")
	at.Describe(&l.AllowAnonymous, "Set it to true if you mean to let anyone who can reach the gateway use the endpoints' keys. Default: false, "+
		"so that `pulumi up` warns of a catalog with a key, and without `auth` or `allowFrom`, on a gateway that the internet can reach.")
	at.SetDefault(&l.AllowAnonymous, false)
}

// Model is a model of a catalog.
type Model struct {
	Name             string            `pulumi:"name"`
	Aliases          []string          `pulumi:"aliases,optional"`
	Service          service.Reference `pulumi:"service"`
	Fallbacks        []string          `pulumi:"fallbacks,optional"`
	ContextFallbacks []string          `pulumi:"contextFallbacks,optional"`
}

// Annotate describes the type for the schema.
func (m *Model) Annotate(at infer.Annotator) {
	at.SetToken("index", "CatalogModel")
	at.Describe(m, "A model of a catalog: what clients call it, and the service that answers for it.")
	at.Describe(&m.Name, "What clients call the model, and what servers are sent whose endpoint has no `model` of its own: 1 to 256 bytes. A name that ends with `*` is "+
		"that of all models whose names begin like this; they are not listed, and servers are sent the name as the client writes it.")
	at.Describe(&m.Aliases, "Other names for it, up to 16, wildcards too, but none for a wildcard. They are not listed, and servers are sent `name` in their place.")
	at.Describe(&m.Service, "The service that answers: the output `service` of a ModelService in the catalog's namespace.")
	at.Describe(&m.Fallbacks, "Other models of this catalog, by name, that are asked in this order where this one cannot answer: its service's last answer has the status 429 or 500 to 599. Up to 5. The header "+
		"`X-Modelplane-Model` names the one that has answered. Each is held to the limits of its own service, and a key that is not for it passes it over. A limit of the gateway itself is no reason to ask another "+
		"one. Default: none.")
	at.Describe(&m.ContextFallbacks, "Other models of this catalog, by name, that are asked in this order where a request is too long for this one: the answer has the status 400 or 413, and says so in the words of OpenAI, vLLM, "+
		"Groq, Mistral, Anthropic or Google. Up to 5. Default: none.")
}
