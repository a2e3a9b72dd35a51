package gateway

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/modelplane/pulumi-modelplane/provider/internal/apitest"
	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/object"
)

// TestTheAPIServerTakesEveryAcceptedGateway would catch names and settings that pass the check but make a GatewayClass or a
// Gateway that the API server refuses, with Traefik already installed.
func TestTheAPIServerTakesEveryAcceptedGateway(t *testing.T) {
	server := apitest.Here(t)
	rapid.Check(t, func(t *rapid.T) { takes(t, server, gateways.Draw(t, "gateway")) })
}

var gateways = rapid.Custom(func(t *rapid.T) Args {
	a := defaults()
	a.Name = rapid.OneOf(rapid.StringMatching(`[a-z]([-a-z0-9]{0,40}[a-z0-9])?`), rapid.Just(strings.Repeat("a", names.MaxRelease))).Draw(t, "name")
	a.Namespace = rapid.OneOf(rapid.StringMatching(`([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?`), rapid.Just(strings.Repeat("a", names.MaxLabel))).Draw(t, "namespace")
	a.CreateNamespace = rapid.Ptr(rapid.Bool(), true).Draw(t, "createNamespace")
	a.Labels = rapid.MapOfN(rapid.StringMatching(`([a-z]{1,9}\.example/)?[A-Za-z0-9]{1,63}`),
		rapid.StringMatching(`([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?`), 0, 3).Draw(t, "labels")
	a.Annotations = rapid.MapOfN(rapid.StringMatching(`([a-z]{1,9}\.example/)?[A-Za-z0-9]{1,63}`), rapid.String(), 0, 3).Draw(t, "annotations")
	return a
}).Filter(func(a Args) bool { return len(check("gw", a)) == 0 })

func takes(t *rapid.T, server apitest.Server, a Args) {
	metadata := func(name, namespace string, more map[string]string) map[string]any {
		labels := object.Labels(Kind, a.Name, a.Labels)
		for key, value := range more {
			labels[key] = value
		}
		made := map[string]any{"name": name, "labels": labels, "annotations": a.Annotations}
		if namespace != "" {
			made["namespace"] = namespace
		}
		return made
	}
	class := className("gw", a)
	for kind, content := range map[object.Kind]map[string]any{
		object.GatewayClass: {"metadata": metadata(class, "", classLabels("gw", a)), "spec": map[string]any{"controllerName": chart.ControllerName}},
		object.Gateway:      {"metadata": metadata(a.Name, namespaceOf("gw", a), nil), "spec": gatewaySpec(class)},
	} {
		content["apiVersion"], content["kind"] = kind.APIVersion, kind.Name
		require.NoError(t, server.Create(t.Context(), content), kind.Name)
	}
}
