//go:build linux

package node

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// board is where a Pod's containers note what became of them, and from where the API server learns it.
type board struct {
	agent *agent
	// changed holds at most one reminder that the status is newer than what was written.
	changed chan struct{}

	mu sync.Mutex
	// pod is the Pod as the API server has it, with the status as the board has it.
	pod    *corev1.Pod
	ending bool
}

func newBoard(a *agent, pod *corev1.Pod) *board {
	b := &board{agent: a, pod: pod.DeepCopy(), changed: make(chan struct{}, 1)}
	b.pod.Status = firstStatus(pod, a.cfg.NodeIP)
	return b
}

// see takes over metadata and specification of a newer version of the Pod.
func (b *board) see(pod *corev1.Pod) {
	b.edit(func(own *corev1.Pod) {
		status := own.Status
		*own = *pod.DeepCopy()
		own.Status = status
	})
}

func (b *board) setAddresses(a addresses) {
	b.edit(func(pod *corev1.Pod) {
		pod.Status.PodIP = a.v4.String()
		pod.Status.PodIPs = []corev1.PodIP{{IP: a.v4.String()}, {IP: a.v6.String()}}
	})
}

// container changes the status of one container.
func (b *board) container(name string, change func(*corev1.ContainerStatus)) {
	b.edit(func(pod *corev1.Pod) {
		for _, statuses := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
			for i := range statuses {
				if statuses[i].Name == name {
					change(&statuses[i])
				}
			}
		}
	})
}

// end notes that the Pod is to stop: from now on no container is ready.
func (b *board) end() {
	b.mu.Lock()
	b.ending = true
	b.mu.Unlock()
	b.edit(func(*corev1.Pod) {})
}

// current returns a copy of the Pod with its status of this moment.
func (b *board) current() *corev1.Pod {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pod.DeepCopy()
}

func (b *board) edit(change func(*corev1.Pod)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(b.pod)
	if b.ending {
		for i := range b.pod.Status.ContainerStatuses {
			b.pod.Status.ContainerStatuses[i].Ready = false
		}
	}
	summarize(b.pod, b.ending)
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// follow writes the status after each change until ctx ends, then once more what is new.
func (b *board) follow(ctx context.Context) {
	var written corev1.PodStatus
	write := func() {
		pod := b.current()
		if equality.Semantic.DeepEqual(pod.Status, written) {
			return
		}
		if err := b.write(pod); err != nil {
			b.agent.log("status of Pod %s/%s: %v", pod.Namespace, pod.Name, err)
			return
		}
		written = pod.Status
	}
	for {
		select {
		case <-b.changed:
			write()
		case <-ctx.Done():
			write()
			return
		}
	}
}

// write applies the status. Server-side apply leaves alone what others wrote, such as the scheduler's condition, and
// the UID keeps it from a Pod that has taken the name since.
func (b *board) write(pod *corev1.Pod) error {
	type metadata struct {
		Name      string    `json:"name"`
		Namespace string    `json:"namespace"`
		UID       types.UID `json:"uid"`
	}
	patch, err := json.Marshal(struct {
		metav1.TypeMeta `json:",inline"`
		Metadata        metadata         `json:"metadata"`
		Status          corev1.PodStatus `json:"status"`
	}{
		metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		metadata{pod.Name, pod.Namespace, pod.UID},
		pod.Status,
	})
	if err != nil {
		return err
	}
	force := true
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		_, err = b.agent.client.CoreV1().Pods(pod.Namespace).Patch(b.agent.ctx, pod.Name, types.ApplyPatchType, patch,
			metav1.PatchOptions{FieldManager: "localplane-node", Force: &force}, "status")
		if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) || b.agent.ctx.Err() != nil {
			return nil //nolint:nilerr // nobody waits for this status any more
		}
		if apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) {
			return err
		}
		if !sleep(b.agent.ctx, wait) {
			return nil
		}
	}
}
