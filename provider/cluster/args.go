package cluster

import (
	"github.com/pulumi/pulumi-go-provider/infer"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/placement"
)

// Args are the inputs of an [InferenceCluster], in the parts that become known together.
type Args struct {
	Access
	Facts
	Components
	Source
	Serving
	Hop
	Annotated
	meta.Identity
}

// Annotate describes the inputs for the schema.
func (a *Args) Annotate(at infer.Annotator) {
	at.Describe(&a.Name, "The cluster's name, by which placements and endpoints call it. Default: the Pulumi name.")
	at.Describe(&a.Namespace, "The namespace of the cluster's gateway, which must exist and is never deleted. Default: "+
		"`modelplane-<name>`, which is created with the gateway, and deleted with it and everything in it.")
}

// Annotated are the annotations of the cluster's objects, whose labels are among the facts.
type Annotated struct {
	Annotations map[string]string `pulumi:"annotations,optional"`
}

// Annotate describes the input for the schema.
func (a *Annotated) Annotate(at infer.Annotator) {
	at.Describe(&a.Annotations, "Annotations for all objects of the cluster, except the CRDs.")
}

// Access says how the cluster is reached.
type Access struct {
	Kubeconfig        *string `pulumi:"kubeconfig,optional" provider:"secret"`
	DeleteUnreachable bool    `pulumi:"deleteUnreachable,optional" plain:"true"`
}

// Annotate describes the inputs for the schema.
func (a *Access) Annotate(at infer.Annotator) {
	at.Describe(&a.Kubeconfig, "The content of a kubeconfig for the cluster, which may be an output of a cluster that the same program makes. "+
		"Default: the component's Kubernetes provider (the option `provider`).")
	at.Describe(&a.DeleteUnreachable, "Whether the objects of a cluster that does not answer, or that refuses the kubeconfig, are forgotten, because it is "+
		"lost: by `pulumi up` and `pulumi destroy`, and the Helm releases by `pulumi refresh`. Default: false. Needs `kubeconfig`.")
	at.SetDefault(&a.DeleteUnreachable, false)
}

// Facts are what placements look at.
type Facts struct {
	Labels map[string]string `pulumi:"labels,optional"`
	Taints []placement.Taint `pulumi:"taints,optional"`
	Pools  []placement.Pool  `pulumi:"pools,optional"`
	Drain  bool              `pulumi:"drain,optional"`
}

// Annotate describes the inputs for the schema.
func (f *Facts) Annotate(at infer.Annotator) {
	at.Describe(&f.Labels, "What placements choose by, such as `region` and `tier`. The cluster's objects carry these labels, too.")
	at.Describe(&f.Taints, "What keeps models away that do not tolerate it. Default: none.")
	at.Describe(&f.Pools, "The groups of nodes that the cluster has, with their devices. Nothing of this is read from the cluster. Default: none, so that "+
		"only models that ask for no devices run there.")
	at.Describe(&f.Drain, "Whether all replicas leave the cluster: they are placed elsewhere first. Default: false.")
	at.SetDefault(&f.Drain, false)
}

// facts are those of the cluster of this name.
func (f Facts) facts(name string) placement.Cluster {
	return placement.Cluster{Name: name, Labels: f.Labels, Taints: f.Taints, Pools: f.Pools, Drain: f.Drain}
}

// Serving says how requests reach the models on the cluster.
type Serving struct {
	Gateway *GatewayArgs `pulumi:"gateway,optional"`
}

// Annotate describes the input for the schema.
func (s *Serving) Annotate(at infer.Annotator) {
	at.Describe(&s.Gateway, "The Gateway that leads to the models on the cluster.")
}

// GatewayArgs describe the Gateway of a cluster.
type GatewayArgs struct {
	ClassName   *string           `pulumi:"className,optional"`
	Port        *int              `pulumi:"port,optional"`
	HostName    *string           `pulumi:"hostName,optional"`
	Annotations map[string]string `pulumi:"annotations,optional"`
	Replicas    int               `pulumi:"replicas,optional"`

	AllowedNamespaces *meta.AllowedNamespaces `pulumi:"allowedNamespaces,optional"`
}

// Annotate describes the type for the schema.
func (g *GatewayArgs) Annotate(at infer.Annotator) {
	at.SetToken("index", "ClusterGateway")
	at.Describe(g, "The Gateway that leads to the models on a cluster.")
	at.Describe(&g.ClassName, "The GatewayClass, where the cluster has Envoy Gateway already. Default: a class of the cluster's own.")
	at.Describe(&g.Port, "The port that it listens on, from 1 to 65535. Default: 80, or 443 with `tls`.")
	at.Describe(&g.HostName, "The host name that the certificate of `tls` is for, and that it is verified for. Required with `tls`.")
	at.Describe(&g.Annotations, "Annotations for Envoy's Service, such as those that a cloud's load balancer reads.")
	at.Describe(&g.Replicas, "How many replicas of Envoy run: 1 to 1,000. Default: 2.")
	at.SetDefault(&g.Replicas, 2)
	at.Describe(&g.AllowedNamespaces, "The namespaces whose routes may attach to the Gateway. Those of the models must be among them. Whoever may create "+
		"an HTTPRoute in one of them can have the requests for every model on the cluster. Default: all.")
}

// Components say what is to be installed on the cluster. They decide which children there are.
type Components struct {
	GatewayAPI      *Presence      `pulumi:"gatewayApi,optional" plain:"true"`
	EnvoyGateway    *Presence      `pulumi:"envoyGateway,optional" plain:"true"`
	LeaderWorkerSet *ExtraPresence `pulumi:"leaderWorkerSet,optional" plain:"true"`
	ServedBy        *ServingForm   `pulumi:"serving,optional" plain:"true"`
}

// Annotate describes the inputs for the schema.
func (c *Components) Annotate(at infer.Annotator) {
	at.Describe(&c.GatewayAPI, "The CRDs of the Gateway API (1.6.3, standard channel). They stay in the cluster when the component is destroyed. "+
		"Default: `Installed`. The cluster must have 1.5.1 or newer where it is `Existing`.")
	at.SetDefault(&c.GatewayAPI, Installed)
	at.Describe(&c.EnvoyGateway, "Envoy Gateway and its CRDs. Default: `Installed`. Where it is `Existing`, `gateway.className` names its class.")
	at.SetDefault(&c.EnvoyGateway, Installed)
	at.Describe(&c.LeaderWorkerSet, "LeaderWorkerSet (0.8.0), without which no model spans nodes. Its CRD stays in the cluster when the component is "+
		"destroyed. Default: `None`, so that models with `nodesPerReplica` above 1 do not run there.")
	at.SetDefault(&c.LeaderWorkerSet, NotThere)
	at.Describe(&c.ServedBy, "What models on the cluster are served by. KServe must be there already. Default: `Plain`.")
	at.SetDefault(&c.ServedBy, Plain)
}

// installsGatewayAPI and installsEnvoyGateway say what there are children for.
func (c Components) installsGatewayAPI() bool { return ptr.Deref(c.GatewayAPI, Installed) == Installed }

func (c Components) installsEnvoyGateway() bool {
	return ptr.Deref(c.EnvoyGateway, Installed) == Installed
}

// installsLeaderWorkerSet says what there are children for, and hasLeaderWorkerSet what placements need to know.
func (c Components) installsLeaderWorkerSet() bool {
	return ptr.Deref(c.LeaderWorkerSet, NotThere) == ExtraInstalled
}

// serving is what a reference says of how models are served; nil for the default.
func (c Components) serving() *string {
	if ptr.Deref(c.ServedBy, Plain) == Plain {
		return nil
	}
	return ptr.To(string(*c.ServedBy))
}

func (c Components) hasLeaderWorkerSet() bool {
	return ptr.Deref(c.LeaderWorkerSet, NotThere) != NotThere
}

// Presence says whether a cluster has something already.
type Presence string

// The ways in which a cluster comes to have something.
const (
	Installed Presence = "Installed"
	Existing  Presence = "Existing"
)

// Values lists them for the schema.
func (Presence) Values() []infer.EnumValue[Presence] {
	return []infer.EnumValue[Presence]{
		{Name: "Installed", Value: Installed, Description: "The component installs it, in the version that it is tested with."},
		{Name: "Existing", Value: Existing, Description: "The cluster has it already."},
	}
}

// Annotate describes the type for the schema.
func (p *Presence) Annotate(at infer.Annotator) {
	at.SetToken("index", "ClusterComponentPresence")
	at.Describe(p, "Whether a component installs something on a cluster, or the cluster has it.")
}

// ExtraPresence says whether a cluster has something that it need not have.
type ExtraPresence string

// The ways in which a cluster comes to have it, and NotThere where it does not.
const (
	ExtraInstalled ExtraPresence = "Installed"
	ExtraExisting  ExtraPresence = "Existing"
	NotThere       ExtraPresence = "None"
)

// Values lists them for the schema.
func (ExtraPresence) Values() []infer.EnumValue[ExtraPresence] {
	return []infer.EnumValue[ExtraPresence]{
		{Name: "Installed", Value: ExtraInstalled, Description: "The component installs it, in the version that it is tested with."},
		{Name: "Existing", Value: ExtraExisting, Description: "The cluster has it already."},
		{Name: "None", Value: NotThere, Description: "The cluster does not have it."},
	}
}

// Annotate describes the type for the schema.
func (p *ExtraPresence) Annotate(at infer.Annotator) {
	at.SetToken("index", "ClusterExtraPresence")
	at.Describe(p, "Whether a component installs something that a cluster need not have, the cluster has it, or does without.")
}

// ServingForm is what models on a cluster are served by.
type ServingForm string

// The forms in which models are served.
const (
	Plain  ServingForm = "Plain"
	KServe ServingForm = "KServe"
)

// Values lists them for the schema.
func (ServingForm) Values() []infer.EnumValue[ServingForm] {
	return []infer.EnumValue[ServingForm]{
		{Name: "Plain", Value: Plain, Description: "Kubernetes' own objects: a Deployment or a LeaderWorkerSet, a Service and an HTTPRoute for each model."},
		{Name: "KServe", Value: KServe, Description: "KServe (0.20), which makes these from an LLMInferenceService for each model."},
	}
}

// Annotate describes the type for the schema.
func (s *ServingForm) Annotate(at infer.Annotator) {
	at.SetToken("index", "ClusterServing")
	at.Describe(s, "What models on a cluster are served by.")
}

// Source is where charts come from. It is a separate part, since their values may be secret.
type Source struct {
	Chart                *Chart `pulumi:"chart,optional"`
	LeaderWorkerSetChart *Chart `pulumi:"leaderWorkerSetChart,optional"`
}

// Annotate describes the inputs for the schema.
func (s *Source) Annotate(at infer.Annotator) {
	at.Describe(&s.Chart, "The Helm chart that Envoy Gateway comes from. Default: the published chart, 1.8.1.")
	at.Describe(&s.LeaderWorkerSetChart, "The Helm chart that LeaderWorkerSet comes from. Default: the published chart, 0.8.0.")
}

// Chart is where a Helm chart comes from.
type Chart struct {
	Repository *string        `pulumi:"repository,optional"`
	Name       *string        `pulumi:"name,optional"`
	Version    *string        `pulumi:"version,optional"`
	Values     map[string]any `pulumi:"values,optional"`
}

// Annotate describes the type for the schema.
func (c *Chart) Annotate(at infer.Annotator) {
	at.SetToken("index", "ClusterChart")
	at.Describe(c, "Where a Helm chart comes from.")
	at.Describe(&c.Repository, "The chart's repository, an HTTP URL that needs no password. Leave it out where `name` is an OCI reference or a path.")
	at.Describe(&c.Name, "The chart's name in the repository, an OCI reference (`oci://…`), or the path of a folder or archive. Default: the published chart.")
	at.Describe(&c.Version, "The chart's version. Default: that of the published chart.")
	at.Describe(&c.Values, "Values for the chart, merged deeply over those that the component computes.")
}
