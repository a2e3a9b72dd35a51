package gateway

import (
	"fmt"

	"github.com/pulumi/pulumi-go-provider/infer"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/amount"
	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/placement"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

const (
	// defaultReplicas is how many replicas a gateway has that is asked for no other number.
	defaultReplicas = 2
	// maxReplicas is the most replicas that a gateway may have.
	maxReplicas = 1000
	// partForBodies is which part of a replica's memory the bodies of requests may take: each byte of them costs up to four, of which two are
	// Traefik's and one is Go's for what is no longer used. minBodyMemory is what they may take in any case, in bytes.
	partForBodies = 4
	minBodyMemory = 16 << 20
)

// Operating says how a gateway's replicas are run.
type Operating struct {
	Autoscaling       *Autoscaling           `pulumi:"autoscaling,optional"`
	DrainSeconds      int                    `pulumi:"drainSeconds,optional" plain:"true"`
	Resources         *amount.Resources      `pulumi:"resources,optional"`
	NodeSelector      map[string]string      `pulumi:"nodeSelector,optional"`
	Tolerations       []placement.Toleration `pulumi:"tolerations,optional"`
	TopologySpread    bool                   `pulumi:"topologySpread,optional"`
	PriorityClassName *string                `pulumi:"priorityClassName,optional"`
	NetworkPolicy     bool                   `pulumi:"networkPolicy,optional" plain:"true"`
}

// Annotate describes the inputs for the schema.
func (o *Operating) Annotate(at infer.Annotator) {
	at.Describe(&o.Autoscaling, "Has the cluster choose the number of replicas by their use of CPU, for which it needs a metrics server. "+
		"Leave `replicas` out then. Default: the number is fixed.")
	at.Describe(&o.DrainSeconds, "How many seconds a replica that ends lets streams finish, after 15 seconds in which it still takes requests: "+
		"1 to 3,600. Default: 600.")
	at.SetDefault(&o.DrainSeconds, chart.DefaultDrain)
	at.Describe(&o.Resources, "CPU, memory and other resources of each replica. The bodies of requests that wait for their answers may take a "+
		"quarter of the limit of memory, and 1 GiB without one; a request beyond that gets 503 with Retry-After. Default: none are asked for; half a CPU with `autoscaling`.")
	at.Describe(&o.NodeSelector, "Labels of the nodes that replicas may run on. Default: every node.")
	at.Describe(&o.Tolerations, "The taints of nodes that replicas may run in spite of. Default: none.")
	at.Describe(&o.TopologySpread, "Whether replicas are spread over nodes and zones, where there are several with room. Default: true.")
	at.SetDefault(&o.TopologySpread, true)
	at.Describe(&o.PriorityClassName, "The PriorityClass of the replicas, which must exist. Default: the cluster's own.")
	at.Describe(&o.NetworkPolicy, "Whether a NetworkPolicy lets connections in at the ports of the gateway's listeners alone, and at that of its "+
		"metrics from Pods of the cluster. Default: false.")
	at.SetDefault(&o.NetworkPolicy, false)
}

// Autoscaling are the bounds within which the cluster chooses the number of replicas.
type Autoscaling struct {
	MinReplicas          int `pulumi:"minReplicas,optional"`
	MaxReplicas          int `pulumi:"maxReplicas"`
	TargetCPUUtilization int `pulumi:"targetCpuUtilization,optional"`
}

// Annotate describes the type for the schema.
func (a *Autoscaling) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewayAutoscaling")
	at.Describe(a, "The bounds within which the cluster chooses the number of replicas.")
	at.Describe(&a.MinReplicas, "How many replicas run at least: 1 to 1,000. Default: 2.")
	at.SetDefault(&a.MinReplicas, defaultReplicas)
	at.Describe(&a.MaxReplicas, "How many replicas run at most: `minReplicas` to 1,000.")
	at.Describe(&a.TargetCPUUtilization, "The use of CPU that the cluster aims at, in percent of what a replica asks for in "+
		"`resources.requests`: 1 to 100. Default: 80.")
	at.SetDefault(&a.TargetCPUUtilization, 80)
}

// withOperating is the plan of a gateway whose replicas are run so.
func (p plan) withOperating(in Operating) (plan, fault.List) {
	var faults fault.List
	if in.DrainSeconds < 1 || in.DrainSeconds > 3600 {
		faults.Addf("drainSeconds", "%d is outside 1 to 3600", in.DrainSeconds)
	}
	if in.PriorityClassName != nil {
		faults.AddErr("priorityClassName", names.Existing(*in.PriorityClassName))
	}
	faults = append(faults, names.Selector("nodeSelector", in.NodeSelector)...)
	var tolerations []corev1.Toleration
	for i, t := range in.Tolerations {
		t.Check(fault.Index("tolerations", i), &faults)
		tolerations = append(tolerations, t.OfPod())
	}
	required := ptr.Deref(in.Resources, amount.Resources{}).Requirements("resources", &faults)
	o := chart.Operations{
		Autoscaling: in.Autoscaling.decide(int(p.settings.Replicas), &required, &faults), DrainSeconds: int32(in.DrainSeconds),
		PriorityClass: ptr.Deref(in.PriorityClassName, ""), NodeSelector: in.NodeSelector, Spread: in.TopologySpread,
	}
	o.BodyMemory = bodyMemory(*required.Limits.Memory())
	// Both have a JSON form.
	plain, _ := kube.Plain(required)
	o.Resources, _ = plain.(map[string]any)
	plain, _ = kube.Plain(tolerations)
	o.Tolerations, _ = plain.([]any)
	p.settings.Operations = o
	return p, faults
}

// bodyMemory is what the bodies of requests may take of this limit of memory; 0, which is the plugin's default, without a limit.
func bodyMemory(limit resource.Quantity) int64 {
	if limit.Value() <= 0 {
		return 0
	}
	return max(limit.Value()/partForBodies, minBodyMemory)
}

// memoryLimit is the limit of memory among the values of a chart; 0 where there is none.
func memoryLimit(values map[string]any) resource.Quantity {
	resources, _ := values["resources"].(map[string]any)
	limits, _ := resources["limits"].(map[string]any)
	limit, _ := amount.Parse(fmt.Sprint(limits["memory"]))
	return limit
}

// decide is how the cluster chooses the number of replicas; nil where that is fixed. Use is measured by what a replica asks for, so that one
// that asks for no CPU is given some to ask for.
func (a *Autoscaling) decide(replicas int, required *corev1.ResourceRequirements, faults *fault.List) *chart.Autoscaling {
	if a == nil {
		return nil
	}
	if replicas != defaultReplicas {
		faults.Add("replicas", "is given beside autoscaling, which chooses the number of replicas; leave one of them out", "autoscaling")
	}
	if a.MinReplicas < 1 || a.MinReplicas > maxReplicas {
		faults.Addf("autoscaling.minReplicas", "%d is outside 1 to %d", a.MinReplicas, maxReplicas)
	}
	if a.MaxReplicas < a.MinReplicas || a.MaxReplicas > maxReplicas {
		faults.Add("autoscaling.maxReplicas", fmt.Sprintf("%d is outside minReplicas, which is %d, to %d", a.MaxReplicas, a.MinReplicas, maxReplicas),
			"autoscaling.minReplicas")
	}
	if a.TargetCPUUtilization < 1 || a.TargetCPUUtilization > 100 {
		faults.Addf("autoscaling.targetCpuUtilization", "%d is outside 1 to 100", a.TargetCPUUtilization)
	}
	_, isLimited := required.Limits[corev1.ResourceCPU]
	switch asked, isAsked := required.Requests[corev1.ResourceCPU]; {
	case isAsked && asked.IsZero():
		faults.Add("resources.requests.cpu", "is 0, and autoscaling goes by the share of it that is used; write the CPU that a replica needs, such as 500m",
			"autoscaling")
	case !isAsked && !isLimited: // Kubernetes takes a limit for the request where there is none.
		if required.Requests == nil {
			required.Requests = corev1.ResourceList{}
		}
		required.Requests[corev1.ResourceCPU] = resource.MustParse("500m")
	}
	return &chart.Autoscaling{MinReplicas: int32(a.MinReplicas), MaxReplicas: int32(a.MaxReplicas), TargetCPU: int32(a.TargetCPUUtilization)}
}

// The keys of the children of this concern.
const (
	networkPolicyKey = "network policy"
	floorKey         = "floor"
)

// networkPolicy is there before the Pods, and goes after them.
func networkPolicy(o value.Value[Operating], p value.Value[plan], name child.Field) child.Child {
	return child.Child{
		Key: networkPolicyKey, Kind: kube.NetworkPolicy, Omit: !o.Now().NetworkPolicy, After: []string{namespaceKey}, Name: name, Owned: true,
		Fields: child.Fields{"spec": child.From(p, plan.networkPolicy)},
	}
}

// networkPolicy lets clients reach the listeners from anywhere, and whatever collects figures from within the cluster. The node's own probes
// need no rule (https://kubernetes.io/docs/concepts/services-networking/network-policies/). What Traefik may reach is not limited: its
// servers may be anywhere, and so may the API server and the name server be.
func (p plan) networkPolicy() networkingv1.NetworkPolicySpec {
	return networkingv1.NetworkPolicySpec{
		PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{chart.PodLabel: p.identity.Name}},
		PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
		Ingress: []networkingv1.NetworkPolicyIngressRule{
			{Ports: tcp(p.listenerPorts())},
			{
				Ports: tcp([]int32{chart.MetricsPort}),
				From:  []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{}}},
			},
		},
	}
}

// listenerPorts are the ports of Traefik's Pods that clients may connect to.
func (p plan) listenerPorts() []int32 {
	var ports []int32
	for _, listener := range p.gateway(nil).Listeners {
		ports = append(ports, listener.Port)
	}
	return ports
}

func tcp(ports []int32) []networkingv1.NetworkPolicyPort {
	var all []networkingv1.NetworkPolicyPort
	for _, port := range ports {
		all = append(all, networkingv1.NetworkPolicyPort{Protocol: ptr.To(corev1.ProtocolTCP), Port: ptr.To(intstr.FromInt32(port))})
	}
	return all
}

// floor writes the least number of replicas once, when autoscaling begins. The chart then leaves the number out, which makes it 1 until the
// cluster's autoscaler looks at it, up to half a minute later.
func floor(o value.Value[Operating], p value.Value[plan], component, name string) child.Child {
	return child.Child{
		Key: floorKey, Kind: kube.DeploymentPatch, Omit: o.Now().Autoscaling == nil, After: []string{releaseKey},
		Name: child.Fixed(name), ResourceName: names.Child(name, component, floorKey), Bare: true, Keep: true, Timeout: readyTimeout,
		Annotations: child.Fixed(kube.Force()), IgnoreChanges: []string{"metadata", "spec"},
		Fields: child.Fields{"spec": child.From(p, plan.floor)},
	}
}

func (p plan) floor() map[string]any {
	return map[string]any{"replicas": ptr.Deref(p.settings.Operations.Autoscaling, chart.Autoscaling{}).MinReplicas}
}

// endTimeout is how long the gateway's Pods may take to end: their whole grace period, with something to spare, in whole minutes.
func (o Operating) endTimeout() string {
	seconds := chart.Operations{DrainSeconds: int32(o.DrainSeconds)}.PodEnd()
	return fmt.Sprintf("%dm", (seconds+30+59)/60)
}
