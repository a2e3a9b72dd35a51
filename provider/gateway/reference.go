package gateway

import (
	"github.com/pulumi/pulumi-go-provider/infer"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/target"
)

// Reference is a gateway as a service takes it.
type Reference struct {
	Name          string `pulumi:"name"`
	Namespace     string `pulumi:"namespace"`
	Listener      string `pulumi:"listener,optional"`
	URL           string `pulumi:"url"`
	ClusterURL    string `pulumi:"clusterUrl,optional"`
	PluginVersion string `pulumi:"pluginVersion,optional"`
	Inner         string `pulumi:"inner,optional"`
	Public        bool   `pulumi:"public,optional"`
	AllowAnyPath  bool   `pulumi:"allowAnyPath,optional"`
	// TrustedProxies are ranges of addresses, as the plugin takes them.
	TrustedProxies []string `pulumi:"trustedProxies,optional"`
	Observed       bool     `pulumi:"observed,optional"`
	Tokens         bool     `pulumi:"tokens,optional"`
	SharedLimits   bool     `pulumi:"sharedLimits,optional"`
	// PlainListener and Hostnames are a gateway's with HTTPS.
	PlainListener *string  `pulumi:"plainListener,optional"`
	Hostnames     []string `pulumi:"hostnames,optional"`
}

// Annotate describes the type for the schema.
func (r *Reference) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewayReference")
	at.Describe(r, "A gateway as a service takes it: the output `gateway` of a ModelGateway, or written by hand for a "+
		"Gateway that is there already, with Traefik 3.7.13 or newer.")
	at.Describe(&r.Name, "The name of the Gateway.")
	at.Describe(&r.Namespace, "The Gateway's namespace.")
	at.Describe(&r.Listener, "The listener that routes attach to. Default: `http`.")
	at.SetDefault(&r.Listener, Listener)
	at.Describe(&r.URL, "The URL that clients reach the listener by, without a path, such as `http://203.0.113.7`.")
	at.Describe(&r.ClusterURL, "The URL that clients inside the cluster reach the listener by. Default: none is known.")
	at.Describe(&r.PluginVersion, "The version of the modelplane plugin that its Traefik runs, which endpoints with a key need. "+
		"Default: none, it does not run the plugin.")
	at.Describe(&r.Inner, "The Gateway, in the same namespace, on which the plugin asks for one backend of a service. Services with "+
		"`failover`, `outlierEjection`, `affinity`, `mirror` or a `priority` need it. Default: none.")
	at.Describe(&r.Public, "Whether the listener can be reached from the internet, as far as is known. Default: false.")
	at.SetDefault(&r.Public, false)
	at.Describe(&r.AllowAnyPath, "Whether a service may have a path outside of `/<its namespace>/`. A ModelCatalog may have `/v1` in any case. Default: false.")
	at.SetDefault(&r.AllowAnyPath, false)
	at.Describe(&r.TrustedProxies, "The IP ranges of the proxies that its Traefik believes about clients' addresses, for `allowFrom` and `limits`. Default: none.")
	at.Describe(&r.Observed, "Whether its Traefik counts or logs requests. Services then have the modelplane plugin count, and add the header "+
		"`X-Modelplane-Endpoint` to each answer. Default: false.")
	at.SetDefault(&r.Observed, false)
	at.Describe(&r.Tokens, "Whether it counts tokens, too. Default: false.")
	at.SetDefault(&r.Tokens, false)
	at.Describe(&r.SharedLimits, "Whether its replicas count tokens together. Default: false.")
	at.SetDefault(&r.SharedLimits, false)
	at.Describe(&r.PlainListener, "The listener of plain HTTP that routes attach to as well, where the gateway serves both. Default: none.")
	at.Describe(&r.Hostnames, "The host names that the listener has certificates for. Default: a service may have any.")
}

// HasPlugin says whether its Traefik runs the plugin.
func (r Reference) HasPlugin() bool { return r.PluginVersion != "" }

// CheckProxies finds ranges, at path, that are not those of proxies.
func CheckProxies(path string, ranges []string, faults *fault.List) {
	for i, text := range ranges {
		_, err := target.ParseProxies(text)
		faults.AddErr(fault.Index(path, i), err)
	}
}

// HasCertificate says whether clients can ask for a host name, as far as is known.
func (r Reference) HasCertificate(hostname string) bool {
	return len(r.Hostnames) == 0 || covers(r.Hostnames, hostname)
}
