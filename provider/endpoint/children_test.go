package endpoint

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child/childtest"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// TestChildrenAreTheReviewedList would catch any change of what an endpoint is made of that nobody looked at.
func TestChildrenAreTheReviewedList(t *testing.T) {
	childtest.Golden(t, rendered(t, Args{
		Server:     Server{URL: "https://10.0.0.7:8443/openai/v1", Model: ptr.To("org/large"), TLS: &TLS{ServerName: ptr.To("models.example.com"), CACertificateRef: &CACertificate{ConfigMapKind, "authorities"}}},
		Credential: Credential{APIKey: ptr.To("not-a-real-key")},
	}), "data")
}

// rendered is what the component makes of arguments that the check accepts.
func rendered(t require.TestingT, a Args) []child.Rendered {
	identity := a.Or("endpoint", meta.DefaultNamespace)
	in := Inputs{value.Known(a.Server), value.Known(a.Credential), value.Known(identity), value.Known(a.Metadata)}
	p, faults := decide(a.Server, isKeyed(a.Server, a.Credential))
	require.Empty(t, faults)
	list, err := child.Render(Kind, "endpoint", identity, a.Metadata, children(in, value.Known(p)))
	require.NoError(t, err)
	return list
}
