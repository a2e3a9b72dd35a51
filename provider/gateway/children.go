package gateway

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/crds"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// readyTimeout is how long Traefik has to run and to get an address.
const readyTimeout = "10m"

// The keys of a gateway's children. Those of CRDs are their names.
const (
	namespaceKey  = "namespace"
	entryPointKey = "entry point"
	releaseKey    = "release"
	anchorKey     = "pods"
	serviceKey    = "service"
	workloadKey   = "deployment"
	classKey      = "class"
	gatewayKey    = "gateway"
)

// children are the objects that a gateway is made of.
func children(component string, namespace ownership, in Inputs, p value.Value[plan]) ([]child.Child, error) {
	advise := func(advice func(plan, string) string) func(string) string {
		return func(failure string) string { return advice(p.Now(), failure) }
	}
	onGateway := advise(func(p plan, failure string) string {
		return adviseOnGateway(in.Install.Now().InstallCRDs, p, failure)
	})
	list, err := crdChildren(component, in, advise(adviseOnCRDs))
	if err != nil {
		return nil, err
	}
	before := []string{namespaceKey}
	for _, crd := range list {
		before = append(before, crd.Key)
	}
	// Several children add to it.
	before = slices.Clip(before)
	// Names need only what they are made of: a patch has to know its object's name in preview, whatever else is unknown.
	name := child.Fixed(in.Identity.Now().Name)
	identified := value.Map(in.Identity, func(i meta.Identity) plan { return plan{identity: i} })
	named := func(name func(plan) string) child.Field { return child.From(identified, name) }
	observing := append(observeChildren(component, in, p, identified, before), sharingChildren(component, in, before)...)
	beforeRelease := []string{entryPointKey, innerGuardKey, networkPolicyKey}
	for _, c := range observing {
		beforeRelease = append(beforeRelease, c.Key)
	}
	release := child.Release(releaseKey, name, named(plan.namespaceName), value.Map(in.Source, Source.chart),
		child.FromNames(value.Join(p, in.Source), func(p value.Pair[plan, Source], siblings child.Names) map[string]any {
			return p.A.withHeaders(siblings[otlpKey]).withPassword(siblings[sharedKey]).values(p.B)
		}),
		append(before, append(beforeRelease, networkPolicyKey)...)...)
	release.Advice = advise(adviseOnRelease)
	rollout := child.Rollout(workloadKey, releaseKey, name, readyTimeout)
	rollout.After = append(rollout.After, anchorKey, floorKey)
	rollout.Metadata = child.Fields{"ownerReferences": child.FromSiblings(p, ownedByAnchor)}
	https := httpsChildren(component, in, p, before)
	list = append(list,
		child.Child{
			Key: namespaceKey, Kind: kube.Namespace, Omit: namespace != own, Name: named(plan.namespaceName), Owned: true,
			Advice: advise(adviseOnNamespace),
		},
		child.Child{
			// A namespace that is kept may have other gateways in it, so it carries the user's labels alone.
			Key: namespaceKey, Kind: kube.NamespacePatch, Omit: namespace != kept, Name: patchedName(in.Identity), Bare: true, Keep: true,
			Metadata: child.Fields{
				"labels":      child.From(in.Metadata, func(m meta.Metadata) map[string]string { return m.Labels }),
				"annotations": child.From(in.Metadata, func(m meta.Metadata) map[string]string { return m.Annotations }),
			},
			Advice: advise(adviseOnNamespace),
		},
		child.Child{
			// Every request passes this Middleware first. Traefik serves no route while it is missing, so it is there before
			// Traefik and outlives it. In a namespace that other stacks use, it is the first object that would be theirs.
			Key: entryPointKey, Kind: kube.Middleware, After: before, Name: child.Fixed(p.Now().entryPointName()), Owned: true,
			Advice: advise(adviseOnEntryPoint),
			Fields: child.Fields{"spec": child.Fixed(map[string]any{"plugin": map[string]any{
				plugin.Name: plugin.Config{RemoveOwnHeaders: true, RefuseDotSegments: true, ReadBody: true},
			}})},
		},
		innerGuard(component, in.Identity.Now(), before),
		networkPolicy(in.Operating, p, name),
	)
	list = append(list, exclusiveChildren(in, identified, named(plan.className))...)
	list = append(list, observing...)
	list = append(list, release,
		child.Child{
			// The Deployment belongs to this ConfigMap. It is deleted before the release, and is gone only when the last Pod
			// has ended. Helm itself does not wait for Pods, and a namespace that is deleted while some of them still end is
			// looked at again only after half of their grace period, which is five minutes.
			Key: anchorKey, Kind: kube.ConfigMap, After: []string{releaseKey}, DeleteTimeout: in.Operating.Now().endTimeout(), Lasting: true,
			ResourceName: names.Child(in.Identity.Now().Name, component) + "-pods",
			Fields: child.Fields{"data": child.Fixed(map[string]string{
				"README": "The gateway's Deployment belongs to this object: it is deleted with it.",
			})},
		},
		// Patches that change nothing that Traefik reads wait until this revision of the release runs and has an address.
		// Pulumi then says what is missing: which Pod fails and why, or that no load balancer gave an address.
		child.Child{
			Key: serviceKey, Kind: kube.ServicePatch, After: []string{releaseKey, anchorKey}, Name: name, Bare: true,
			Annotations: child.FromSiblings(p, addressOfRevision), Timeout: readyTimeout, Advice: advise(adviseOnAddress),
		},
		floor(in.Operating, p, component, in.Identity.Now().Name),
		rollout,
		child.Child{
			Key: classKey, Kind: kube.GatewayClass, After: []string{releaseKey}, Name: named(plan.className), Owned: true,
			Labels: child.From(identified, plan.classLabels), Advice: onGateway,
			Fields: child.Fields{"spec": child.Fixed(gatewayv1.GatewayClassSpec{ControllerName: chart.ControllerName})},
		},
		innerListener(component, in.Identity.Now(), p, onGateway),
	)
	list = append(list, https.before...)
	list = append(list, child.Child{
		// It waits until Traefik says that it serves the Gateway.
		Key: gatewayKey, Kind: kube.Gateway, After: []string{classKey, workloadKey, serviceKey}, Seen: https.seen(), Name: name, Owned: true,
		Annotations: child.Fixed(https.awaited()), Timeout: https.timeout(), Advice: onGateway,
		Fields: child.Fields{"spec": child.FromNames(p, plan.gateway)},
	})
	return append(list, https.after...), nil
}

// patchedName is the namespace's name. The Kubernetes plugin refuses a patch without a name, in preview too.
func patchedName(identity value.Value[meta.Identity]) child.Field {
	if !identity.Complete() {
		return child.Fixed("not-known-in-preview")
	}
	return child.From(identity, func(i meta.Identity) string { return i.Namespace })
}

func crdChildren(component string, in Inputs, advice func(string) string) ([]child.Child, error) {
	if !in.Install.Now().InstallCRDs {
		return nil, nil
	}
	all, err := crds.Traefik.CRDs()
	return crds.Children(all, names.Child(in.Identity.Now().Name, component), advice), err
}

// addressOfRevision waits for the load balancer's address alone. By itself, Pulumi would also wait for Pods, which the
// Deployment's patch knows better, and then ten seconds for them to settle.
func addressOfRevision(p plan, siblings child.Siblings) map[string]string {
	annotations := kube.SkipAwait()
	if p.settings.ServiceType == string(LoadBalancer) {
		annotations = kube.WaitForAny("$.status.loadBalancer.ingress[0]")
	}
	maps.Copy(annotations, child.Revision(releaseKey, siblings))
	return annotations
}

func ownedByAnchor(_ plan, siblings child.Siblings) []metav1.OwnerReference {
	anchor := siblings[anchorKey]
	return []metav1.OwnerReference{{
		APIVersion: corev1.SchemeGroupVersion.String(), Kind: "ConfigMap", Name: anchor.Name, UID: types.UID(anchor.UID),
		BlockOwnerDeletion: ptr.To(true),
	}}
}

func (p plan) gateway(siblings child.Names) gatewayv1.GatewaySpec {
	return p.withHTTPSListener(siblings, gatewayv1.GatewaySpec{
		GatewayClassName: gatewayv1.ObjectName(p.className()),
		Listeners: []gatewayv1.Listener{{
			Name:     Listener,
			Protocol: gatewayv1.HTTPProtocolType,
			// The port on which Traefik listens in its Pod, not the one that clients connect to.
			Port:          chart.ListenerPort,
			AllowedRoutes: &gatewayv1.AllowedRoutes{Namespaces: &p.namespaces},
		}},
	})
}
