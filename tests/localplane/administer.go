package localplane

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// Client is the administrator's way to the cluster's API server.
func (c Cluster) Client() (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig())
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(config)
}

// SetDevices has the cluster's Node offer count devices of an extended resource,
// such as nvidia.com/gpu, as a device plugin does. The scheduler counts them. No
// container finds any.
func (c Cluster) SetDevices(ctx context.Context, resource corev1.ResourceName, count int) error {
	client, err := c.Client()
	if err != nil {
		return err
	}
	devices := map[corev1.ResourceName]string{resource: fmt.Sprint(count)}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"capacity": devices, "allocatable": devices}})
	if err != nil {
		return err
	}
	_, err = client.CoreV1().Nodes().Patch(ctx, c.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}
