package gateway

import (
	"cmp"
	"fmt"
	"strings"
)

// adviseOnDefinitions says what to do when somebody else holds a definition in another version, which Pulumi reports as a
// conflict of fields.
func adviseOnDefinitions(failure string) string {
	if !strings.Contains(failure, "conflict") {
		return ""
	}
	return "Somebody else holds this custom resource definition in another version, and it was left as it is. Set " +
		"installCrds: false for this gateway; theirs must then hold the standard channel of the Gateway API, 1.5.1 or newer, " +
		"and Traefik's definitions."
}

// adviseOnAddress says what to look at when no load balancer has given the gateway an address.
func adviseOnAddress(name string, a Args, failure string) string {
	if !strings.Contains(failure, "IP address") {
		return ""
	}
	return fmt.Sprintf("No load balancer has given the gateway's Service an address. Its events say more: kubectl describe service "+
		"-n %s %s. In a cluster without load balancers, set service.type to ClusterIP or NodePort; with several, name one in "+
		"service.loadBalancerClass.", namespaceOf(name, a), cmp.Or(a.Name, name))
}
