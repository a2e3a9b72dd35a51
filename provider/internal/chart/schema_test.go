package chart_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
)

// TestPublishedChartTakesTheValues would catch a value that the published chart does not know or takes in another form:
// Helm would refuse the release.
func TestPublishedChartTakesTheValues(t *testing.T) {
	schema := publishedSchema(t)
	users := []map[string]any{nil, {"additionalArguments": []any{"--accesslog=true"}}, {
		"ports": map[string]any{"web": map[string]any{"http": map[string]any{"middlewares": []any{"mine@file"}}}},
	}}
	for _, user := range users {
		for _, change := range []func(*chart.Settings){
			func(*chart.Settings) {},
			func(s *chart.Settings) { s.Replicas = 1 },
			func(s *chart.Settings) { s.ServiceType, s.LoadBalancerClass = "ClusterIP", "" },
			func(s *chart.Settings) { s.Labels, s.Annotations, s.ServiceAnnotations = nil, nil, nil },
			func(s *chart.Settings) { s.TraefikVersion = "3.7.13" },
			func(s *chart.Settings) { s.HTTPS = &chart.HTTPS{ExposedPort: 443, Alone: true} },
			func(s *chart.Settings) { *s = observed() },
			func(s *chart.Settings) { *s = observed(); s.Observability.OTLP.GRPC = true },
			func(s *chart.Settings) { s.Operations, s.Clients = operations(), clients() },
		} {
			s := settings()
			change(&s)
			assert.NoError(t, schema.Validate(asJSON(t, chart.Merge(chart.Values(s), user))), "%+v", s)
		}
	}
	broken := chart.Merge(chart.Values(settings()), map[string]any{"deployment": map[string]any{"replicas": "two"}})
	assert.Error(t, schema.Validate(asJSON(t, broken)), "the schema accepts anything")
}

// publishedSchema is the schema of the published chart. The project does not carry it: it belongs to the chart.
func publishedSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	file := os.Getenv("MODELPLANE_CHART_SCHEMA")
	if file == "" {
		t.Skipf("MODELPLANE_CHART_SCHEMA does not name the values.schema.json of the published chart %s; "+
			"helm pull traefik --version %s --repo https://traefik.github.io/charts --untar fetches it",
			chart.DefaultVersion, chart.DefaultVersion)
	}
	schema, err := jsonschema.Compile(file)
	require.NoError(t, err)
	return schema
}

// asJSON is values as Helm sees them.
func asJSON(t *testing.T, values map[string]any) any {
	t.Helper()
	content, err := json.Marshal(values)
	require.NoError(t, err)
	var plain any
	require.NoError(t, json.Unmarshal(content, &plain))
	return plain
}
