package gateway

import (
	"github.com/pulumi/pulumi-go-provider/infer"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
)

// Proxied says what is in front of a gateway, and so how it learns clients' addresses.
type Proxied struct {
	TrustedProxies []string `pulumi:"trustedProxies,optional"`
	ProxyProtocol  bool     `pulumi:"proxyProtocol,optional"`
}

// Annotate describes the inputs for the schema.
func (p *Proxied) Annotate(at infer.Annotator) {
	at.Describe(&p.TrustedProxies, "The IP ranges, in CIDR notation (`10.0.0.0/8`), from which proxies connect that say whom they ask for. Their "+
		"`X-Forwarded-` headers are believed and passed on, and everybody else's are removed. Whoever can connect from these ranges can pass for "+
		"any client. Default: none, the client is whoever connects.")
	at.Describe(&p.ProxyProtocol, "Whether the `trustedProxies` begin each connection with the client's address, by the PROXY protocol in version 1 or 2, as "+
		"load balancers do that pass TCP on. Default: false.")
	at.SetDefault(&p.ProxyProtocol, false)
}

// TrafficPolicy says to which nodes' Pods a node sends connections from outside of the cluster.
type TrafficPolicy string

// The policies of Kubernetes (https://kubernetes.io/docs/reference/networking/virtual-ips/#external-traffic-policy).
const (
	ToCluster TrafficPolicy = "Cluster"
	ToLocal   TrafficPolicy = "Local"
)

// Values lists the policies for the schema.
func (TrafficPolicy) Values() []infer.EnumValue[TrafficPolicy] {
	return []infer.EnumValue[TrafficPolicy]{
		{Name: "Cluster", Value: ToCluster, Description: "To Pods of every node. The gateway sees a node's address in place of the client's."},
		{Name: "Local", Value: ToLocal, Description: "To Pods of the same node, with the client's address. A node without one takes no connections."},
	}
}

// Annotate describes the type for the schema.
func (t *TrafficPolicy) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewayTrafficPolicy")
	at.Describe(t, "To which Pods a node sends connections from outside of the cluster.")
}

// withProxied is the plan of a gateway with these proxies in front of it.
func (p plan) withProxied(in Proxied) (plan, fault.List) {
	var faults fault.List
	CheckProxies("trustedProxies", in.TrustedProxies, &faults)
	if in.ProxyProtocol && len(in.TrustedProxies) == 0 {
		faults.Add("proxyProtocol", "is true, but trustedProxies names nobody who may use it; write the IP ranges of the load balancer there",
			"trustedProxies")
	}
	p.settings.Clients.TrustedProxies, p.settings.Clients.ProxyProtocol = in.TrustedProxies, in.ProxyProtocol
	return p, faults
}
