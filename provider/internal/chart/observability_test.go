package chart_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
)

// observed are settings with all that Traefik can tell of its requests.
func observed() chart.Settings {
	s := settings()
	s.Observability = chart.Observability{
		Metrics: &chart.Metrics{
			Middleware: "models-metrics", Buckets: []float64{0.05, 1, 600},
			Monitor: &chart.Monitor{Labels: map[string]string{"release": "prometheus"}, Interval: "30s"},
		},
		AccessLog: true,
		OTLP: &chart.OTLP{
			Endpoint: "https://otlp.example:4318/base/", Traces: true, Metrics: true, SampleRate: ptr.To(0.1), Headers: []string{"Api-Key", "X-Scope"},
			Secret: "models-otlp-1",
		},
	}
	return s
}

// TestObservabilityAddsTheReviewedValues would catch any change of what is added that nobody looked at.
func TestObservabilityAddsTheReviewedValues(t *testing.T) {
	const golden = "testdata/observability.yaml"
	values := chart.Values(observed())
	added := map[string]any{}
	for key, before := range chart.Values(settings()) {
		was, err := json.Marshal(before)
		require.NoError(t, err)
		is, err := json.Marshal(values[key])
		require.NoError(t, err)
		if string(was) == string(is) {
			delete(values, key)
		}
	}
	for key, value := range values {
		added[key] = value
	}
	content, err := yaml.Marshal(added)
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile(golden, content, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(content), "go test -update rewrites %s", golden)
}

// TestTheGatewaysOwnStaysBesideTheUsers would catch variables, arguments and middlewares of the user's that take the place of observability's.
func TestTheGatewaysOwnStaysBesideTheUsers(t *testing.T) {
	s := observed()
	s.Observability.OTLP.GRPC = true
	merged := chart.Merge(chart.Values(s), parse(t, `{env: [{name: MINE, value: "1"}], additionalArguments: [--mine], ports: {metrics: {http: {middlewares: [mine@file]}}}}`))
	text, err := json.Marshal(merged)
	require.NoError(t, err)
	for _, want := range []string{
		`"name":"MODELPLANE_POD_UID"`, `{"name":"MODELPLANE_BUCKETS","value":"0.05,1,600"}`, `{"name":"MINE","value":"1"}`,
		`{"name":"MODELPLANE_OTLP_HEADER_1","valueFrom":{"secretKeyRef":{"key":"X-Scope","name":"models-otlp-1"}}}`,
		`"--metrics.otlp.grpc.headers.X-Scope=$(MODELPLANE_OTLP_HEADER_1)"`, `,"--mine"]`,
		`["modelplane-models_models-metrics@kubernetescrd","mine@file"]`,
	} {
		assert.Contains(t, string(text), want)
	}
	assert.Equal(t, 1, strings.Count(string(text), "--tracing.otlp.grpc.headers.Api-Key"))
}

// TestNoAccessLogHoldsQueries would catch one that the user turns on, whose lines have the keys that clients send in their queries.
func TestNoAccessLogHoldsQueries(t *testing.T) {
	mode := []string{"accessLog", "fields", "queryParameters", "defaultMode"}
	assert.Equal(t, "drop", value(t, chart.Merge(chart.Values(settings()), parse(t, `accessLog: {enabled: true, format: json}`)), mode...))
	assert.NotContains(t, chart.Merge(chart.Values(settings()), nil), "accessLog")
	const argument = "--accesslog.fields.queryparameters.defaultmode=drop"
	for user, want := range map[string]bool{
		`[--accesslog=true]`: true, `[--accessLog]`: true, `[-accesslog.format=json]`: true, `[--log.level=INFO]`: false, `[--accesslogs]`: false,
	} {
		merged := chart.Merge(chart.Values(settings()), parse(t, `additionalArguments: `+user))
		assert.Equal(t, want, strings.Contains(strings.Join(texts(merged["additionalArguments"]), " "), argument), user)
	}
	for _, user := range []string{
		`accessLog: {fields: {queryParameters: {defaultMode: keep}}}`, `additionalArguments: [--accesslog.fields.queryparameters.defaultmode=keep]`,
		`additionalArguments: ["--accessLog.fields.queryParameters.defaultMode", "keep"]`, `tracing: {safeQueryParams: [page, key]}`,
		`additionalArguments: ["--tracing.safeQueryParams=api_key"]`, `env: [{name: MODELPLANE_BUCKETS, value: "1"}]`,
	} {
		assert.Len(t, chart.Check(parse(t, user)), 1, user)
	}
}

func texts(list any) []string {
	var all []string
	for _, element := range list.([]any) {
		all = append(all, element.(string))
	}
	return all
}

// TestNothingSentByOTLPGivesTheGatewayAway would catch a Pod's UID, which is the class that no IngressRoute may know, or an argument that is told
// to whoever reads traces.
func TestNothingSentByOTLPGivesTheGatewayAway(t *testing.T) {
	const hidden = `{"name":"OTEL_RESOURCE_ATTRIBUTES","value":"process.command_args=hidden,k8s.pod.uid=hidden"}`
	for user, want := range map[string]int{
		`{}`: 0, `{env: [{name: TZ, value: UTC}], log: {level: INFO}}`: 0,
		`{tracing: {otlp: {enabled: true}}}`: 1, `{metrics: {otlp: {enabled: true}}}`: 1, `{additionalArguments: [--tracing=true]}`: 1,
		`{additionalArguments: [--accessLog.OTLP.http=true]}`: 1, `{additionalArguments: [--log.otlp=true], tracing: {otlp: {enabled: true}}}`: 1,
	} {
		text, err := json.Marshal(chart.Merge(chart.Values(settings()), parse(t, user))["env"])
		require.NoError(t, err)
		assert.Equal(t, want, strings.Count(string(text), hidden), user)
	}
	text, err := json.Marshal(chart.Merge(chart.Values(observed()), parse(t, `tracing: {otlp: {enabled: true}}`))["env"])
	require.NoError(t, err)
	assert.Equal(t, 1, strings.Count(string(text), hidden))
	assert.Len(t, chart.Check(parse(t, `env: [{name: OTEL_RESOURCE_ATTRIBUTES, value: "a=b"}]`)), 1)
}
