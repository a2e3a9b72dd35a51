package deployment

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/cluster"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// llmInferenceServiceSpec is the part of an LLMInferenceService's spec that is written here
// (https://github.com/kserve/kserve/blob/v0.20.0/pkg/apis/serving/v1alpha1/llm_inference_service_types.go). What it does not say comes from
// KServe's own templates, which start vLLM.
type llmInferenceServiceSpec struct {
	Model       llmModel          `json:"model"`
	Replicas    *int32            `json:"replicas"`
	Parallelism *llmParallelism   `json:"parallelism,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Template    corev1.PodSpec    `json:"template"`
	Router      llmRouter         `json:"router"`
}

type llmModel struct {
	URI  string `json:"uri"`
	Name string `json:"name"`
}

type llmParallelism struct {
	Tensor int32 `json:"tensor"`
}

// llmRouter has KServe make a route to the model on gateways that are there.
type llmRouter struct {
	Gateway struct {
		Refs []llmGateway `json:"refs"`
	} `json:"gateway"`
	Route struct{} `json:"route"`
}

type llmGateway struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

const (
	// kserveContainer is the name of the engine's container in KServe's templates.
	kserveContainer = "main"
	// kserveMemory is the name of the volume for /dev/shm.
	kserveMemory = "dshm"
)

// checkKServe finds what KServe does not do on a cluster that it serves, at path.
func (a Args) checkKServe(path string, faults *fault.List) {
	engine := ptr.Deref(a.Engine, Engine{})
	if engine.preset() != VLLM {
		faults.Add(path, "is KServe, which starts vLLM by itself; write engine.preset: VLLM, or leave the cluster out", "engine")
	}
	if engine.Port != nil || engine.BasePath != nil || engine.HealthPath != nil {
		faults.Add(path, "is KServe, which has its own port and paths; leave out engine.port, engine.basePath and engine.healthPath, or the cluster", "engine")
	}
	if a.NodesPerReplica > 1 {
		faults.Add(path, "is KServe, on which replicas have one node each here; leave out nodesPerReplica, or the cluster", "nodesPerReplica")
	}
}

// served is a model that KServe serves: it makes a Deployment, a Service and a route at the same path as ours.
func served(c cluster.Reference, replicas int, p value.Value[plan]) child.Child {
	return child.Child{
		Key: kserveKey, Kind: kube.LLMInferenceService, Name: child.From(p, func(p plan) string { return p.name }), After: []string{claimKey}, Owned: true,
		Annotations: child.Fixed(kube.WaitForReady()), Timeout: workloadTimeout(p),
		Fields: child.Fields{"spec": child.FromNames(p, func(p plan, siblings child.Names) any {
			return p.llmInferenceService(c.Gateway, replicas, siblings[claimKey])
		})},
	}
}

func (p plan) llmInferenceService(gateway cluster.GatewayReference, replicas int, claim string) llmInferenceServiceSpec {
	var volumes []corev1.Volume
	if p.sharedMemory != "" {
		volumes = append(volumes, p.memory(kserveMemory))
	}
	template := p.podTemplate(claim, map[string]string{}, p.kserveContainer(), volumes)
	for i, container := range template.Spec.Containers {
		if container.Name == engineName {
			template.Spec.Containers[i].Name = kserveContainer
		}
	}
	spec := llmInferenceServiceSpec{
		Model:    llmModel{URI: p.given.Model, Name: p.given.served(p.source)},
		Replicas: ptr.To(int32(replicas)), Labels: template.Labels, Annotations: template.Annotations, Template: template.Spec,
	}
	if p.given.TensorParallel > 1 {
		spec.Parallelism = &llmParallelism{Tensor: int32(p.given.TensorParallel)}
	}
	spec.Router.Gateway.Refs = []llmGateway{{Name: gateway.Name, Namespace: gateway.Namespace}}
	return spec
}

// kserveContainer is what is laid over the container of KServe's template. KServe downloads the weights.
func (p plan) kserveContainer() corev1.Container {
	container := p.container()
	engine := ptr.Deref(p.given.Engine, Engine{})
	container.Image, container.Command, container.Args = ptr.Deref(engine.Image, ""), nil, nil
	if p.given.PipelineParallel > 1 {
		container.Args = []string{"--pipeline-parallel-size", strconv.Itoa(p.given.PipelineParallel)}
	}
	container.Args = append(container.Args, engine.Args...)
	container.Ports, container.Lifecycle, container.VolumeMounts = nil, nil, nil
	container.ReadinessProbe, container.LivenessProbe = nil, nil
	// KServe says what is asked, over TLS where it is told to.
	container.StartupProbe = &corev1.Probe{PeriodSeconds: container.StartupProbe.PeriodSeconds, FailureThreshold: container.StartupProbe.FailureThreshold}
	return container
}
