package cluster

import (
	"cmp"

	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
)

const (
	// Listener is the name of the listener that routes attach to.
	Listener = "http"

	// controllerPrefix makes the name of the Envoy Gateway that serves a cluster's class.
	controllerPrefix = "gateway.envoyproxy.io/"
)

// plan is all that is decided about a cluster, except the charts.
type plan struct {
	identity meta.Identity
	gateway  GatewayArgs
}

// check finds every fault of a cluster's arguments.
func check(name string, a Args) fault.List {
	_, faults := decide(a.OrOwn(name), a.Serving)
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

func decide(identity meta.Identity, s Serving) (plan, fault.List) {
	var faults fault.List
	gateway := ptr.Deref(s.Gateway, GatewayArgs{Port: 80, Replicas: 2})
	if gateway.Port < 1 || gateway.Port > 65535 {
		faults.Addf("gateway.port", "%d is outside 1 to 65535", gateway.Port)
	}
	if gateway.Replicas < 1 || gateway.Replicas > 1000 {
		faults.Addf("gateway.replicas", "%d is outside 1 to 1000", gateway.Replicas)
	}
	if gateway.ClassName != nil {
		faults.AddErr("gateway.className", names.Existing(*gateway.ClassName))
	}
	return plan{identity: identity, gateway: gateway}, faults
}

func (p plan) name() string          { return p.identity.Name }
func (p plan) namespaceName() string { return p.identity.Namespace }

// ownClass is the name of the cluster's own GatewayClass. Neither part has a dot in it.
func (p plan) ownClass() string { return p.identity.Namespace + "." + p.identity.Name }

// className is the class of the Gateway.
func (p plan) className() string { return ptr.Deref(p.gateway.ClassName, p.ownClass()) }

// controller tells this Envoy Gateway from others on the cluster.
func (p plan) controller() string { return controllerPrefix + p.ownClass() }

// reference is what a deployment takes. Provider is empty where the cluster is that of the deployment's own provider.
func (p plan) reference(f Facts, gateway, provider string) Reference {
	reference := Reference{
		Facts:   f.facts(p.name()),
		Gateway: GatewayReference{Name: p.name(), Namespace: p.namespaceName(), Listener: Listener}, GatewayURN: &gateway,
	}
	if provider != "" {
		reference.ProviderURN = &provider
	}
	return reference
}
