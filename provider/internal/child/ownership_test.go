package child

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/util/validation"
)

// TestEachComponentOfEachStackIsAnOwner would catch two stacks, or two components of one, that take each other's objects for
// their own; an owner that changes from one update to the next; and one that is not a label's value.
func TestEachComponentOfEachStackIsAnOwner(t *testing.T) {
	const urn = "urn:pulumi:dev::shop::modelplane:index:ModelGateway::gw"
	owner := ownerLabel("acme", urn, "ModelGateway", "gw")
	assert.Equal(t, "9c6189ebc7b537ce", owner, "objects in clusters have the old one")
	seen := map[string]string{owner: "acme " + urn}
	for _, other := range [][2]string{
		{"other", urn},
		{"", "acme\n" + urn},
		{"acme", "urn:pulumi:prod::shop::modelplane:index:ModelGateway::gw"},
		{"acme", "urn:pulumi:dev::store::modelplane:index:ModelGateway::gw"},
		{"acme", "urn:pulumi:dev::shop::modelplane:index:ModelGateway::gw2"},
		{"acme", "urn:pulumi:dev::shop::modelplane:index:ModelService::gw"},
	} {
		made := ownerLabel(other[0], other[1], "ModelGateway", "gw")
		assert.Empty(t, validation.IsValidLabelValue(made))
		assert.NotContains(t, seen, made, "%q and %s", other, seen[made])
		seen[made] = other[0] + " " + other[1]
	}
	assert.NotContains(t, seen, ownerLabel("acme", urn, "ModelEndpoint", "gw"), "a component inside of it")
	assert.NotContains(t, seen, ownerLabel("acme", urn, "ModelGateway", "inner"), "a component inside of it")
}

// TestAConflictOverTheOwnerIsToldFromOthers would catch an advice that blames another stack for a field of this one's own
// object which someone has changed, and none for an object that is another's.
func TestAConflictOverTheOwnerIsToldFromOthers(t *testing.T) {
	const said = `The resource managed by field manager "pulumi-kubernetes-14eae28f" had an apply conflict: Apply failed with `
	for failure, held := range map[string]bool{
		said + `1 conflict: conflict with "pulumi-kubernetes-806196ff": .metadata.labels.modelplane/owner`:                           true,
		said + "2 conflicts: conflicts with \"pulumi-kubernetes-8\":\n- .metadata.labels.modelplane/owner\n- .spec.gatewayClassName": true,
		said + `1 conflict: conflict with "kubectl-edit" using gateway.networking.k8s.io/v1: .spec.listeners`:                        false,
		`namespaces "modelplane-gw" already exists`:                                                                                  true,
		"connection refused":                           false,
		`label modelplane/owner: must be no more than`: false,
	} {
		assert.Equal(t, held, HeldByAnother(failure), failure)
	}
}
