package cluster

import (
	"fmt"

	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/helm"
)

// The published charts.
var (
	envoyGatewayChart    = helm.Chart{Name: "oci://docker.io/envoyproxy/gateway-helm", Version: "1.8.1"}
	leaderWorkerSetChart = helm.Chart{Name: "oci://registry.k8s.io/lws/charts/lws", Version: "0.8.0"}
)

// chart is where Helm finds Envoy Gateway, and leaderWorkerSet where it finds LeaderWorkerSet.
func (s Source) chart() helm.Chart { return s.Chart.or(envoyGatewayChart) }

func (s Source) leaderWorkerSet() helm.Chart { return s.LeaderWorkerSetChart.or(leaderWorkerSetChart) }

// or is the chart that a program gives, and the published one in what it does not say.
func (c *Chart) or(published helm.Chart) helm.Chart {
	if c == nil {
		return published
	}
	return helm.Chart{
		Name:       ptr.Deref(c.Name, published.Name),
		Version:    ptr.Deref(c.Version, published.Version),
		Repository: ptr.Deref(c.Repository, ""),
	}
}

// leaderWorkerSetValues are the values that the program gives for LeaderWorkerSet. The chart needs none.
func (s Source) leaderWorkerSetValues() map[string]any {
	if s.LeaderWorkerSetChart == nil {
		return map[string]any{}
	}
	return helm.Overlay(map[string]any{}, s.LeaderWorkerSetChart.Values)
}

// values are Envoy Gateway's values: ours, and the user's over them.
func (p plan) values(s Source) map[string]any {
	// What makes the certificates is a Helm hook, which would outlive the release.
	gone := map[string]any{"annotations": map[string]any{"helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded"}}
	values := map[string]any{
		"certgen": map[string]any{"job": gone, "rbac": gone},
		"config": map[string]any{"envoyGateway": map[string]any{
			// Each Envoy Gateway serves its own class alone.
			"gateway":    map[string]any{"controllerName": p.controller()},
			"envoyProxy": p.proxy(),
		}},
		// A policy for the CRDs of all tools on the cluster, of which there can be only one.
		"crds": map[string]any{"gatewayAPI": map[string]any{"safeUpgradePolicy": map[string]any{"enabled": false}}},
		// It places Envoy by the zones of nodes, for which it needs a webhook. That would outlive the release.
		"topologyInjector": map[string]any{"enabled": false},
	}
	if s.Chart == nil {
		return values
	}
	return helm.Overlay(values, s.Chart.Values)
}

// proxy is how Envoy runs, as the spec of an EnvoyProxy. It is part of Envoy Gateway's configuration: as an object, it would need a CRD
// that is larger than all others together.
func (p plan) proxy() map[string]any {
	service := map[string]any{"type": "LoadBalancer", "externalTrafficPolicy": "Cluster"}
	if len(p.gateway.Annotations) > 0 {
		service["annotations"] = p.gateway.Annotations
	}
	container := func(name string) map[string]any {
		probe := map[string]any{"periodSeconds": 1}
		return map[string]any{"name": name, "startupProbe": probe, "readinessProbe": probe}
	}
	// Envoy Gateway itself takes no other grace than the time to drain and five minutes. The end of a namespace waits for half of
	// the grace of the Pods that are left in it.
	pod := map[string]any{
		"terminationGracePeriodSeconds": drain + 15,
		"containers":                    []any{container("envoy"), container("shutdown-manager")},
	}
	return map[string]any{
		"provider": map[string]any{
			"type": "Kubernetes",
			"kubernetes": map[string]any{
				"envoyDeployment": map[string]any{
					"replicas": p.gateway.Replicas,
					"patch": map[string]any{
						"type":  "StrategicMerge",
						"value": map[string]any{"spec": map[string]any{"template": map[string]any{"spec": pod}}},
					},
				},
				"envoyService": service,
			},
		},
		"shutdown": map[string]any{"drainTimeout": fmt.Sprintf("%ds", drain), "minDrainDuration": "1s"},
	}
}

// drain is how long, in seconds, a replica of Envoy may take to finish the answers that it has begun.
const drain = 60
