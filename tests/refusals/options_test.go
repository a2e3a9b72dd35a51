package refusals

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Catches a child of any component that an option of its component passes by: one that protect, retainOnDelete, the component's
// provider or an engine transform does not reach.
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
		return wholeProgram(t, pulumi.Protect(true), pulumi.RetainOnDelete(true), pulumi.Provider(&own), pulumi.Transforms([]pulumi.ResourceTransform{note}))(ctx)
	})
	require.NoError(t, result.Err, result.Output)
	children, replaced := 0, 0
	for _, state := range result.States {
		name := state.URN[strings.LastIndex(state.URN, ":")+1:]
		// Updates replace what Pulumi names by itself: protect would forbid them, and retainOnDelete leave all predecessors behind.
		// The gateway's Pods belong to a ConfigMap that nothing replaces, and a service's inner paths begin with the UID of one.
		isReplaced := isAutonamed(state) && !strings.HasSuffix(name, "-pods") && !strings.HasSuffix(name, "-paths")
		assert.Equal(t, !isReplaced, state.Protect, "whether %s is protected", state.URN)
		assert.Equal(t, !isReplaced, state.RetainOnDelete, "whether %s is retained", state.URN)
		if isReplaced {
			replaced++
		}
		assert.True(t, slices.Contains(transformed, state.Type+" "+name), "%s is not transformed", state.URN)
		if strings.HasPrefix(state.Type, "kubernetes:") {
			assert.Contains(t, state.Provider, "kubernetes::own::", "%s is another provider's", state.URN)
			children++
		}
	}
	assert.Greater(t, children, 40)
	assert.Greater(t, replaced, 10)
}

// isAutonamed says whether Pulumi has made up the name of an object.
func isAutonamed(state apitype.StepEventStateMetadata) bool {
	metadata, _ := state.Inputs["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	return annotations["pulumi.com/autonamed"] == "true"
}
