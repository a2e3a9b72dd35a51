package gateway

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child/childtest"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// TestChildrenAreTheReviewedList would catch any change of what a gateway is made of that nobody looked at. The CRDs and the chart's
// values are reviewed beside the packages that make them.
func TestChildrenAreTheReviewedList(t *testing.T) {
	list := rendered(t, defaults())
	isCRD := func(c child.Rendered) bool { return c.Kind == kube.CRDPatch }
	require.True(t, slices.ContainsFunc(list, isCRD))
	childtest.Golden(t, slices.DeleteFunc(list, isCRD), "values")
}

// rendered is what the component makes of arguments that the check accepts.
func rendered(t require.TestingT, a Args) []child.Rendered {
	identity := a.OrOwn("gw")
	in := Inputs{
		Install: value.Known(a.Install), Source: value.Known(a.Source), Serving: value.Known(a.Serving), Secure: value.Known(a.Secure),
		Observe: value.Known(a.Observe), Sharing: value.Known(a.Sharing), Operating: value.Known(a.Operating), Proxied: value.Known(a.Proxied),
		Identity: value.Known(identity), Metadata: value.Known(a.Metadata),
	}
	list, err := children("gw", namespaceOwnership(a.Namespace != "", a.CreateNamespace), in, value.Known(planned(t, a)))
	require.NoError(t, err)
	all, err := child.Render(Kind, "gw", identity, a.Metadata, list)
	require.NoError(t, err)
	return all
}
