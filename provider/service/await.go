package service

import (
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
