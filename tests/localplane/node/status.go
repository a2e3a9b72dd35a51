//go:build linux

package node

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// firstStatus is the status of a Pod that this node has taken on: every container waits.
func firstStatus(pod *corev1.Pod, nodeIP netip.Addr) corev1.PodStatus {
	now := metav1.Now()
	status := corev1.PodStatus{
		StartTime: &now,
		HostIP:    nodeIP.String(),
		HostIPs:   []corev1.HostIP{{IP: nodeIP.String()}},
	}
	waiting := func(containers []corev1.Container) (statuses []corev1.ContainerStatus) {
		for _, c := range containers {
			statuses = append(statuses, corev1.ContainerStatus{
				Name:  c.Name,
				Image: c.Image,
				State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}},
			})
		}
		return statuses
	}
	status.InitContainerStatuses = waiting(pod.Spec.InitContainers)
	status.ContainerStatuses = waiting(pod.Spec.Containers)
	return status
}

// summarize draws phase and conditions from the containers' statuses. ending says that containers that have ended
// will not be started again.
func summarize(pod *corev1.Pod, ending bool) {
	status := &pod.Status
	status.ObservedGeneration = pod.Generation
	status.Phase = phase(pod, ending)

	isReady := func(c corev1.ContainerStatus) bool { return c.Ready }
	notReady := slices.ContainsFunc(status.ContainerStatuses, func(c corev1.ContainerStatus) bool { return !isReady(c) })
	hasAddress := status.PodIP != ""
	done := status.Phase == corev1.PodSucceeded || status.Phase == corev1.PodFailed
	reason := ""
	switch {
	case done:
		reason = "PodCompleted"
	case notReady:
		reason = "ContainersNotReady"
	}
	setCondition(pod, corev1.PodReadyToStartContainers, hasAddress, "")
	setCondition(pod, corev1.PodInitialized, initialized(status), "")
	setCondition(pod, corev1.ContainersReady, !notReady && !done, reason)
	setCondition(pod, corev1.PodReady, !notReady && !done, reason)
}

func phase(pod *corev1.Pod, ending bool) corev1.PodPhase {
	status, policy := pod.Status, pod.Spec.RestartPolicy
	final := ending || policy == corev1.RestartPolicyNever
	for _, c := range status.InitContainerStatuses {
		if final && c.State.Terminated != nil && c.State.Terminated.ExitCode != 0 {
			return corev1.PodFailed
		}
	}
	if !initialized(&status) {
		return corev1.PodPending
	}
	ended, failed := 0, 0
	for _, c := range status.ContainerStatuses {
		switch {
		case c.State.Waiting != nil && c.LastTerminationState.Terminated == nil:
			return corev1.PodPending
		case c.State.Terminated != nil:
			ended++
			if c.State.Terminated.ExitCode != 0 {
				failed++
			}
		}
	}
	switch {
	case ended < len(status.ContainerStatuses), policy == corev1.RestartPolicyAlways && !ending:
		return corev1.PodRunning
	case failed == 0:
		return corev1.PodSucceeded
	case final:
		return corev1.PodFailed
	default:
		return corev1.PodRunning
	}
}

func initialized(status *corev1.PodStatus) bool {
	return !slices.ContainsFunc(status.InitContainerStatuses, func(c corev1.ContainerStatus) bool {
		return c.State.Terminated == nil || c.State.Terminated.ExitCode != 0
	})
}

// setCondition keeps the time of the last transition while the condition stays what it is.
func setCondition(pod *corev1.Pod, kind corev1.PodConditionType, is bool, reasonIfNot string) {
	condition := corev1.PodCondition{
		Type:               kind,
		Status:             corev1.ConditionFalse,
		Reason:             reasonIfNot,
		ObservedGeneration: pod.Generation,
		LastTransitionTime: metav1.Now(),
	}
	if is {
		condition.Status, condition.Reason = corev1.ConditionTrue, ""
	}
	for i, before := range pod.Status.Conditions {
		if before.Type != kind {
			continue
		}
		if before.Status == condition.Status {
			condition.LastTransitionTime = before.LastTransitionTime
		}
		pod.Status.Conditions[i] = condition
		return
	}
	pod.Status.Conditions = append(pod.Status.Conditions, condition)
}
