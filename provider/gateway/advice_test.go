package gateway

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestOnlyPulumisOwnDefinitionsAreToBeTakenOver would catch an advice to overwrite what another tool holds, alone or beside
// Pulumi, and one for a failure that is no conflict.
func TestOnlyPulumisOwnDefinitionsAreToBeTakenOver(t *testing.T) {
	const said = `The resource managed by field manager "pulumi-kubernetes-14eae28f" had an apply conflict: Apply failed with `
	for failure, advised := range map[string]string{
		said + `1 conflict: conflict with "pulumi-kubernetes-806196ff": .spec.versions`:                                          "PATCH_FORCE",
		said + "2 conflicts: conflicts with \"pulumi-kubernetes-1\":\n- .spec\nconflicts with \"pulumi-kubernetes-2\":\n- .spec": "PATCH_FORCE",
		said + `1 conflict: conflict with "helm" using apiextensions.k8s.io/v1: .spec.versions`:                                  "Somebody else",
		said + "2 conflicts: conflicts with \"pulumi-kubernetes-1\":\n- .spec\nconflicts with \"kubectl\":\n- .spec":             "Somebody else",
		"Operation cannot be fulfilled: there is a conflict":                                                                     "Somebody else",
	} {
		assert.Contains(t, adviseOnDefinitions(failure), advised, failure)
	}
	assert.Empty(t, adviseOnDefinitions("connection refused"))
}
