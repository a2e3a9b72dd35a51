package refusals

import (
	"context"
	"fmt"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reachable is a Gateway made outside the program, which the internet can reach or not.
func reachable(public bool) map[string]any {
	return map[string]any{
		"name": "shared", "namespace": "infrastructure", "url": "https://models.example.com", "pluginVersion": "1", "public": public,
	}
}

// keyed are backends of one endpoint with a key, and with weight.
func keyed() []any {
	return []any{map[string]any{"endpoint": map[string]any{
		"name": "groq", "serviceName": "groq-0fbc81a4", "namespace": "default", "port": 443, "basePath": "/openai/v1",
		"middleware": "groq-1e2d3c4b", "keyed": true,
	}}}
}

// TestAKeyThatAnyoneCanUseIsWarnedOf would catch an owner's money spent by strangers without a word, and a warning where the
// gateway is internal or where this is meant.
func TestAKeyThatAnyoneCanUseIsWarnedOf(t *testing.T) {
	t.Parallel()
	const warning = "anyone can use them at their owner's expense"
	for _, c := range []struct{ public, meant, warned bool }{{true, false, true}, {true, true, false}, {false, false, false}} {
		result := previewOf(t, only("ModelService", "chat", map[string]any{
			"gateway": reachable(c.public), "backends": keyed(), "allowAnonymous": c.meant,
		}))
		require.NoError(t, result.Err, result.Output)
		if c.warned {
			assert.Contains(t, result.Output, warning)
		} else {
			assert.NotContains(t, result.Output, warning)
		}
	}
}

// TestTwoServicesOfAProgramHaveTwoPaths would catch a service that takes another's requests without a word, and a fault where host
// names tell the two apart.
func TestTwoServicesOfAProgramHaveTwoPaths(t *testing.T) {
	t.Parallel()
	both := func(hostnames ...string) pulumi.RunFunc {
		return func(ctx *pulumi.Context) error {
			for i, hostname := range hostnames {
				inputs := map[string]any{"gateway": reachable(false), "backends": keyed(), "path": "/default/chat/v1"}
				if hostname != "" {
					inputs["hostnames"] = []any{hostname}
				}
				if _, err := register(ctx, "ModelService", fmt.Sprintf("early-%d", i), inputs); err != nil {
					return err
				}
			}
			_, err := register(ctx, "ModelService", "late", map[string]any{
				"gateway": reachable(false), "backends": keyed(), "path": "/default/chat/v1", "hostnames": []any{"late.example.com"},
			})
			return err
		}
	}
	result := previewOf(t, both("", "late.example.com"))
	require.Error(t, result.Err)
	assert.Contains(t, result.Output, "path: is already that of the ModelService")
	result = previewOf(t, both("", "other.example.com"))
	require.NoError(t, result.Err, result.Output)
}

// TestAutonamingThatLosesRequestsIsRefusedInPreview would catch a stack's configuration with which every rotation of a key and
// every change of a URL deletes objects before their successors are there.
func TestAutonamingThatLosesRequestsIsRefusedInPreview(t *testing.T) {
	t.Parallel()
	endpoint := only("ModelEndpoint", "it", map[string]any{"url": "http://10.0.0.7/v1"})
	for mode, refused := range map[string]bool{"verbatim": true, "disabled": true, "default": false} {
		stack := newStack(t)
		require.NoError(t, stack.SetConfigWithOptions(context.Background(), "pulumi:autonaming.mode", auto.ConfigValue{Value: mode},
			&auto.ConfigOptions{Path: true}))
		result := previewIn(stack, endpoint)
		if !refused {
			require.NoError(t, result.Err, result.Output)
			continue
		}
		require.Error(t, result.Err, mode)
		assert.Empty(t, result.Resources)
		assert.Contains(t, result.Output, "with mode: default under providers.kubernetes")
	}
}
