package cluster

import (
	"cmp"

	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/target"
)

const (
	// controllerPrefix makes the name of the Envoy Gateway that serves a cluster's class.
	controllerPrefix = "gateway.envoyproxy.io/"
)

// plan is all that is decided about a cluster, except the charts.
type plan struct {
	identity meta.Identity
	gateway  GatewayArgs
	// namespaces are those whose routes the gateway takes.
	namespaces gatewayv1.RouteNamespaces
	// isSecured says that the gateway has a certificate.
	isSecured bool
}

// check finds every fault of a cluster's arguments.
func check(name string, a Args) fault.List {
	_, faults := decide(a.OrOwn(name), a.Serving, a.isSecured())
	faults = append(faults, a.checkHop(ptr.Deref(ptr.Deref(a.Gateway, GatewayArgs{}).HostName, ""))...)
	a.CheckOwn(name, &faults)
	if !a.installsEnvoyGateway() && ptr.Deref(ptr.Deref(a.Gateway, GatewayArgs{}).ClassName, "") == "" {
		faults.Add("gateway.className", "is required with envoyGateway: Existing; write the name of the GatewayClass", "envoyGateway")
	}
	if a.DeleteUnreachable && a.Kubeconfig == nil {
		faults.Add("deleteUnreachable", "needs kubeconfig; set it on your own Kubernetes provider instead", "kubeconfig")
	}
	faults = append(faults, names.Metadata(nil, a.Annotations)...)
	return append(faults, a.facts(cmp.Or(a.Name, name)).Check("")...)
}

func decide(identity meta.Identity, s Serving, isSecured bool) (plan, fault.List) {
	var faults fault.List
	gateway := ptr.Deref(s.Gateway, GatewayArgs{Replicas: 2})
	if port := ptr.Deref(gateway.Port, 80); port < 1 || port > 65535 {
		faults.Addf("gateway.port", "%d is outside 1 to 65535", port)
	}
	switch {
	case isSecured && gateway.HostName == nil:
		faults.Add("gateway.hostName", "is required with tls; write the host name that the certificate is for", "tls")
	case !isSecured && gateway.HostName != nil:
		faults.Add("gateway.hostName", "is given without tls; give tls, or leave it out", "tls")
	case isSecured:
		_, err := target.ParseHostname(*gateway.HostName)
		faults.AddErr("gateway.hostName", err)
	}
	if gateway.Replicas < 1 || gateway.Replicas > 1000 {
		faults.Addf("gateway.replicas", "%d is outside 1 to 1000", gateway.Replicas)
	}
	if gateway.ClassName != nil {
		faults.AddErr("gateway.className", names.Existing(*gateway.ClassName))
	}
	namespaces := gateway.AllowedNamespaces.Routes("gateway.allowedNamespaces", &faults)
	return plan{identity: identity, gateway: gateway, namespaces: namespaces, isSecured: isSecured}, faults
}

func (p plan) name() string          { return p.identity.Name }
func (p plan) namespaceName() string { return p.identity.Namespace }

// ownClass is the name of the cluster's own GatewayClass. Neither part has a dot in it.
func (p plan) ownClass() string { return p.identity.Namespace + "." + p.identity.Name }

// className is the class of the Gateway.
func (p plan) className() string { return ptr.Deref(p.gateway.ClassName, p.ownClass()) }

// scheme is how requests reach the Gateway. It is also the name of the listener that routes attach to.
func (p plan) scheme() string {
	if p.isSecured {
		return target.HTTPS
	}
	return target.HTTP
}

// port is the port of that listener.
func (p plan) port() int {
	if p.isSecured {
		return ptr.Deref(p.gateway.Port, 443)
	}
	return ptr.Deref(p.gateway.Port, 80)
}

// controller tells this Envoy Gateway from others on the cluster.
func (p plan) controller() string { return controllerPrefix + p.ownClass() }

// urns are those of what a deployment looks up. One that there is not is empty; no provider is that of the deployment itself.
type urns struct{ gateway, provider, key, ca string }

// reference is what a deployment takes.
func (p plan) reference(f Facts, c Components, u urns) Reference {
	facts := f.facts(p.name())
	facts.LeaderWorkerSet = c.hasLeaderWorkerSet()
	return Reference{
		Facts:      facts,
		Serving:    c.serving(),
		Gateway:    GatewayReference{Name: p.name(), Namespace: p.namespaceName(), Listener: p.scheme(), HostName: p.gateway.HostName},
		GatewayURN: orNil(u.gateway), ProviderURN: orNil(u.provider), KeyURN: orNil(u.key), CAURN: orNil(u.ca),
	}
}

func orNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
