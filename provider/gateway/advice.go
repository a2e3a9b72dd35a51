package gateway

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/modelplane/pulumi-modelplane/provider/internal/crds"
)

// holders finds who holds a field, in what the API server says of a conflict.
var holders = regexp.MustCompile(`conflicts? with "([^"]+)"`)

// adviseOnDefinitions says what to do when a definition is there already in another version, which Pulumi reports as a
// conflict of fields. Each resource of Pulumi's holds its fields under a name of its own, so that a definition which outlived
// its gateway conflicts too.
func adviseOnDefinitions(failure string) string {
	if !strings.Contains(failure, "conflict") {
		return ""
	}
	found := holders.FindAllStringSubmatch(failure, -1)
	isElse := func(holder []string) bool { return !strings.HasPrefix(holder[1], "pulumi-kubernetes") }
	if len(found) == 0 || slices.ContainsFunc(found, isElse) {
		return "Somebody else holds this custom resource definition in another version, and it was left as it is. Set " +
			"installCrds: false for this gateway; theirs must then hold the standard channel of the Gateway API, 1.5.1 or newer, " +
			"and Traefik's definitions."
	}
	return fmt.Sprintf("Pulumi wrote this custom resource definition in another version, for a gateway that is gone or for one of "+
		"another stack, and it was left as it is. Where it is older than this package's (Gateway API %s, Traefik %s), bring it up to "+
		"date by running, once: PULUMI_K8S_ENABLE_PATCH_FORCE=true pulumi up. That also takes over fields that somebody else holds of "+
		"the stack's other objects. Where it is newer, set installCrds: false for this gateway.", crds.GatewayAPIVersion, crds.TraefikVersion)
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
