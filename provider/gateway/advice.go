package gateway

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/crds"
)

// ownCRDs is what a cluster must have if a gateway does not install its CRDs.
const ownCRDs = "Set installCrds: false for this gateway. The cluster must then have the CRDs of the Gateway API's standard channel, " +
	crds.OldestGatewayAPI + " or newer, and those of Traefik."

// adviseOnCRDs says what to do about a CRD that cannot be installed.
func adviseOnCRDs(_ plan, failure string) string { return crds.Advise(failure, ownCRDs) }

// adviseOnNamespace says who owns the namespace.
func adviseOnNamespace(p plan, failure string) string {
	switch {
	case child.HeldByAnother(failure):
		return fmt.Sprintf("The namespace %s belongs to a gateway of another stack or program, and it was left as it is. Choose another name "+
			"for this gateway, or destroy the other one first.", p.namespaceName())
	case strings.Contains(failure, "conflict"):
		return fmt.Sprintf("The namespace %s is there already, with other labels or annotations. Leave createNamespace out to use it as it "+
			"is.", p.namespaceName())
	default:
		return ""
	}
}

// adviseOnEntryPoint says who owns the Middleware of the entry point. It is the first object in the gateway's namespace, so it
// fails if the namespace is missing.
func adviseOnEntryPoint(p plan, failure string) string {
	namespace := p.namespaceName()
	switch {
	case child.HeldByAnother(failure):
		return fmt.Sprintf("The Middleware %s in the namespace %s belongs to a gateway of another stack or program, and it was left as it "+
			"is. Choose another name or namespace for this gateway, or destroy the other one first.", p.entryPointName(), namespace)
	case strings.Contains(failure, fmt.Sprintf("namespaces %q not found", namespace)):
		return fmt.Sprintf("The namespace %s does not exist. Create it before the gateway, or set createNamespace: true.", namespace)
	default:
		return ""
	}
}

// adviseOnRelease says who owns the Helm release that exists already, or what a ServiceMonitor needs.
func adviseOnRelease(p plan, failure string) string {
	if strings.Contains(failure, "monitoring.coreos.com") {
		return "The cluster does not have the CRD of a ServiceMonitor, which comes with Prometheus' operator. Install the operator first, or leave " +
			"observability.metrics.serviceMonitor out, and have Prometheus find the gateway's Pods by itself."
	}
	return child.AdviseOnRelease(p.namespaceName(), p.name(), "gateway", failure)
}

// adviseOnAddress says what to look at when no load balancer has given the gateway an address.
func adviseOnAddress(p plan, failure string) string {
	if !strings.Contains(failure, "timed out") {
		return ""
	}
	return fmt.Sprintf("No load balancer has given the gateway's Service an address. Its events say more: kubectl describe service "+
		"-n %s %s. In a cluster without load balancers, set service.type to ClusterIP or NodePort. Where another Service has the port, as "+
		"Traefik in k3s has port 80, set another port. With several load balancers, name one in service.loadBalancerClass.",
		p.namespaceName(), p.name())
}

// adviseOnGateway says why Traefik does not serve the Gateway, or who owns the Gateway or its class.
func adviseOnGateway(installsCRDs bool, p plan, failure string) string {
	switch {
	case child.HeldByAnother(failure):
		return fmt.Sprintf("The Gateway %s in the namespace %s, or its GatewayClass %s, belongs to another stack or program, and it was left "+
			"as it is. Choose another name or namespace for this gateway, or destroy the other one first.",
			p.name(), p.namespaceName(), p.className())
	case installsCRDs:
		return adviseOnCertificates(p, failure)
	case strings.Contains(failure, "timed out"), strings.Contains(failure, "the apiVersion for this resource does not exist"):
		return fmt.Sprintf("With installCrds: false, the cluster must have the CRDs that Traefik watches, or Traefik serves no Gateway: %s. They "+
			"come with the standard channel of the Gateway API, %s or newer, and with Traefik. To see what is there: kubectl get crd "+
			`-o custom-columns='NAME:.metadata.name,SERVED:.spec.versions[?(@.served==true)].name'. Traefik's log says what it `+
			"misses: kubectl logs -n %s deployment/%s.", watched(), crds.OldestGatewayAPI, p.namespaceName(), p.name())
	default:
		return ""
	}
}

// watched lists the CRDs that Traefik watches, each with its version.
func watched() string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(crds.Traefik)) {
		all = append(all, fmt.Sprintf("%s (%s)", name, crds.Traefik[name]))
	}
	return strings.Join(all, ", ")
}
