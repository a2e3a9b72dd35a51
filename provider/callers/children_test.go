package callers

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child/childtest"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// TestChildrenAreTheReviewedList would catch any change of what callers are made of that nobody looked at.
func TestChildrenAreTheReviewedList(t *testing.T) {
	a := Args{Keyring: Keyring{Keys: []Key{
		{Name: "alice", Key: ptr.To("sk-0123456789abcdef")},
		{Name: "bob", SHA256: ptr.To("5b92f7f0a02a0d9ba0b7d3e7ee2bd5a5d6f1a1ba0e0b0ab3e2ad4bd7d1a7b0e6"), Expires: ptr.To("2027-01-31T00:00:00Z")},
	}}}
	identity := a.Or("team", meta.DefaultNamespace)
	lines, faults := decide(a.Keyring)
	require.Empty(t, faults)
	in := Inputs{value.Known(a.Keyring), value.Known(identity), value.Known(a.Metadata)}
	rendered, err := child.Render(Kind, "team", identity, a.Metadata, children(in, value.Known(lines)))
	require.NoError(t, err)
	childtest.Golden(t, rendered)
}
