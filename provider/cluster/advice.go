package cluster

import (
	"fmt"
	"strings"

	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/crds"
)

// adviseOnRelease says who owns the Helm release that exists already, or what to look at when the Job that comes before it does not end.
func adviseOnRelease(p plan, failure string) string {
	if strings.Contains(failure, "pre-install") || strings.Contains(failure, "pre-upgrade") {
		return fmt.Sprintf("The Job that makes Envoy Gateway's certificates has not ended. Its Pods say why, in the cluster %s: "+
			"kubectl describe pods -n %s -l app=certgen. Most often its image cannot be pulled.", p.name(), p.namespaceName())
	}
	return child.AdviseOnRelease(p.namespaceName(), p.name(), "cluster", failure)
}

// adviseOnRollout says what to look at when Envoy Gateway does not run.
func adviseOnRollout(installsCRDs bool, p plan, failure string) string {
	if !strings.Contains(failure, "timed out") {
		return ""
	}
	advice := fmt.Sprintf("Envoy Gateway does not run in the cluster %s. To see why: kubectl describe pods -n %[2]s -l control-plane=envoy-gateway, and "+
		"kubectl logs -n %[2]s deployment/%[3]s.", p.name(), p.namespaceName(), controllerDeployment)
	if !installsCRDs {
		advice += " With gatewayApi: Existing, it ends when the cluster lacks a CRD of the Gateway API's standard channel, " + crds.OldestGatewayAPI + " or newer."
	}
	return advice
}

// adviseOnGateway says what to look at when Envoy does not serve the Gateway, or who owns the Gateway.
func adviseOnGateway(p plan, failure string) string {
	switch {
	case child.HeldByAnother(failure):
		return fmt.Sprintf("The Gateway %s in the namespace %s of the cluster %[1]s belongs to another stack or program, and it was left as it "+
			"is. Choose another name or namespace for this cluster, or destroy the other one first.", p.name(), p.namespaceName())
	case strings.Contains(failure, "timed out"):
		return fmt.Sprintf("Envoy does not run in the cluster %[1]s, or no load balancer has given its Service an address. To see which: "+
			"kubectl describe pods,services -n %[2]s -l gateway.envoyproxy.io/owning-gateway-name=%[1]s.", p.name(), p.namespaceName())
	default:
		return ""
	}
}
