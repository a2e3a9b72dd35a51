package gateway

import (
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// The keys of the objects of the inner listener.
const (
	innerGuardKey = "inner guard"
	innerKey      = "inner"
)

// innerName is what the Gateway of the inner listener is called, and the Middleware in front of it.
func (p plan) innerName() string { return p.identity.Name + "-inner" }

// innerGuard is the Middleware in front of the inner listener, which lets nobody but the plugin in.
func innerGuard(component string, identity meta.Identity, before []string) child.Child {
	return child.Child{
		Key: innerGuardKey, Kind: kube.Middleware, After: before, Owned: true,
		Name: child.Fixed(plan{identity: identity}.innerName()), ResourceName: names.Child(identity.Name, component) + "-inner",
		Fields: child.Fields{"spec": child.Fixed(map[string]any{"plugin": map[string]any{plugin.Name: plugin.Config{Inner: true}}})},
	}
}

// innerListener is a Gateway on the loopback address of Traefik's Pods, where the plugin asks for one backend of a service. It is a Gateway of its
// own, so that no route without a listener's name attaches to both.
func innerListener(component string, identity meta.Identity, p value.Value[plan], advice func(string) string) child.Child {
	return child.Child{
		Key: innerKey, Kind: kube.Gateway, After: []string{classKey, workloadKey}, Owned: true,
		Name: child.Fixed(plan{identity: identity}.innerName()), ResourceName: names.Child(identity.Name, component) + "-inner",
		Annotations: child.Fixed(kube.WaitForConditions("$.status.conditions", "Programmed")), Timeout: readyTimeout, Advice: advice,
		Fields: child.Fields{"spec": child.From(p, plan.innerGateway)},
	}
}

func (p plan) innerGateway() gatewayv1.GatewaySpec {
	return gatewayv1.GatewaySpec{
		GatewayClassName: gatewayv1.ObjectName(p.className()),
		Listeners: []gatewayv1.Listener{{
			Name: Listener, Protocol: gatewayv1.HTTPProtocolType, Port: chart.InnerPort,
			AllowedRoutes: &gatewayv1.AllowedRoutes{Namespaces: &p.namespaces},
		}},
	}
}
