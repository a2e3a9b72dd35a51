package service

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/callers"
	"github.com/modelplane/pulumi-modelplane/provider/endpoint"
	"github.com/modelplane/pulumi-modelplane/provider/gateway"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
)

// TestTheOrderIsTheOneThatUsersRead would catch a Middleware that a request passes earlier or later than docs/components/model-service.md says.
func TestTheOrderIsTheOneThatUsersRead(t *testing.T) {
	own := endpoint.BackendReference{Name: "own", ServiceName: "own-1", Namespace: meta.DefaultNamespace, Port: 8000, BasePath: "/v1"}
	identity := Args{}.Or("chat", meta.DefaultNamespace)
	p, faults := decide(identity, Routing{
		Gateway: gateway.Reference{
			Name: "gw", Namespace: "modelplane-gw", Listener: gateway.Listener, URL: "http://203.0.113.7", PluginVersion: "1", Observed: true, Inner: "gw-inner",
		},
		Backends: []Backend{{Weight: 1, Endpoint: &own}},
	}, Choice{Mirror: &Mirror{Endpoint: own, Percent: 1}, Affinity: &Affinity{By: AffinityByCaller}, Failover: &Failover{Attempts: 3}}, Policy{
		Auth: &Auth{Callers: &callers.Reference{Middleware: "teams", Namespace: meta.DefaultNamespace}}, AllowFrom: []string{"192.0.2.0/24"},
		CORS: &CORS{AllowOrigins: []string{"*"}}, Limits: &Limits{
			MaxBodyBytes: ptr.To(1), InFlight: []InFlightLimit{{Requests: 1}}, Requests: []RequestLimit{{Requests: 1, Seconds: 1}},
		},
	})
	require.Empty(t, faults)
	var filters []string
	for _, filter := range p.route.Rules[0].Filters {
		filters = append(filters, string(filter.ExtensionRef.Name))
	}
	assert.Equal(t, []string{"chat-count", "chat-cors", "chat-allow-from", "teams", "chat-limits", "chat-front"}, filters)
	i := slices.IndexFunc(p.policies, func(made policy) bool { return made.key == limitsKey })
	config := p.policies[i].config()
	assert.Positive(t, config.Limits[0].InFlight)
	assert.Positive(t, config.Limits[1].Requests)

	page, err := os.ReadFile("../../docs/components/model-service.md")
	require.NoError(t, err)
	_, order, _ := strings.Cut(string(page), "## The order\n")
	at := 0
	for _, word := range []string{
		"`X-Modelplane-`", "dot segments", "reads a body", "`observability`", "`cors`", "`allowFrom`", "`auth`", "`limits`", "`maxBodyBytes`", "`inFlight`", "`requests`",
		"`mirror`", "`affinity`", "`failover`", "The endpoint's Middleware",
	} {
		next := strings.Index(order[at:], word)
		require.GreaterOrEqual(t, next, 0, "%s comes too early, or not at all", word)
		at += next
	}
}
