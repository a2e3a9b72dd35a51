package refusals

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Catches a child of any component that an option of its component passes by: one that protect, the component's provider
// or an engine transform does not reach.
func TestOptionsReachEveryChildOfEveryComponent(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var transformed []string
	note := func(_ context.Context, args *pulumi.ResourceTransformArgs) *pulumi.ResourceTransformResult {
		mu.Lock()
		defer mu.Unlock()
		transformed = append(transformed, args.Type+" "+args.Name)
		return nil
	}
	result := previewOf(t, func(ctx *pulumi.Context) error {
		var own pulumi.ProviderResourceState
		if err := ctx.RegisterResource("pulumi:providers:kubernetes", "own", pulumi.Map{"kubeconfig": pulumi.String(deadCluster)}, &own); err != nil {
			return err
		}
		return wholeProgram(t, pulumi.Protect(true), pulumi.Provider(&own), pulumi.Transforms([]pulumi.ResourceTransform{note}))(ctx)
	})
	require.NoError(t, result.Err, result.Output)
	children := 0
	for _, state := range result.States {
		name := state.URN[strings.LastIndex(state.URN, ":")+1:]
		assert.True(t, state.Protect, "%s is not protected", state.URN)
		assert.True(t, slices.Contains(transformed, state.Type+" "+name), "%s is not transformed", state.URN)
		if strings.HasPrefix(state.Type, "kubernetes:") {
			assert.Contains(t, state.Provider, "kubernetes::own::", "%s is another provider's", state.URN)
			children++
		}
	}
	assert.Greater(t, children, 40)
}
