package provider_test

import (
	"testing"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// placement is the ModelPlacement of a stack.
const placement = resource.URN("urn:pulumi:dev::models::modelplane:index:ModelDeployment$modelplane:index:ModelPlacement::llama")

// request asks for replicas on clusters. One that is called "drained" is, and "unknown" is not known yet.
func request(replicas int, clusters ...string) property.Map {
	var list []property.Value
	for _, name := range clusters {
		facts := map[string]property.Value{"name": property.New(name)}
		if name == "unknown" {
			facts["drain"] = property.New(property.Computed)
		}
		if name == "drained" {
			facts["drain"] = property.New(true)
		}
		list = append(list, property.New(facts))
	}
	return property.NewMap(map[string]property.Value{
		"clusters": property.New(list),
		"request": property.New(map[string]property.Value{
			"replicas": property.New(float64(replicas)), "nodesPerReplica": property.New(1.0),
			"placement": property.New(map[string]property.Value{}),
		}),
	})
}

// placedOn is the output of a placement.
func placedOn(t *testing.T, state property.Map) map[string]float64 {
	t.Helper()
	require.True(t, state.Get("placed").IsArray(), "%#v", state)
	placed := map[string]float64{}
	for _, entry := range state.Get("placed").AsArray().All {
		placed[entry.AsMap().Get("cluster").AsString()] = entry.AsMap().Get("replicas").AsNumber()
	}
	return placed
}

// TestAPlacementRemembersWhereReplicasRun would catch replicas that move when a cluster is added, a result that preview does not know
// although it could, and one that it makes up although a cluster is unknown.
func TestAPlacementRemembersWhereReplicasRun(t *testing.T) {
	server := newEngine(t).server
	for _, preview := range []bool{true, false} {
		made, err := server.Create(p.CreateRequest{Urn: placement, Properties: request(3, "east", "west"), DryRun: preview})
		require.NoError(t, err)
		assert.Equal(t, map[string]float64{"east": 2, "west": 1}, placedOn(t, made.Properties), "preview: %t", preview)

		more, err := server.Update(p.UpdateRequest{
			Urn: placement, ID: made.ID, State: made.Properties, Inputs: request(3, "alpha", "east", "west"), DryRun: preview,
		})
		require.NoError(t, err)
		assert.Equal(t, map[string]float64{"east": 2, "west": 1}, placedOn(t, more.Properties), "a new cluster moves nothing")

		fewer, err := server.Update(p.UpdateRequest{
			Urn: placement, ID: made.ID, State: made.Properties, Inputs: request(3, "west"), DryRun: preview,
		})
		require.NoError(t, err)
		assert.Equal(t, map[string]float64{"west": 3}, placedOn(t, fewer.Properties), "a cluster that is gone loses its replicas")
	}
	unknown, err := server.Update(p.UpdateRequest{
		Urn: placement, State: request(1, "east"), Inputs: request(3, "unknown", "west"), DryRun: true,
	})
	require.NoError(t, err)
	assert.True(t, unknown.Properties.Get("placed").IsComputed())
}

// TestAPlacementThatDoesNotFitChangesNothing would catch a refusal that does not say what each cluster lacks, and one that comes only
// after preview.
func TestAPlacementThatDoesNotFitChangesNothing(t *testing.T) {
	server := newEngine(t).server
	for _, preview := range []bool{true, false} {
		_, err := server.Update(p.UpdateRequest{
			Urn: placement, State: request(1, "drained"), Inputs: request(1, "drained"), DryRun: preview,
		})
		require.ErrorContains(t, err, "the replicas cannot be placed")
		require.ErrorContains(t, err, "drained", "preview: %t", preview)
	}
}

// TestAPlacementChangesWithItsInputsAlone would catch an update where nothing has changed, and a change that is overlooked.
func TestAPlacementChangesWithItsInputsAlone(t *testing.T) {
	server := newEngine(t).server
	for changed, inputs := range map[bool]property.Map{false: request(3, "east"), true: request(2, "east")} {
		diff, err := server.Diff(p.DiffRequest{Urn: placement, OldInputs: request(3, "east"), Inputs: inputs})
		require.NoError(t, err)
		assert.Equal(t, changed, diff.HasChanges)
	}
	_, err := server.Check(p.CheckRequest{Urn: placement, Inputs: property.NewMap(map[string]property.Value{"requests": property.New(1.0)})})
	assert.ErrorContains(t, err, "requests: no such property; there are clusters, request")
}
