package provider

import (
	"testing"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/assert"
)

// TestAliasURN would catch an alias that matches no resource of the state, so that a component that is renamed, moved to
// another parent or taken from one is replaced.
func TestAliasURN(t *testing.T) {
	request := &pulumirpc.ConstructRequest{
		Stack: "dev", Project: "shop", Type: "modelplane:index:ModelEndpoint", Name: "new",
		Parent: "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev",
	}
	team := "urn:pulumi:dev::shop::my:index:Team::red"
	for want, alias := range map[string]*pulumirpc.Alias_Spec{
		"urn:pulumi:dev::shop::modelplane:index:ModelEndpoint::old":               {Name: "old"},
		"urn:pulumi:dev::shop::old:index:Endpoint::new":                           {Type: "old:index:Endpoint"},
		"urn:pulumi:test::store::modelplane:index:ModelEndpoint::new":             {Stack: "test", Project: "store"},
		"urn:pulumi:dev::shop::my:index:Team$modelplane:index:ModelEndpoint::new": {Parent: &pulumirpc.Alias_Spec_ParentUrn{ParentUrn: team}},
	} {
		assert.Equal(t, want, aliasURN(request, alias))
	}
	request.Parent = team
	assert.Equal(t, "urn:pulumi:dev::shop::modelplane:index:ModelEndpoint::new",
		aliasURN(request, &pulumirpc.Alias_Spec{Parent: &pulumirpc.Alias_Spec_NoParent{NoParent: true}}))
}
