package deployment

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
)

// leaderWorkerSetSpec is the part of a LeaderWorkerSet's spec that is written here
// (https://lws.sigs.k8s.io/docs/reference/leaderworkerset.v1/). Its module would bring controllers with it.
type leaderWorkerSetSpec struct {
	Replicas             *int32               `json:"replicas"`
	StartupPolicy        string               `json:"startupPolicy"`
	LeaderWorkerTemplate leaderWorkerTemplate `json:"leaderWorkerTemplate"`
}

// leaderWorkerTemplate is one replica: a leader and its workers, each a Pod.
type leaderWorkerTemplate struct {
	Size           *int32                 `json:"size"`
	RestartPolicy  string                 `json:"restartPolicy"`
	LeaderTemplate corev1.PodTemplateSpec `json:"leaderTemplate"`
	WorkerTemplate corev1.PodTemplateSpec `json:"workerTemplate"`
}

// The variables that LeaderWorkerSet sets in every container.
const (
	leaderAddress = "$(LWS_LEADER_ADDRESS)"
	workerIndex   = "$(LWS_WORKER_INDEX)"
)

// workerComponent is what the workers of a replica carry in place of the label of those that serve.
const workerComponent = Kind + ".worker"

// nodes is how many nodes one replica spans.
func (p plan) nodes() int { return p.placing.Request.NodesPerReplica }

// leaderWorkerSet runs replicas that span several nodes. The processes of a replica start and end together, as the engines want it.
func (p plan) leaderWorkerSet(replicas int, claim string) leaderWorkerSetSpec {
	return leaderWorkerSetSpec{
		Replicas:      ptr.To(int32(replicas)),
		StartupPolicy: "LeaderCreated",
		LeaderWorkerTemplate: leaderWorkerTemplate{
			Size:           ptr.To(int32(p.nodes())),
			RestartPolicy:  "RecreateGroupOnPodRestart",
			LeaderTemplate: p.template(claim),
			WorkerTemplate: p.workerTemplate(claim),
		},
	}
}

// workerTemplate is the Pod of a replica on each further node. It serves no requests, and so nothing asks whether it is ready.
func (p plan) workerTemplate(claim string) corev1.PodTemplateSpec {
	container := p.container()
	container.Args = p.engine.workerArgs
	container.Ports, container.Lifecycle = nil, nil
	container.StartupProbe, container.ReadinessProbe, container.LivenessProbe = nil, nil, nil
	return p.podTemplate(claim, map[string]string{kube.NameLabel: p.name, kube.ComponentLabel: workerComponent}, container, p.volumes())
}
