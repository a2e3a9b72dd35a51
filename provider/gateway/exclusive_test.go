package gateway

import (
	"slices"
	"testing"

	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child/childtest"
)

// TestTheClassIsForTheGatewayAlone would catch any change of what keeps it so that nobody looked at.
func TestTheClassIsForTheGatewayAlone(t *testing.T) {
	a := defaults()
	a.ExclusiveClass = true
	childtest.GoldenFile(t, "exclusive.yaml", slices.DeleteFunc(rendered(t, a), func(c child.Rendered) bool {
		return c.Key != exclusiveKey && c.Key != enforcedKey
	}))
}
