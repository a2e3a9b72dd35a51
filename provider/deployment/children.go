package deployment

import (
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/modelplane/pulumi-modelplane/provider/cluster"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// The keys of a deployment's children on one cluster.
const (
	claimKey    = "claim"
	workloadKey = "workload"
	budgetKey   = "budget"
	serviceKey  = "service"
	routeKey    = "route"
	kserveKey   = "KServe"
)

// acceptTimeout is how long the cluster's gateway has to accept the route.
const acceptTimeout = "2m"

// children are the objects that a deployment is made of on one cluster, with this many replicas on it. The route comes last and goes
// first: it leads to replicas that are ready.
func children(component, name string, c cluster.Reference, replicas int, p value.Value[plan]) []child.Child {
	resourceName := onClusterName(component, name, c.Facts.Name)
	fixed := child.Fixed(name)
	p = value.Map(p, func(p plan) plan { return p.on(c.Facts) })
	list := []child.Child{
		{
			// The template of a claim never changes: another one comes beside it, and Pods are replaced one by one.
			Key: claimKey, Kind: kube.ResourceClaimTemplate, Omit: !claims(p.Now().placing.Request.Devices),
			Hash:   child.From(p, func(p plan) string { return names.Hash(p.claim()) }),
			Fields: child.Fields{"spec": child.From(p, plan.claim)},
		},
		workload(replicas, p),
		{
			Key: budgetKey, Kind: kube.PodDisruptionBudget, Name: fixed, After: []string{workloadKey},
			Fields: child.Fields{"spec": child.From(p, plan.budget)},
		},
		{
			// The replicas have been waited for, so that their Service has nothing more to wait for.
			Key: serviceKey, Kind: kube.Service, Name: fixed, After: []string{workloadKey}, Annotations: child.Fixed(kube.SkipAwait()),
			Fields: child.Fields{"spec": child.From(p, plan.service)},
		},
		{
			Key: routeKey, Kind: kube.HTTPRoute, Name: fixed, After: []string{workloadKey, serviceKey}, Owned: true, Timeout: acceptTimeout,
			Annotations: child.Fixed(kube.WaitForRoute(c.Gateway.Name)),
			Fields:      child.Fields{"spec": child.From(p, func(p plan) any { return p.route(parent(c.Gateway), name) })},
		},
	}
	if c.IsKServe() {
		list = []child.Child{list[0], served(c, replicas, p)}
	}
	for i := range list {
		list[i].ResourceName = resourceName
	}
	return list
}

// onClusterName is the Pulumi name of what a deployment has on, or for, one cluster.
func onClusterName(component, name, cluster string) string {
	return names.Child(endpointName(name, cluster), component, cluster)
}

// parent is the cluster's gateway as a route names it.
func parent(g cluster.GatewayReference) gatewayv1.ParentReference {
	return gatewayv1.ParentReference{
		Group: ptr.To(gatewayv1.Group(gatewayv1.GroupName)), Kind: ptr.To(gatewayv1.Kind("Gateway")),
		Namespace: ptr.To(gatewayv1.Namespace(g.Namespace)), Name: gatewayv1.ObjectName(g.Name),
		SectionName: ptr.To(gatewayv1.SectionName(g.Listener)),
	}
}
