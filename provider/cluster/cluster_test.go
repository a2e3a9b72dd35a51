package cluster

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child/childtest"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/placement"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// TestChildrenAreTheReviewedList would catch any change of what a cluster is given that nobody looked at.
func TestChildrenAreTheReviewedList(t *testing.T) {
	a := Args{
		Facts:   Facts{Labels: map[string]string{"region": "us"}},
		Serving: Serving{Gateway: &GatewayArgs{Port: 8080, Replicas: 2, Annotations: map[string]string{"lb": "internal"}}},
	}
	identity := a.OrOwn("east")
	in := Inputs{value.Known(a.Access), value.Known(a.Facts), value.Known(a.Components), value.Known(a.Source), value.Known(a.Serving), value.Known(a.Annotated), value.Known(identity)}
	p, faults := decide(identity, a.Serving)
	require.Empty(t, faults)
	list, err := children("east", false, in, value.Known(p))
	require.NoError(t, err)
	rendered, err := child.Render(Kind, "east", identity, meta.Metadata{Labels: a.Labels}, list)
	require.NoError(t, err)
	for _, c := range rendered {
		if spec, _ := c.Object["spec"].(map[string]any); spec["versions"] != nil {
			c.Object["spec"] = "…"
		}
	}
	childtest.Golden(t, rendered)
}

// TestFaultsOfAClusterAreNamed would catch bad input that reaches a cluster, and a fault that does not say what to write.
func TestFaultsOfAClusterAreNamed(t *testing.T) {
	for want, a := range map[string]Args{
		"gateway.port: 0 is outside 1 to 65535":     {Serving: Serving{Gateway: &GatewayArgs{Replicas: 1}}},
		"gateway.replicas: 0 is outside 1 to 1000":  {Serving: Serving{Gateway: &GatewayArgs{Port: 80}}},
		"deleteUnreachable: needs kubeconfig":       {Access: Access{DeleteUnreachable: true}},
		"gateway.className: is required with envoy": {Components: Components{EnvoyGateway: ptr.To(Existing)}},
		"pools[0].name: is empty":                   {Facts: Facts{Pools: []placement.Pool{{Nodes: 1}}}},
		`taints[0].effect: "" is not an effect`:     {Facts: Facts{Taints: []placement.Taint{{Key: "spot"}}}},
		`labels["a b"]: `:                           {Facts: Facts{Labels: map[string]string{"a b": "c"}}},
	} {
		assert.ErrorContains(t, check("east", a).Err(), want)
	}
	assert.Empty(t, check("east", Args{}))
}

// TestURLsHaveTheirPortsAndBrackets would catch a URL that no client takes.
func TestURLsHaveTheirPortsAndBrackets(t *testing.T) {
	for want, c := range map[string]struct {
		address string
		port    int
	}{
		"http://10.0.0.1":        {"10.0.0.1", 80},
		"http://10.0.0.1:8080":   {"10.0.0.1", 8080},
		"http://lb.example":      {"lb.example", 80},
		"http://[fd00::1]":       {"fd00::1", 80},
		"http://[fd00::1]:8080":  {"fd00::1", 8080},
		"http://lb.example:8080": {"lb.example", 8080},
	} {
		spec := map[string]any{"listeners": []any{map[string]any{"name": Listener, "port": float64(c.port)}}}
		got, err := gatewayURL(spec, map[string]any{"addresses": []any{map[string]any{"value": c.address}}})
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := gatewayURL(map[string]any{}, map[string]any{})
	assert.ErrorContains(t, err, "has no address")
}
