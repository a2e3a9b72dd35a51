package gateway

import (
	"github.com/pulumi/pulumi-go-provider/infer"
)

// Reference is a gateway as a service takes it.
type Reference struct {
	Name      string `pulumi:"name"`
	Namespace string `pulumi:"namespace"`
	Listener  string `pulumi:"listener,optional"`
	URL       string `pulumi:"url"`
	Plugin    bool   `pulumi:"plugin,optional"`
}

// Annotate describes the type for the schema.
func (r *Reference) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewayReference")
	at.Describe(r, "A gateway as a service takes it: the output `gateway` of a ModelGateway, or written by hand for a "+
		"Gateway that somebody else runs with Traefik 3.7.13 or newer.")
	at.Describe(&r.Name, "The name of the Gateway.")
	at.Describe(&r.Namespace, "The Gateway's namespace.")
	at.Describe(&r.Listener, "The listener that routes attach to. Default: `http`.")
	at.SetDefault(&r.Listener, Listener)
	at.Describe(&r.URL, "The URL that clients reach the listener by, without a path, such as `http://203.0.113.7`.")
	at.Describe(&r.Plugin, "Whether its Traefik runs the modelplane plugin, which endpoints with a key need. Default: false.")
	at.SetDefault(&r.Plugin, false)
}
