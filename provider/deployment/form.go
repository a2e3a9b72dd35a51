package deployment

import (
	"fmt"
	"strconv"

	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// workload is the object that runs a deployment's replicas on one cluster, which is waited for until all of them are ready: the engine
// may take an hour to load a model. The Pods that serve carry the same labels in every form, and no other Pod carries them, so the
// Service leads to the replicas of one form until those of another are ready, and then to both until the old ones are gone.
func workload(replicas int, p value.Value[plan]) child.Child {
	c := child.Child{
		Key: workloadKey, After: []string{claimKey}, Timeout: workloadTimeout(p),
	}
	if p.Now().nodes() > 1 {
		return group(c, replicas, p)
	}
	c.Kind, c.Name, c.Owned = kube.Deployment, child.From(p, func(p plan) string { return p.name }), true
	c.Fields = child.Fields{"spec": child.FromNames(p, func(p plan, siblings child.Names) any {
		return p.deployment(replicas, siblings[claimKey])
	})}
	return c
}

// workloadTimeout is how long replicas have to load their model.
func workloadTimeout(p value.Value[plan]) string {
	return fmt.Sprintf("%ds", int(p.Now().startup.Seconds())+grace)
}

// group is a LeaderWorkerSet. What its Pods are made of never changes: another one comes beside it, and it is deleted when that one is
// ready. Its own rolling update takes a replica away before the last new one is ready, and never begins where there is one replica
// (https://github.com/kubernetes-sigs/lws/blob/v0.8.0/pkg/controllers/leaderworkerset_controller.go#L255).
func group(c child.Child, replicas int, p value.Value[plan]) child.Child {
	c.Kind, c.Hash = kube.LeaderWorkerSet, child.From(p, plan.groupHash)
	c.Annotations = child.Fixed(kube.WaitForGroups())
	c.Fields = child.Fields{"spec": child.FromNames(p, func(p plan, siblings child.Names) any {
		return p.leaderWorkerSet(replicas, siblings[claimKey])
	})}
	c.Retry = awaitGroups
	return c
}

// awaitGroups has a LeaderWorkerSet written again until the webhooks answer. The Pod that has them is ready before it has its certificate, for
// which Kubernetes may take a minute or two (https://github.com/kubernetes-sigs/lws/blob/v0.8.0/cmd/main.go#L239).
func awaitGroups(failure string) string {
	if !kube.WebhookFailed(failure) {
		return ""
	}
	return "The cluster's webhooks for a LeaderWorkerSet do not answer yet. It is written again every few seconds."
}

// groupHash is a hash of what the Pods of a LeaderWorkerSet are made of. The number of replicas is not in it.
func (p plan) groupHash() string {
	return names.Hash([]any{p.leaderWorkerSet(0, ""), p.claim()})
}

// groupRoom is the room that a LeaderWorkerSet leaves in its name. Kubernetes makes labels of the names of its StatefulSets, each the
// set's name with the replica's index, and a hash of ten characters.
func groupRoom(replicas int) int {
	index := strconv.Itoa(max(replicas-1, 0))
	return names.MaxLabel - len("-") - len(index) - len("-0123456789")
}
