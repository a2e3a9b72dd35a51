//go:build linux

package node

import (
	"context"
	"fmt"
	"maps"
	"os"
	"runtime"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/component-helpers/apimachinery/lease"
	nodeutil "k8s.io/component-helpers/node/util"
	"k8s.io/utils/clock"
)

// leaseDuration is the kubelet's default (nodeLeaseDurationSeconds); it renews after a quarter of it.
const leaseDuration = 40 * time.Second

// nodeCapacity is large enough for the requests of any chart: nothing is measured or enforced.
var nodeCapacity = corev1.ResourceList{
	corev1.ResourceCPU:              resource.MustParse("64"),
	corev1.ResourceMemory:           resource.MustParse("256Gi"),
	corev1.ResourceEphemeralStorage: resource.MustParse("256Gi"),
	corev1.ResourcePods:             resource.MustParse("250"),
}

// register makes the Node, or brings the status of one that an earlier agent left up to date.
func register(ctx context.Context, client kubernetes.Interface, cfg Config) error {
	node := nodeObject(cfg)
	_, err := client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	left, err := client.CoreV1().Nodes().Get(ctx, cfg.NodeName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	// As a kubelet does, the agent leaves alone what others have made known: devices.
	node.Status.Capacity = with(left.Status.Capacity, node.Status.Capacity)
	node.Status.Allocatable = with(left.Status.Allocatable, node.Status.Allocatable)
	left.Status = node.Status
	_, err = client.CoreV1().Nodes().UpdateStatus(ctx, left, metav1.UpdateOptions{})
	return err
}

// with is base with what more has, which goes before.
func with(base, more corev1.ResourceList) corev1.ResourceList {
	all := corev1.ResourceList{}
	maps.Copy(all, base)
	maps.Copy(all, more)
	return all
}

func nodeObject(cfg Config) *corev1.Node {
	now := metav1.Now()
	condition := func(kind corev1.NodeConditionType, status corev1.ConditionStatus, reason string) corev1.NodeCondition {
		return corev1.NodeCondition{Type: kind, Status: status, Reason: reason, LastHeartbeatTime: now, LastTransitionTime: now}
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: cfg.NodeName,
			Labels: map[string]string{
				corev1.LabelOSStable:   runtime.GOOS,
				corev1.LabelArchStable: runtime.GOARCH,
				corev1.LabelHostname:   cfg.NodeName,
			},
		},
		Status: corev1.NodeStatus{
			Capacity:    nodeCapacity,
			Allocatable: nodeCapacity,
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: cfg.NodeIP.String()},
				{Type: corev1.NodeHostName, Address: cfg.NodeName},
			},
			NodeInfo: corev1.NodeSystemInfo{
				OperatingSystem:         runtime.GOOS,
				Architecture:            runtime.GOARCH,
				ContainerRuntimeVersion: "processes://" + runtime.Version(),
			},
			Conditions: []corev1.NodeCondition{
				condition(corev1.NodeReady, corev1.ConditionTrue, "AgentReady"),
				condition(corev1.NodeMemoryPressure, corev1.ConditionFalse, "NotMeasured"),
				condition(corev1.NodeDiskPressure, corev1.ConditionFalse, "NotMeasured"),
				condition(corev1.NodePIDPressure, corev1.ConditionFalse, "NotMeasured"),
			},
		},
	}
}

// stayReady writes the Node's status again where it is no longer Ready, as a kubelet does. The node lifecycle controller takes a Node whose Lease
// is not renewed for dead, and a renewed Lease alone does not bring it back.
func stayReady(ctx context.Context, client kubernetes.Interface, cfg Config) {
	wait.UntilWithContext(ctx, func(ctx context.Context) {
		node, err := client.CoreV1().Nodes().Get(ctx, cfg.NodeName, metav1.GetOptions{})
		if err != nil {
			return
		}
		if _, ready := nodeutil.GetNodeCondition(&node.Status, corev1.NodeReady); ready != nil && ready.Status == corev1.ConditionTrue {
			return
		}
		if err := register(ctx, client, cfg); err != nil {
			fmt.Fprintf(os.Stderr, "node agent: Node %s is not Ready, and its status could not be written: %s\n", cfg.NodeName, err)
		}
	}, leaseDuration/4)
}

// renewLease keeps the Node Ready: the node lifecycle controller takes a renewed Lease for a heartbeat.
func renewLease(ctx context.Context, client kubernetes.Interface, nodeName string) {
	report := func() {
		fmt.Fprintf(os.Stderr, "node agent: the Lease of Node %s could not be renewed several times in a row\n", nodeName)
	}
	lease.NewController(clock.RealClock{}, client, nodeName, int32(leaseDuration.Seconds()), report,
		leaseDuration/4, nodeName, corev1.NamespaceNodeLease, nil).Run(ctx)
}
