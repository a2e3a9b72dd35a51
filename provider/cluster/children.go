package cluster

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
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
	namespaceKey   = "namespace"
	releaseKey     = "release"
	workloadKey    = "deployment"
	groupsKey      = "LeaderWorkerSet"
	classKey       = "class"
	certificateKey = "certificate"
	gatewayKey     = "gateway"
	clientsKey     = "clients"
	policyKey      = "policy"
)

// controllerDeployment is the name of Envoy Gateway's Deployment, which its chart does not let us choose.
const controllerDeployment = "envoy-gateway"

// children are the objects that a cluster is given. They are deleted in the reverse order: Envoy Gateway ends its proxies only
// while it runs.
func children(component string, isNamed bool, in Inputs, p value.Value[plan]) ([]child.Child, error) {
	name := child.Fixed(in.Identity.Now().Name)
	identified := value.Map(in.Identity, func(i meta.Identity) plan { return plan{identity: i} })
	named := func(name func(plan) string) child.Field { return child.From(identified, name) }
	installed, hop := in.Components.Now().installsEnvoyGateway(), in.Hop.Now()
	secretName := func(key string) string { return names.Child(in.Identity.Now().Name, component, key) }
	list, err := crdChildren(component, in)
	if err != nil {
		return nil, err
	}
	before := []string{namespaceKey}
	for _, crd := range list {
		before = append(before, crd.Key)
	}
	advise := func(advice func(plan, string) string) func(string) string {
		return func(failure string) string { return advice(p.Now(), failure) }
	}
	release := child.Release(releaseKey, name, named(plan.namespaceName), value.Map(in.Source, Source.chart),
		child.From(value.Join(p, in.Source), func(of value.Pair[plan, Source]) map[string]any { return of.A.values(of.B) }), before...)
	release.Omit, release.Advice = !installed, advise(adviseOnRelease)
	rollout := child.Rollout(workloadKey, releaseKey, child.Fixed(controllerDeployment), readyTimeout)
	rollout.Omit, rollout.Advice = !installed, advise(func(p plan, failure string) string {
		return adviseOnRollout(in.Components.Now().installsGatewayAPI(), p, failure)
	})
	// Its webhooks have fixed names, so there is one release on a cluster. Its CRD is in the chart, and stays. What its Deployment is called is for
	// the chart's values to say, so Helm waits for it.
	groups := child.WholeRelease(groupsKey, child.Fixed(groupsRelease), named(plan.namespaceName), value.Map(in.Source, Source.leaderWorkerSet),
		child.From(in.Source, Source.leaderWorkerSetValues), namespaceKey)
	groups.Omit, groups.Advice = !in.Components.Now().installsLeaderWorkerSet(), adviseOnGroups
	groups.ResourceName = names.Child(in.Identity.Now().Name, component) + "-" + groupsRelease
	return append(list,
		child.Child{
			Key: namespaceKey, Kind: kube.Namespace, Omit: isNamed, Name: named(plan.namespaceName), Owned: true,
		},
		release,
		rollout,
		groups,
		child.Child{
			Key: classKey, Kind: kube.GatewayClass, After: []string{releaseKey, workloadKey}, Name: named(plan.ownClass), Owned: true, Omit: !installed,
			Annotations: child.Fixed(kube.WaitForConditions("$.status.conditions", "Accepted")), Timeout: readyTimeout,
			Fields: child.Fields{"spec": child.From(p, plan.class)},
		},
		child.Child{
			Key: certificateKey, Kind: kube.Secret, After: []string{namespaceKey}, ResourceName: secretName(certificateKey), Omit: !hop.isSecured(),
			Fields: child.Fields{"type": child.Fixed(corev1.SecretTypeTLS), "data": child.From(in.Hop, Hop.certificate)},
		},
		child.Child{
			// It waits until Envoy runs and has an address. Models come after it and go before it, and so they do with LeaderWorkerSet.
			Key: gatewayKey, Kind: kube.Gateway, After: append(before, classKey, certificateKey, groupsKey), Name: name, Owned: true,
			Annotations: child.Fixed(kube.WaitForConditions("$.status.conditions", "Programmed")), Timeout: readyTimeout,
			Advice: advise(adviseOnGateway), Fields: child.Fields{"spec": child.FromNames(p, plan.spec)},
		},
		child.Child{
			Key: clientsKey, Kind: kube.Secret, After: []string{namespaceKey}, ResourceName: secretName(clientsKey), Omit: !hop.isKeyed(),
			Fields: child.Fields{"data": child.From(in.Hop, Hop.keys)},
		},
		child.Child{
			Key: policyKey, Kind: kube.SecurityPolicy, After: []string{gatewayKey, clientsKey}, Name: name, Owned: true, Omit: !hop.isKeyed(),
			Annotations: child.Fixed(kube.WaitForConditions("$.status.ancestors[*].conditions", "Accepted")), Timeout: readyTimeout,
			Fields: child.Fields{"spec": child.FromNames(p, func(p plan, siblings child.Names) any { return p.policy(siblings[clientsKey]) })},
		},
	), nil
}

// groupsRelease is the name of LeaderWorkerSet's release.
const groupsRelease = "lws"

// adviseOnGroups says what to do if the cluster has a LeaderWorkerSet that another release holds.
func adviseOnGroups(failure string) string {
	if !strings.Contains(failure, "invalid ownership metadata") && !strings.Contains(failure, "cannot reuse a name") {
		return ""
	}
	return "The cluster has LeaderWorkerSet already. Set leaderWorkerSet: Existing for this cluster."
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

func (p plan) spec(siblings child.Names) gatewayv1.GatewaySpec {
	listener := gatewayv1.Listener{
		Name: gatewayv1.SectionName(p.scheme()), Protocol: gatewayv1.HTTPProtocolType, Port: gatewayv1.PortNumber(p.port()),
		AllowedRoutes: &gatewayv1.AllowedRoutes{Namespaces: &p.namespaces},
	}
	if p.isSecured {
		// It has no host name: requests come with their clients' own Host headers.
		listener.Protocol = gatewayv1.HTTPSProtocolType
		listener.TLS = &gatewayv1.ListenerTLSConfig{
			Mode: ptr.To(gatewayv1.TLSModeTerminate),
			CertificateRefs: []gatewayv1.SecretObjectReference{{
				Group: ptr.To(gatewayv1.Group("")), Kind: ptr.To(gatewayv1.Kind("Secret")), Name: gatewayv1.ObjectName(siblings[certificateKey]),
			}},
		}
	}
	return gatewayv1.GatewaySpec{GatewayClassName: gatewayv1.ObjectName(p.className()), Listeners: []gatewayv1.Listener{listener}}
}
