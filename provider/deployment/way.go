package deployment

import (
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/cluster"
	"github.com/modelplane/pulumi-modelplane/provider/endpoint"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// way is how a cluster is reached: by a Kubernetes provider, and by the URL of its gateway, with a key and a certificate where the
// gateway has them.
type way struct {
	// provider is nil for the deployment's own.
	provider *child.Provider
	url      pulumix.Output[string]
	// hostName is what the gateway's certificate is verified for; nil for plain HTTP.
	hostName *string
	// key and authority are nil where there is none.
	key, authority *pulumix.Output[string]
}

// wayTo is the way that the program gives for a cluster of another stack, or that its reference names.
func (in Inputs) wayTo(owner child.Owner, c cluster.Reference) (way, error) {
	if given, connected := in.connection(c.Facts.Name); connected {
		return in.connect(owner, c, given)
	}
	w := way{hostName: c.Gateway.HostName}
	gateway, err := owner.ObjectOf(ptr.Deref(c.GatewayURN, ""), kube.Gateway.Token)
	if err != nil {
		return w, err
	}
	w.url = cluster.URLOf(gateway)
	if w.key, err = lookUp(owner, c.KeyURN, cluster.KeyOf); err != nil {
		return w, err
	}
	if w.authority, err = lookUp(owner, c.CAURN, cluster.AuthorityOf); err != nil {
		return w, err
	}
	if c.ProviderURN != nil {
		w.provider, err = owner.ProviderOf(*c.ProviderURN)
	}
	return w, err
}

// connection is what is known of the connection to a cluster that the program gives. Of a map that preview does not know, it is all that one
// can hold.
func (in Inputs) connection(name string) (cluster.Connection, bool) {
	given := in.Access.Now().Connections
	if !in.Access.Complete() && given != nil && len(given) == 0 {
		return cluster.Connection{Kubeconfig: ptr.To(""), APIKey: ptr.To(""), CACertificate: ptr.To("")}, true
	}
	known, connected := given[name]
	return known, connected
}

// lookUp is what read finds in the data of a Secret of this stack; nil without one.
func lookUp(owner child.Owner, urn *string, read func(map[string]any) (string, error)) (*pulumix.Output[string], error) {
	if urn == nil {
		return nil, nil
	}
	object, err := owner.ObjectOf(*urn, kube.Secret.Token)
	if err != nil {
		return nil, err
	}
	return ptr.To(pulumix.ApplyErr(child.Map(object.Data), read)), nil
}

// connect is the way of a connection, of which given is what is known now.
func (in Inputs) connect(owner child.Owner, c cluster.Reference, given cluster.Connection) (way, error) {
	name := c.Facts.Name
	of := func(read func(cluster.Connection) string) pulumix.Output[string] {
		return pulumix.Apply(in.Access.Output(), func(a Access) string { return read(a.Connections[name]) })
	}
	w := way{hostName: c.Gateway.HostName}
	// Only the key and the kubeconfig are secret.
	w.url = value.Open(of(func(c cluster.Connection) string { return strings.TrimSuffix(c.URL, "/") }))
	if given.APIKey != nil {
		w.key = ptr.To(of(func(c cluster.Connection) string { return ptr.Deref(c.APIKey, "") }))
	}
	if given.CACertificate != nil {
		w.authority = ptr.To(of(func(c cluster.Connection) string { return ptr.Deref(c.CACertificate, "") }))
	}
	if given.Kubeconfig == nil {
		return w, nil
	}
	kubeconfig := of(func(c cluster.Connection) string { return ptr.Deref(c.Kubeconfig, "") })
	var err error
	w.provider, err = owner.NewProvider(owner.ChildName(name), kubeconfig, name, false)
	return w, err
}

// server is what the endpoint of a model's base URL sends requests to, and the key that it sends with them.
func (w way) server(baseURL pulumix.Output[string]) (value.Value[endpoint.Server], value.Value[endpoint.Credential]) {
	var server endpoint.Server
	credential := value.Known(endpoint.Credential{})
	if w.key != nil {
		server.APIKeyHeader = ptr.To(cluster.KeyHeader)
		credential = value.Partly(endpoint.Credential{APIKey: ptr.To("")}, pulumix.Apply(value.Secret(*w.key), func(key string) endpoint.Credential {
			return endpoint.Credential{APIKey: &key}
		}))
	}
	authority := pulumix.Val("")
	if w.hostName != nil {
		server.TLS = &endpoint.TLS{ServerName: w.hostName}
		if w.authority != nil {
			server.TLS.CACertificate = ptr.To("")
			authority = value.Open(*w.authority)
		}
	}
	return value.Partly(server, pulumix.Apply2(baseURL, authority, func(url, authority string) endpoint.Server {
		server := server
		server.URL = url
		if authority != "" {
			server.TLS = &endpoint.TLS{ServerName: w.hostName, CACertificate: &authority}
		}
		return server
	})), credential
}
