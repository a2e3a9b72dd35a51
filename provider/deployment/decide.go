package deployment

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/cluster"
	"github.com/modelplane/pulumi-modelplane/provider/internal/amount"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/placement"
	"github.com/modelplane/pulumi-modelplane/provider/internal/target"
	"github.com/modelplane/pulumi-modelplane/provider/placed"
)

// plan is all that is decided about a deployment but the clusters that its replicas run on.
type plan struct {
	name, namespace string
	labels          map[string]string
	source          source
	engine          started
	// basePath is the path of the engine's API, healthPath that of its health.
	basePath, healthPath string
	startup              time.Duration
	sharedMemory         string
	given                Workload
	env                  map[string]string
	envFrom              []corev1.EnvFromSource
	resources            corev1.ResourceRequirements
	nodeSelector         map[string]string
	tolerations          []corev1.Toleration
	// affinity binds Pods to the pools of one cluster; nil where any node with the devices will do.
	affinity *corev1.Affinity
	// merged is what the program lays over the Pods' template.
	merged  map[string]any
	placing placed.Args
}

// longestStartup is how long, in minutes, an engine may take to load a model.
const longestStartup = 240

// check finds every fault of a deployment's arguments.
func check(name string, a Args) fault.List {
	identity := a.Or(name, meta.DefaultNamespace)
	_, faults := decide(identity, a.Metadata, a.Workload, a.Placing)
	faults.AddErr("name", names.Object(identity.Name, names.MaxLabel))
	faults.AddErr("namespace", names.Namespace(identity.Namespace))
	for i, c := range a.Clusters {
		path := fault.Index("clusters", i)
		c.Check(path, &faults)
		faults = append(faults, a.request().CheckBinding(path+".facts", c.Facts)...)
		if c.IsKServe() {
			a.checkKServe(path+".serving", &faults)
		}
		if _, connected := a.Connections[c.Facts.Name]; !connected && c.GatewayURN == nil {
			faults.Add(path+".gatewayUrn", fmt.Sprintf("is missing; pass on the output cluster of an InferenceCluster, or write the cluster's URL into "+
				"connections[%q]", c.Facts.Name), "connections", path+".facts.name")
		}
		endpoint := endpointName(identity.Name, c.Facts.Name)
		room := names.Room(endpoint, onClusterName(name, identity.Name, c.Facts.Name))
		if a.NodesPerReplica > 1 {
			room -= names.MaxLabel - groupRoom(a.Replicas)
		}
		if len(endpoint) > room {
			faults.Add(path+".facts.name", fmt.Sprintf("makes the endpoint %q, of %d characters; its objects leave room for %d. Shorten the "+
				"deployment's name or the cluster's", endpoint, len(endpoint), room), "name", "nodesPerReplica", "replicas")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.Connections)) {
		a.Connections[name].Check(fault.Key("connections", name), &faults)
		if !slices.ContainsFunc(a.Clusters, func(c cluster.Reference) bool { return c.Facts.Name == name }) {
			faults.Add(fault.Key("connections", name), "is for none of clusters; write the name of one, or leave it out", "clusters")
		}
	}
	return append(faults, names.Metadata(a.Labels, a.Annotations)...)
}

func decide(identity meta.Identity, metadata meta.Metadata, w Workload, p Placing) (plan, fault.List) {
	var faults fault.List
	engine := ptr.Deref(w.Engine, Engine{})
	decided := plan{
		name: identity.Name, namespace: identity.Namespace, labels: metadata.Labels,
		healthPath: ptr.Deref(engine.HealthPath, "/health"), startup: time.Duration(ptr.Deref(engine.StartupMinutes, 60)) * time.Minute,
		given: w, sharedMemory: ptr.Deref(engine.SharedMemory, ""), env: engine.Env, nodeSelector: w.NodeSelector,
	}
	var err error
	decided.source, err = parseModel(w.Model)
	faults.AddErr("model", err)
	decided.basePath, err = target.ParsePath(ptr.Deref(engine.BasePath, "/v1"))
	faults.AddErr("engine.basePath", err)
	checkEngine(engine, &faults)
	faults = append(faults, names.Selector("nodeSelector", w.NodeSelector)...)
	decided.envFrom = envFrom(engine.EnvFrom, &faults)
	decided.resources = ptr.Deref(w.Resources, amount.Resources{}).Requirements("resources", &faults)
	for path, split := range map[string]int{"tensorParallel": w.TensorParallel, "pipelineParallel": w.PipelineParallel} {
		if split < 1 {
			faults.Addf(path, "%d is below 1; write how many parts there are, 1 for no split", split)
		}
	}
	w.checkSplit(p, &faults)
	decided.engine = w.start(decided.source, p.NodesPerReplica)
	decided.placing = placed.Args{Request: p.request(), Clusters: p.facts()}
	decided.tolerations = tolerations(p)
	decided.resources.Limits = limitDevices(decided.resources.Limits, p.Devices, &faults)
	decided.merged = w.Template
	faults.AddErr("template", checkTemplate(w.Template))
	faults = append(faults, decided.placing.Request.Check()...)
	return decided, faults
}

// on is the plan for one cluster.
func (p plan) on(c placement.Cluster) plan {
	p.affinity = p.placing.Request.Bind(c)
	return p
}

// endpointName is what the endpoint of a deployment on one cluster is called.
func endpointName(deployment, cluster string) string { return deployment + "-" + cluster }

func checkEngine(e Engine, faults *fault.List) {
	if e.Preset != nil && len(e.Command) > 0 {
		faults.Add("engine.command", "is given beside preset, which has a command of its own; leave one of them out", "engine.preset")
	}
	if e.preset() == "" && ptr.Deref(e.Image, "") == "" {
		faults.Add("engine.image", "is empty; write an image, or a preset", "engine.preset")
	}
	if port := ptr.Deref(e.Port, 8000); port < 1 || port > 65535 {
		faults.Addf("engine.port", "%d is outside 1 to 65535", port)
	}
	if path := ptr.Deref(e.HealthPath, "/health"); !strings.HasPrefix(path, "/") {
		faults.Addf("engine.healthPath", "%q does not start with a slash", path)
	}
	if minutes := ptr.Deref(e.StartupMinutes, 1); minutes < 1 || minutes > longestStartup {
		faults.Addf("engine.startupMinutes", "%d is outside 1 to %d", minutes, longestStartup)
	}
	if size := ptr.Deref(e.SharedMemory, "1"); !isAmount(size) {
		faults.Addf("engine.sharedMemory", "%q is not an amount of memory; write a quantity such as 16Gi", size)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Env)) {
		if problems := validation.IsEnvVarName(name); len(problems) > 0 {
			faults.Addf(fault.Key("engine.env", name), "%s", strings.Join(problems, "; "))
		}
	}
}

// checkSplit finds numbers of devices that a known engine cannot be split over.
func (w Workload) checkSplit(p Placing, faults *fault.List) {
	parts := w.TensorParallel * w.PipelineParallel
	if _, known := presets[ptr.Deref(w.Engine, Engine{}).preset()]; !known || min(w.TensorParallel, w.PipelineParallel, p.NodesPerReplica) < 1 {
		return
	}
	if parts%p.NodesPerReplica != 0 {
		faults.Add("tensorParallel", fmt.Sprintf("makes %d parts with pipelineParallel, which %d nodes cannot share evenly; write a multiple of "+
			"nodesPerReplica, such as tensorParallel: <devices of a node> and pipelineParallel: %d", parts, p.NodesPerReplica, p.NodesPerReplica),
			"pipelineParallel", "nodesPerReplica", "engine")
	}
	most := 0
	for _, perNode := range p.request().PerNode() {
		most = max(most, perNode*p.NodesPerReplica)
	}
	if most > 0 && parts > most {
		faults.Add("tensorParallel", fmt.Sprintf("makes %d parts with pipelineParallel, each of which needs a device; a replica has %d",
			parts, most), "pipelineParallel", "nodesPerReplica", "devices", "engine")
	}
}

// tolerations let the Pods run where the placement lets them.
func tolerations(p Placing) []corev1.Toleration {
	var all []corev1.Toleration
	for _, t := range ptr.Deref(p.Placement, placement.Rules{}).Tolerations {
		all = append(all, t.OfPod())
	}
	return all
}

func isAmount(text string) bool {
	quantity, err := amount.Parse(text)
	return err == nil && quantity.Sign() > 0
}

func envFrom(sources []EnvSource, faults *fault.List) []corev1.EnvFromSource {
	var read []corev1.EnvFromSource
	for i, s := range sources {
		path := fault.Index("engine.envFrom", i)
		var entry corev1.EnvFromSource
		switch {
		case s.Secret != nil && s.ConfigMap != nil:
			faults.Add(path+".configMap", "is given beside secret; an entry has one or the other", path+".secret")
		case s.Secret != nil:
			faults.AddErr(path+".secret", names.Existing(*s.Secret))
			entry.SecretRef = &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: *s.Secret}}
		case s.ConfigMap != nil:
			faults.AddErr(path+".configMap", names.Existing(*s.ConfigMap))
			entry.ConfigMapRef = &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: *s.ConfigMap}}
		default:
			faults.Addf(path, "names neither a secret nor a configMap; write one of them")
		}
		read = append(read, entry)
	}
	return read
}
