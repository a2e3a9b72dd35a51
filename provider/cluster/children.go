package cluster

import (
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/crds"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// readyTimeout is how long Envoy Gateway and Envoy have to run, and to get an address.
const readyTimeout = "10m"

// The keys of a cluster's children. Those of CRDs are their names.
const (
	namespaceKey = "namespace"
	releaseKey   = "release"
	classKey     = "class"
	gatewayKey   = "gateway"
)

// children are the objects that a cluster is given. They are deleted in the reverse order: Envoy Gateway ends its proxies only
// while it runs.
func children(component string, isNamed bool, in Inputs, p value.Value[plan]) ([]child.Child, error) {
	name := child.Fixed(in.Identity.Now().Name)
	identified := value.Map(in.Identity, func(i meta.Identity) plan { return plan{identity: i} })
	named := func(name func(plan) string) child.Field { return child.From(identified, name) }
	installed := in.Components.Now().installsEnvoyGateway()
	list, err := crdChildren(component, in)
	if err != nil {
		return nil, err
	}
	before := []string{namespaceKey}
	for _, crd := range list {
		before = append(before, crd.Key)
	}
	return append(list,
		child.Child{
			Key: namespaceKey, Kind: kube.Namespace, Omit: isNamed, Name: named(plan.namespaceName), Owned: true,
		},
		child.Child{
			Key: releaseKey, Kind: kube.Release, After: before, Name: name, Omit: !installed,
			Fields: child.Fields{
				"name":           name,
				"namespace":      named(plan.namespaceName),
				"chart":          child.Open(child.From(in.Source, func(s Source) string { return s.chart().Name })),
				"version":        child.Open(child.From(in.Source, func(s Source) string { return s.chart().Version })),
				"repositoryOpts": child.Open(child.From(in.Source, func(s Source) map[string]string { return s.chart().RepositoryOpts() })),
				"values":         child.From(value.Join(p, in.Source), func(of value.Pair[plan, Source]) map[string]any { return of.A.values(of.B) }),
				"skipCrds":       child.Fixed(true),
			},
		},
		child.Child{
			Key: classKey, Kind: kube.GatewayClass, After: []string{releaseKey}, Name: named(plan.ownClass), Owned: true, Omit: !installed,
			Annotations: child.Fixed(kube.WaitForConditions("$.status.conditions", "Accepted")), Timeout: readyTimeout,
			Fields: child.Fields{"spec": child.From(p, plan.class)},
		},
		child.Child{
			// It waits until Envoy runs and has an address.
			Key: gatewayKey, Kind: kube.Gateway, After: append(before, classKey), Name: name, Owned: true,
			Annotations: child.Fixed(kube.WaitForConditions("$.status.conditions", "Programmed")), Timeout: readyTimeout,
			Fields: child.Fields{"spec": child.From(p, plan.spec)},
		},
	), nil
}

// ownCRDs is what a cluster must have if the component does not install CRDs.
const ownCRDs = "Set gatewayApi: Existing for this cluster. It must then have the CRDs of the Gateway API's standard channel, " +
	crds.OldestGatewayAPI + " or newer, and Envoy Gateway's."

func crdChildren(component string, in Inputs) ([]child.Child, error) {
	if !in.Components.Now().installsGatewayAPI() {
		return nil, nil
	}
	all, err := crds.EnvoyGateway.CRDs()
	return crds.Children(all, names.Child(in.Identity.Now().Name, component), func(failure string) string { return crds.Advise(failure, ownCRDs) }), err
}

// class is the cluster's own GatewayClass.
func (p plan) class() gatewayv1.GatewayClassSpec {
	return gatewayv1.GatewayClassSpec{ControllerName: gatewayv1.GatewayController(p.controller())}
}

func (p plan) spec() gatewayv1.GatewaySpec {
	return gatewayv1.GatewaySpec{
		GatewayClassName: gatewayv1.ObjectName(p.className()),
		Listeners: []gatewayv1.Listener{{
			Name: Listener, Protocol: gatewayv1.HTTPProtocolType, Port: gatewayv1.PortNumber(p.gateway.Port),
			AllowedRoutes: &gatewayv1.AllowedRoutes{Namespaces: &gatewayv1.RouteNamespaces{From: ptr.To(gatewayv1.NamespacesFromAll)}},
		}},
	}
}
