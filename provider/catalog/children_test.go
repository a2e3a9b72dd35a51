package catalog

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/callers"
	"github.com/modelplane/pulumi-modelplane/provider/endpoint"
	"github.com/modelplane/pulumi-modelplane/provider/gateway"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child/childtest"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
	"github.com/modelplane/pulumi-modelplane/provider/service"
)

// chat is a service of two rules, one of which has a mirror's endpoint, too.
func chat() service.Reference {
	own := endpoint.BackendReference{Name: "own", ServiceName: "own-1", Namespace: meta.DefaultNamespace, Port: 8000, BasePath: "/v1", Middleware: ptr.To("own-2"), Model: ptr.To("org/large")}
	saas := endpoint.BackendReference{Name: "saas", ServiceName: "saas-1", Namespace: meta.DefaultNamespace, Port: 443, BasePath: "/openai/v1", Middleware: ptr.To("saas-2"), Keyed: true}
	return service.Reference{
		Name: "chat", Namespace: meta.DefaultNamespace,
		Rules: []service.ReferenceRule{
			{Headers: map[string]string{"X-Team": "search"}, Endpoints: []service.ReferenceEndpoint{{Endpoint: saas, Weight: 1}}},
			{Endpoints: []service.ReferenceEndpoint{{Endpoint: own, Weight: 3}, {Endpoint: saas, Weight: 1, Priority: 1}}},
		},
		Mirror: &service.ReferenceEndpoint{Endpoint: own, Weight: 5},
		Choice: `{"statuses":["429"],"attempts":2}`,
		Policy: `{"count":true,"weights":{"own":3},"limits":[{"by":"all","inFlight":100}]}`,
	}
}

func args(models ...Model) Args {
	return Args{
		Listing: Listing{
			Gateway: gateway.Reference{
				Name: "gw", Namespace: "modelplane-gw", Listener: gateway.Listener, URL: "http://203.0.113.7", PluginVersion: "1", Inner: "gw-inner", Observed: true,
			},
			Models: models,
		},
		Policy: service.Policy{Auth: &service.Auth{Callers: &callers.Reference{Middleware: "teams-callers", Namespace: meta.DefaultNamespace}}},
	}
}

// rendered is what the component makes of arguments that the check accepts.
func rendered(t require.TestingT, a Args) []child.Rendered {
	identity := a.Or("catalog", meta.DefaultNamespace)
	in := Inputs{value.Known(a.Listing), value.Known(a.Policy), value.Known(a.Await), value.Known(identity), value.Known(a.Metadata)}
	p, faults := decide(identity, a.Listing, a.Policy)
	require.Empty(t, faults)
	list, err := child.Render(Kind, "catalog", identity, a.Metadata, children("catalog", in, value.Known(p)))
	require.NoError(t, err)
	return list
}

// TestChildrenAreTheReviewedList would catch any change of what a catalog is made of that nobody looked at.
func TestChildrenAreTheReviewedList(t *testing.T) {
	childtest.Golden(t, rendered(t, args(Model{Name: "large", Aliases: []string{"gpt-4o"}, Service: chat()}, Model{Name: "other-*", Service: chat()})))
}

// TestTwoModelsOfAServiceShareItsRoutes would catch a route on the inner listener that is made twice, which Pulumi refuses.
func TestTwoModelsOfAServiceShareItsRoutes(t *testing.T) {
	one := rendered(t, args(Model{Name: "a", Service: chat()}))
	two := rendered(t, args(Model{Name: "a", Service: chat()}, Model{Name: "b", Service: chat()}))
	assert.Len(t, two, len(one))
}
