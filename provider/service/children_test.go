package service

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/endpoint"
	"github.com/modelplane/pulumi-modelplane/provider/gateway"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child/childtest"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// TestChildrenAreTheReviewedList would catch any change of what a service is made of that nobody looked at.
func TestChildrenAreTheReviewedList(t *testing.T) {
	childtest.Golden(t, rendered(t, Args{Routing: Routing{
		Gateway: gateway.Reference{Name: "gw", Namespace: "modelplane-gw", Listener: gateway.Listener, URL: "http://203.0.113.7", PluginVersion: "1"},
		Backends: []Backend{
			{Weight: 80, Endpoint: &endpoint.BackendReference{
				Name: "groq", ServiceName: "groq-1", Namespace: meta.DefaultNamespace, Port: 443, BasePath: "/openai/v1",
				HostHeader: ptr.To("api.groq.com"), Middleware: ptr.To("groq-2"), Keyed: true,
			}},
			{Weight: 20, Endpoint: &endpoint.BackendReference{
				Name: "far", ServiceName: "far-1", Namespace: "team", Port: 8000, BasePath: "/v3", Middleware: ptr.To("far-2"),
			}},
		},
	}}))
}

// rendered is what the component makes of arguments that the check accepts.
func rendered(t require.TestingT, a Args) []child.Rendered {
	identity := a.Or("service", meta.DefaultNamespace)
	in := Inputs{value.Known(a.Routing), value.Known(a.Policy), value.Known(a.Await), value.Known(identity), value.Known(a.Metadata)}
	p, faults := decide(identity, a.Routing, a.Policy)
	require.Empty(t, faults)
	list, err := child.Render(Kind, "service", identity, a.Metadata, children("service", in, value.Known(p)))
	require.NoError(t, err)
	return list
}
