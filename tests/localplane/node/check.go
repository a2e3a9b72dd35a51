//go:build linux

package node

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// unsupported says what a Pod asks for that this node cannot give, or nil.
func unsupported(pod *corev1.Pod) error {
	var faults []string
	refuse := func(is bool, format string, args ...any) {
		if is {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	spec := pod.Spec
	refuse(spec.HostNetwork, "hostNetwork is not supported; every Pod has a network of its own")
	refuse(spec.HostPID || spec.HostIPC || ptr.Deref(spec.ShareProcessNamespace, false),
		"hostPID, hostIPC and shareProcessNamespace are not supported")
	refuse(len(spec.HostAliases) > 0, "hostAliases are not supported; add the names to the plane's hosts file")
	refuse(spec.ActiveDeadlineSeconds != nil, "activeDeadlineSeconds is not supported; delete the Pod instead")
	refuse(len(spec.ReadinessGates) > 0, "readinessGates are not supported; use a readinessProbe")
	for _, v := range spec.Volumes {
		known := v.EmptyDir != nil || v.ConfigMap != nil || v.Secret != nil || v.Projected != nil || v.DownwardAPI != nil
		refuse(!known, "volume %s is of a kind that is not supported; use emptyDir, configMap, secret, projected or downwardAPI", v.Name)
		if v.Projected == nil {
			continue
		}
		for _, s := range v.Projected.Sources {
			known := s.ServiceAccountToken != nil || s.ConfigMap != nil || s.Secret != nil || s.DownwardAPI != nil
			refuse(!known, "volume %s has a source that is not supported; use serviceAccountToken, configMap, secret or downwardAPI", v.Name)
		}
	}
	for _, c := range spec.InitContainers {
		refuse(c.RestartPolicy != nil, "init container %s has a restartPolicy, which is not supported; make it an ordinary container", c.Name)
	}
	for _, c := range spec.Containers {
		for _, port := range c.Ports {
			refuse(port.HostPort != 0, "the hostPort of container %s is not supported; every Pod has an address of its own", c.Name)
		}
		for kind, probe := range map[string]*corev1.Probe{
			"readinessProbe": c.ReadinessProbe, "livenessProbe": c.LivenessProbe, "startupProbe": c.StartupProbe,
		} {
			refuse(probe != nil && probe.HTTPGet == nil && probe.TCPSocket == nil,
				"the %s of container %s is of a kind that is not supported; use httpGet or tcpSocket", kind, c.Name)
		}
		if c.Lifecycle == nil {
			continue
		}
		refuse(c.Lifecycle.PostStart != nil, "the postStart hook of container %s is not supported", c.Name)
		hook := c.Lifecycle.PreStop
		refuse(hook != nil && hook.Exec == nil && hook.HTTPGet == nil && hook.Sleep == nil,
			"the preStop hook of container %s is of a kind that is not supported; use exec, httpGet or sleep", c.Name)
	}
	if faults == nil {
		return nil
	}
	return &startError{reason: "CreateContainerConfigError", message: strings.Join(faults, "; ")}
}
