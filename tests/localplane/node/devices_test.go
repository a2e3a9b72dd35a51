//go:build linux

package node_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/modelplane/pulumi-modelplane/tests/localplane/node"
)

// Catches an agent that takes away devices that were written into its Node's status.
func TestNodeKeepsDevicesThatOthersMakeKnown(t *testing.T) {
	needPlane(t)
	config := node.Config{
		API:       plane.api,
		NodeName:  "node-with-devices",
		NodeIP:    plane.here.First().Node,
		PodCIDR:   netip.MustParsePrefix("10.249.0.0/16"),
		PodCIDR6:  netip.MustParsePrefix("fd00:249::/64"),
		Dir:       t.TempDir(),
		HostsFile: plane.here.HostsFile(),
		APIServer: plane.here.First().APIServer,
	}
	// restart starts the agent on a Node that has one CPU, has it write the status, and stops it.
	restart := func() corev1.NodeStatus {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		ended := make(chan error, 1)
		go func() { ended <- node.Run(ctx, config) }()
		var seen *corev1.Node
		eventually(t, "the agent to write the Node's status", func() (written bool) {
			var err error
			seen, err = plane.client.CoreV1().Nodes().Get(t.Context(), config.NodeName, metav1.GetOptions{})
			return err == nil && seen.Status.Capacity.Cpu().Value() > 1
		})
		stop()
		require.NoError(t, <-ended)
		return seen.Status
	}
	restart()
	t.Cleanup(func() {
		require.NoError(t, plane.client.CoreV1().Nodes().Delete(context.Background(), config.NodeName, metav1.DeleteOptions{}))
	})
	patch := `{"status": {"capacity": {"cpu": "1", "nvidia.com/gpu": "8"}, "allocatable": {"nvidia.com/gpu": "8"}}}`
	_, err := plane.client.CoreV1().Nodes().Patch(t.Context(), config.NodeName, types.MergePatchType, []byte(patch), metav1.PatchOptions{}, "status")
	require.NoError(t, err)
	status := restart()
	for _, offered := range []corev1.ResourceList{status.Capacity, status.Allocatable} {
		devices := offered["nvidia.com/gpu"]
		require.Equal(t, "8", devices.String())
	}
}
