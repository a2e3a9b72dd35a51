package service

import (
	"cmp"
	"fmt"
	"maps"
	"strings"

	"github.com/modelplane/pulumi-modelplane/provider/internal/object"
)

// annotations are the user's, and what has Pulumi wait until this generation of the route is accepted by this gateway and
// its references are resolved. The generation matters: an update would be satisfied by the status of the spec before.
func annotations(a Args) map[string]string {
	annotations := map[string]string{}
	if a.SkipAwait {
		annotations["pulumi.com/skipAwait"] = "true"
	} else {
		annotations[object.WaitForAnnotation] = waitFor(a.Gateway.Name, "Accepted", "ResolvedRefs")
	}
	maps.Copy(annotations, a.Annotations)
	return annotations
}

// waitFor is a list of JSONPath conditions (RFC 9535): the reason of each type of condition must be its own name, as the
// Gateway API words success.
func waitFor(gateway string, types ...string) string {
	conditions := make([]string, len(types))
	for i, t := range types {
		conditions[i] = fmt.Sprintf(`"jsonpath={$.status.parents[?@.parentRef.name == '%s'].conditions`+
			`[?@.type == '%s' && @.observedGeneration == $.metadata.generation].reason}=%s"`, gateway, t, t)
	}
	return "[" + strings.Join(conditions, ", ") + "]"
}

// advise says whose the route is, or where the gateway's reason stands when it has not accepted the route in time.
func advise(name string, a Args, failure string) string {
	routeName := cmp.Or(a.Name, name)
	switch {
	case object.HeldByAnother(failure):
		return fmt.Sprintf("The HTTPRoute %s in the namespace %s belongs to another stack or program, and it was left as it is. Choose "+
			"another name or namespace for this service, or destroy the other one first.", routeName, a.Namespace)
	case strings.Contains(failure, "timed out waiting"):
		return fmt.Sprintf("The gateway %[1]s/%[2]s has not accepted the route, or could not resolve what it names. The reason that it "+
			"gives is in the route's last status above, and in: kubectl describe httproute -n %[3]s %[4]s",
			a.Gateway.Namespace, a.Gateway.Name, a.Namespace, routeName)
	default:
		return ""
	}
}
