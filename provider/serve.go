package provider

import (
	"cmp"
	"context"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	pulumiprovider "github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// Serve answers Pulumi's engine until it ends the program.
func Serve(ctx context.Context) error {
	served, err := New()
	if err != nil {
		return err
	}
	return pulumiprovider.MainContext(ctx, Name, func(host *pulumiprovider.HostClient) (pulumirpc.ResourceProviderServer, error) {
		inner, err := p.RawServer(Name, Version, served)(host)
		return server{inner}, err
	})
}

// server spells out the aliases of components: pulumi-go-provider drops those that are not full URNs (aliasesToURNs in its
// provider.go), and a component that is renamed would be replaced with all its children.
type server struct {
	pulumirpc.ResourceProviderServer
}

// Construct makes a component.
func (s server) Construct(ctx context.Context, req *pulumirpc.ConstructRequest) (*pulumirpc.ConstructResponse, error) {
	for _, alias := range req.GetAliases() {
		if spec := alias.GetSpec(); spec != nil {
			alias.Alias = &pulumirpc.Alias_Urn{Urn: aliasURN(req, spec)}
		}
	}
	return s.ResourceProviderServer.Construct(ctx, req)
}

// aliasURN is what the component was called: as it is now, except what the alias gives.
func aliasURN(req *pulumirpc.ConstructRequest, alias *pulumirpc.Alias_Spec) string {
	parent := cmp.Or(alias.GetParentUrn(), req.GetParent())
	var parentType tokens.Type
	if parent != "" && !alias.GetNoParent() {
		parentType = urn.URN(parent).QualifiedType()
	}
	return string(urn.New(
		tokens.QName(cmp.Or(alias.GetStack(), req.GetStack())),
		tokens.PackageName(cmp.Or(alias.GetProject(), req.GetProject())),
		parentType,
		tokens.Type(cmp.Or(alias.GetType(), req.GetType())),
		cmp.Or(alias.GetName(), req.GetName()),
	))
}
