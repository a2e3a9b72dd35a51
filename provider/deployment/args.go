package deployment

import (
	"github.com/pulumi/pulumi-go-provider/infer"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/cluster"
	"github.com/modelplane/pulumi-modelplane/provider/internal/amount"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/placement"
)

// Args are the inputs of a [ModelDeployment], in the parts that become known together.
type Args struct {
	Workload
	Placing
	Access
	meta.Identity
	meta.Metadata
}

// Annotate describes the inputs for the schema.
func (a *Args) Annotate(at infer.Annotator) {
	at.Describe(&a.Name, "The name of the deployment's objects on each cluster, and of its endpoints with the cluster's name. Default: the Pulumi name.")
	at.Describe(&a.Namespace, "The namespace of the objects, on each cluster and beside the gateway; it must exist on all of them. Default: `default`.")
	at.SetDefault(&a.Namespace, meta.DefaultNamespace)
	at.Describe(&a.Labels, "Labels for all objects of the deployment.")
	at.Describe(&a.Annotations, "Annotations for all objects of the deployment.")
}

// Workload says what a replica runs.
type Workload struct {
	Model            string            `pulumi:"model"`
	ServedModelName  *string           `pulumi:"servedModelName,optional"`
	Engine           *Engine           `pulumi:"engine,optional"`
	Resources        *amount.Resources `pulumi:"resources,optional"`
	TensorParallel   int               `pulumi:"tensorParallel,optional"`
	PipelineParallel int               `pulumi:"pipelineParallel,optional"`
	NodeSelector     map[string]string `pulumi:"nodeSelector,optional"`
	Template         map[string]any    `pulumi:"template,optional"`
}

// Annotate describes the inputs for the schema.
func (w *Workload) Annotate(at infer.Annotator) {
	at.Describe(&w.Model, "Where the weights come from: `hf://<organization>/<model>` on Hugging Face, `s3://<bucket>/<path>`, an image with "+
		"the weights in it (`oci://<image>`, which needs image volumes: Kubernetes 1.35 or newer), or a PersistentVolumeClaim of the "+
		"namespace (`pvc://<claim>/<path>`).")
	at.Describe(&w.ServedModelName, "What clients call the model. Default: the model's name, `<organization>/<model>` for Hugging Face.")
	at.Describe(&w.Engine, "The program that serves the model. Default: vLLM.")
	at.Describe(&w.Resources, "CPU, memory and other resources of each replica, or of each of its nodes where it spans several. The `devices` are added to them.")
	at.Describe(&w.TensorParallel, "How many devices each layer is split over, which is passed on to the engine: 1 or more. Default: 1. "+
		"A known engine uses `tensorParallel` times `pipelineParallel` devices, which all nodes of a replica share evenly.")
	at.SetDefault(&w.TensorParallel, 1)
	at.Describe(&w.PipelineParallel, "How many parts the layers are split into, which is passed on to the engine: 1 or more. Default: 1.")
	at.SetDefault(&w.PipelineParallel, 1)
	at.Describe(&w.NodeSelector, "Labels of the nodes that replicas may run on.")
	at.Describe(&w.Template, "Fields of the Pods' template (`{spec: {…}}`), merged last over those of the deployment by Kubernetes' rules: a "+
		"container is found by its name, and the engine's is `engine`.")
}

// Engine is the program that serves a model.
type Engine struct {
	Preset         *EnginePreset     `pulumi:"preset,optional"`
	Image          *string           `pulumi:"image,optional"`
	Command        []string          `pulumi:"command,optional"`
	Args           []string          `pulumi:"args,optional"`
	Env            map[string]string `pulumi:"env,optional"`
	EnvFrom        []EnvSource       `pulumi:"envFrom,optional"`
	Port           *int              `pulumi:"port,optional"`
	BasePath       *string           `pulumi:"basePath,optional"`
	HealthPath     *string           `pulumi:"healthPath,optional"`
	StartupMinutes *int              `pulumi:"startupMinutes,optional"`
	SharedMemory   *string           `pulumi:"sharedMemory,optional"`
}

// Annotate describes the type for the schema.
func (e *Engine) Annotate(at infer.Annotator) {
	at.SetToken("index", "DeploymentEngine")
	at.Describe(e, "The program that serves a model: a known one, or any image that serves an OpenAI-compatible API.")
	at.Describe(&e.Preset, "The engine whose command line is used. Default: `VLLM`; none with an `image`, which is then started as it is.")
	at.Describe(&e.Image, "The image. Default: that of the preset.")
	at.Describe(&e.Command, "The command of the image. Default: the image's own. A preset has one, so give one or the other.")
	at.Describe(&e.Args, "Arguments of the command. They come after those of a preset, so that they win.")
	at.Describe(&e.Env, "Environment variables in plain text. Keys come from a Secret: use `envFrom`.")
	at.Describe(&e.EnvFrom, "Secrets and ConfigMaps of the namespace, on each cluster, whose entries become environment variables, such as a Secret "+
		"with `HF_TOKEN` for gated models of Hugging Face.")
	at.Describe(&e.Port, "The port on which the engine listens, from 1 to 65535. Default: 8000; 30000 for `SGLang`.")
	at.Describe(&e.BasePath, "The path that the engine serves the API under. Default: `/v1`.")
	at.Describe(&e.HealthPath, "The path that answers 200 once the model can be used. Default: `/health`.")
	at.Describe(&e.StartupMinutes, "How long an engine may take to download and load the model: 1 to 240. Default: 60.")
	at.Describe(&e.SharedMemory, "The size of /dev/shm, by which processes of an engine share tensors, as a quantity such as `16Gi`. Default: half of the node's memory.")
}

// EnvSource is a Secret or a ConfigMap whose entries become environment variables.
type EnvSource struct {
	Secret    *string `pulumi:"secret,optional"`
	ConfigMap *string `pulumi:"configMap,optional"`
}

// Annotate describes the type for the schema.
func (s *EnvSource) Annotate(at infer.Annotator) {
	at.SetToken("index", "DeploymentEnvSource")
	at.Describe(s, "A Secret or a ConfigMap whose entries become environment variables.")
	at.Describe(&s.Secret, "The name of a Secret. Give either `secret` or `configMap`.")
	at.Describe(&s.ConfigMap, "The name of a ConfigMap.")
}

// EnginePreset is an engine whose command line is known.
type EnginePreset string

// The engines whose command lines are known.
const (
	VLLM   EnginePreset = "VLLM"
	SGLang EnginePreset = "SGLang"
)

// Values lists them for the schema.
func (EnginePreset) Values() []infer.EnumValue[EnginePreset] {
	return []infer.EnumValue[EnginePreset]{
		{Name: "VLLM", Value: VLLM, Description: "vLLM (https://docs.vllm.ai)."},
		{Name: "SGLang", Value: SGLang, Description: "SGLang (https://docs.sglang.ai)."},
	}
}

// Annotate describes the type for the schema.
func (p *EnginePreset) Annotate(at infer.Annotator) {
	at.SetToken("index", "DeploymentEnginePreset")
	at.Describe(p, "An engine whose command line is known.")
}

// Placing says how many replicas run, and where.
type Placing struct {
	Replicas        int                       `pulumi:"replicas,optional"`
	NodesPerReplica int                       `pulumi:"nodesPerReplica,optional"`
	Devices         []placement.DeviceRequest `pulumi:"devices,optional"`
	Clusters        []cluster.Reference       `pulumi:"clusters"`
	Placement       *placement.Rules          `pulumi:"placement,optional"`
}

// Annotate describes the inputs for the schema.
func (p *Placing) Annotate(at infer.Annotator) {
	at.Describe(&p.Replicas, "How many replicas run, on all clusters together: 0 to 150,000. Default: 1.")
	at.SetDefault(&p.Replicas, 1)
	at.Describe(&p.NodesPerReplica, "How many nodes one replica spans: 1 or more. With more than 1, a replica is a group of Pods that "+
		"only clusters with LeaderWorkerSet run, and devices and resources are those of each node. Default: 1.")
	at.SetDefault(&p.NodesPerReplica, 1)
	at.Describe(&p.Devices, "The devices that a replica needs on each of its nodes. Replicas go only where the clusters' pools have them. Default: none, so that nothing is counted.")
	at.Describe(&p.Clusters, "The clusters that replicas may run on: the outputs `cluster` of InferenceClusters.")
	at.Describe(&p.Placement, "Which of the clusters are used, and how many replicas go to one. Default: all of them, evenly.")
}

// request is what the placement is decided by.
func (p Placing) request() placement.Request {
	return placement.Request{
		Replicas: p.Replicas, NodesPerReplica: p.NodesPerReplica, Devices: p.Devices, Placement: ptr.Deref(p.Placement, placement.Rules{}),
	}
}

// facts are what the placement knows of the clusters.
func (p Placing) facts() []placement.Cluster {
	facts := make([]placement.Cluster, len(p.Clusters))
	for i, c := range p.Clusters {
		facts[i] = c.Facts
	}
	return facts
}

// Access is how clusters of other stacks are reached. It is a separate part, since what is made of a secret is secret.
type Access struct {
	Connections map[string]cluster.Connection `pulumi:"connections,optional" provider:"secret"`
}

// Annotate describes the input for the schema.
func (a *Access) Annotate(at infer.Annotator) {
	at.Describe(&a.Connections, "How clusters of other stacks are reached, by their names: the outputs `connection` of InferenceClusters. Default: by the resources of "+
		"this stack that a cluster's reference names.")
}
