//go:build linux

package node

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/client-go/util/jsonpath"
)

// fieldValue is the value of a downward API field such as metadata.name, metadata.labels['app'] or status.podIP.
func fieldValue(pod *corev1.Pod, field string) (string, error) {
	switch field {
	case "metadata.labels":
		return formatMap(pod.Labels), nil
	case "metadata.annotations":
		return formatMap(pod.Annotations), nil
	case "status.podIPs":
		var ips []string
		for _, ip := range pod.Status.PodIPs {
			ips = append(ips, ip.IP)
		}
		return strings.Join(ips, ","), nil
	}
	path := jsonpath.New(field).AllowMissingKeys(true)
	// The key of a label has dots and slashes of its own, which JSONPath wants escaped.
	if err := path.Parse("{." + escapeKey(field) + "}"); err != nil {
		return "", fmt.Errorf("fieldPath %s is not a field of a Pod: %w", field, err)
	}
	var value strings.Builder
	if err := path.Execute(&value, pod); err != nil {
		return "", fmt.Errorf("fieldPath %s is not a field of a Pod: %w", field, err)
	}
	return value.String(), nil
}

func escapeKey(field string) string {
	name, key, hasKey := strings.Cut(field, "[")
	if !hasKey {
		return field
	}
	return name + "[" + strings.ReplaceAll(key, ".", `\.`)
}

// formatMap writes labels as the kubelet does: one `key="value"` a line, sorted.
func formatMap(m map[string]string) string {
	var lines strings.Builder
	for _, key := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&lines, "%s=%q\n", key, m[key])
	}
	return lines.String()
}

// resourceValue is the value of a resource field such as limits.memory, in units of the divisor and rounded up. A limit
// that the container does not set is the node's, as Kubernetes defines it.
func resourceValue(container *corev1.Container, node corev1.ResourceList, ref *corev1.ResourceFieldSelector) (string, error) {
	kind, name, _ := strings.Cut(ref.Resource, ".")
	var quantity resource.Quantity
	switch kind {
	case "requests":
		quantity = container.Resources.Requests[corev1.ResourceName(name)]
	case "limits":
		var set bool
		if quantity, set = container.Resources.Limits[corev1.ResourceName(name)]; !set {
			quantity = node[corev1.ResourceName(name)]
		}
	default:
		return "", fmt.Errorf("resourceFieldRef %s is neither limits.… nor requests.…", ref.Resource)
	}
	divisor := ref.Divisor.AsApproximateFloat64()
	if divisor == 0 {
		divisor = 1
	}
	return strconv.FormatFloat(math.Ceil(quantity.AsApproximateFloat64()/divisor), 'f', -1, 64), nil
}
