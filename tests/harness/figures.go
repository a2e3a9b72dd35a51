package harness

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GatewayPods are the addresses of the gateway's Pods that do not end.
func GatewayPods(t testing.TB) map[string]string {
	t.Helper()
	list, err := NewCluster(t).Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace("modelplane-gw").
		List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	pods := map[string]string{}
	for _, pod := range list.Items {
		address, _, _ := unstructured.NestedString(pod.Object, "status", "podIP")
		if pod.GetDeletionTimestamp() == nil && address != "" {
			pods[pod.GetName()] = address
		}
	}
	require.NotEmpty(t, pods)
	return pods
}

// Figure is the sum of a family's series that have all of these labels, over all Pods. A family without labels is one series.
func Figure(t testing.TB, text, family string, labels ...string) float64 {
	t.Helper()
	sum := 0.0
	for line := range strings.Lines(text) {
		name, rest, isLabelled := strings.Cut(strings.TrimSpace(line), "{")
		given, value, _ := strings.Cut(rest, "} ")
		if !isLabelled {
			name, value, _ = strings.Cut(name, " ")
		}
		has := name == family
		for _, label := range labels {
			has = has && strings.Contains(","+given+",", ","+label+",")
		}
		if has {
			var of float64
			_, err := fmt.Sscan(value, &of)
			require.NoError(t, err, line)
			sum += of
		}
	}
	return sum
}
