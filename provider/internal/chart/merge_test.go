package chart_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
)

// TestUserWinsAndTheRestStays would catch a merge that replaces a whole map for the sake of one value in it, and one
// that changes what the user passed in.
func TestUserWinsAndTheRestStays(t *testing.T) {
	user := map[string]any{
		"image":      map[string]any{"tag": "v3.7.14", "registry": "mirror.example"},
		"ports":      map[string]any{"web": map[string]any{"nodePort": 30080.0}},
		"tolerance":  []any{"a list is replaced"},
		"logs":       map[string]any{"access": map[string]any{"enabled": true}},
		"deployment": map[string]any{"replicas": 5.0},
	}
	merged := chart.Merge(chart.Values(settings()), user)

	assert.Equal(t, "v3.7.14", value(t, merged, "image", "tag"))
	assert.Equal(t, "mirror.example", value(t, merged, "image", "registry"))
	assert.Equal(t, 30080.0, value(t, merged, "ports", "web", "nodePort"))
	assert.Equal(t, chart.ListenerPort, value(t, merged, "ports", "web", "port"))
	assert.Equal(t, true, value(t, merged, "logs", "access", "enabled"))
	assert.Equal(t, 5.0, value(t, merged, "deployment", "replicas"))
	assert.Equal(t, 630, value(t, merged, "deployment", "terminationGracePeriodSeconds"))
	assert.Equal(t, []any{"a list is replaced"}, merged["tolerance"])

	merged["logs"].(map[string]any)["access"].(map[string]any)["enabled"] = false
	assert.Equal(t, true, value(t, user, "logs", "access", "enabled"), "the user's own map was changed")
	assert.NotContains(t, user, "additionalArguments")
}

// TestAnnotationsOfPodsAreAdded would catch a user's annotation that takes the place of the plugin's hash: a new version of
// the plugin would not reach the Pods that run.
func TestAnnotationsOfPodsAreAdded(t *testing.T) {
	merged := chart.Merge(chart.Values(settings()), parse(t, `deployment: {podAnnotations: {team: red}}`))
	assert.Equal(t, map[string]any{"team": "red", chart.PluginAnnotation: plugin.Hash()}, value(t, merged, "deployment", "podAnnotations"))
}

// TestMiddlewaresOfTheEntryPointAreAdded would catch a user's middleware that takes the place of ours, or comes before it.
func TestMiddlewaresOfTheEntryPointAreAdded(t *testing.T) {
	const ours = "modelplane-models_models-entry-point@kubernetescrd"
	for user, want := range map[string][]any{
		`{}`:                              {ours},
		`ports: {web: {nodePort: 30080}}`: {ours},
		`ports: {web: {http: {middlewares: []}}}`:     {ours},
		`ports: {web: {http: {middlewares: [a, b]}}}`: {ours, "a", "b"},
	} {
		values := chart.Values(settings())
		assert.Equal(t, want, value(t, chart.Merge(values, parse(t, user)), "ports", "web", "http", "middlewares"), user)
		assert.Equal(t, []any{ours}, value(t, values, "ports", "web", "http", "middlewares"))
	}
}

// TestAdditionalArgumentsAreAdded would catch the user's arguments taking the place of ours, without which keys and
// routes take effect at different times.
func TestAdditionalArgumentsAreAdded(t *testing.T) {
	ours := chart.Values(settings())["additionalArguments"].([]any)
	require.Contains(t, ours, "--providers.providersThrottleDuration=100ms")

	for _, given := range [][]any{nil, {"--log.format=json", "--providers.providersThrottleDuration=1s"}} {
		user := map[string]any{"additionalArguments": given}
		merged := chart.Merge(chart.Values(settings()), user)
		assert.Equal(t, append(append([]any{}, ours...), given...), merged["additionalArguments"])
	}
	merged := chart.Merge(chart.Values(settings()), map[string]any{"additionalArguments": nil})
	assert.Equal(t, ours, merged["additionalArguments"])
}

// TestArgumentsFollowTheEntryPoints would catch an entry point of the user's that takes headers which ours do not.
func TestArgumentsFollowTheEntryPoints(t *testing.T) {
	merged := chart.Merge(chart.Values(settings()), map[string]any{"ports": map[string]any{
		"grpc": map[string]any{"port": 9000.0},
	}})
	arguments := merged["additionalArguments"]
	assert.Contains(t, arguments, "--entryPoints.grpc.http.aliasHeadersStrategy=delete")
	assert.Contains(t, arguments, "--entryPoints.web.http.aliasHeadersStrategy=delete")
}

// TestTheInnerEntryPointLivesAsLongAsTheOneForClients would catch a Pod that ends and takes requests for a service with failover whose own
// request to itself it refuses, or whose answer it ends early.
func TestTheInnerEntryPointLivesAsLongAsTheOneForClients(t *testing.T) {
	const ports = `ports: {web: {transport: {lifeCycle: {requestAcceptGraceTimeout: 40s}}}, websecure: {transport: {lifeCycle: {graceTimeOut: 900}}}}`
	added := func(s chart.Settings, user string) []any {
		ours := chart.Values(s)["additionalArguments"].([]any)
		return chart.Merge(chart.Values(s), parse(t, user))["additionalArguments"].([]any)[len(ours):]
	}
	plain, secure := settings(), settings()
	secure.HTTPS = &chart.HTTPS{ExposedPort: 443}
	assert.Empty(t, added(plain, `{}`))
	assert.Equal(t, []any{"--entryPoints.modelplane.transport.lifeCycle.requestAcceptGraceTimeout=40s"}, added(plain, ports))
	assert.Empty(t, added(secure, `{}`))
	assert.Equal(t, []any{"--entryPoints.modelplane.transport.lifeCycle.graceTimeOut=900"}, added(secure, ports))
}

// TestVariablesAreAdded would catch the user's variables taking the place of the one that IngressRoutes cannot guess.
func TestVariablesAreAdded(t *testing.T) {
	mine := map[string]any{"name": "TZ", "value": "UTC"}
	merged := chart.Merge(chart.Values(settings()), map[string]any{"env": []any{mine}})
	assert.Equal(t, append(chart.Values(settings())["env"].([]any), mine), merged["env"])
}

// TestLabelsOfHelmAreLeftAlone would catch a label that is twice in the chart's objects, which is not valid YAML.
func TestLabelsOfHelmAreLeftAlone(t *testing.T) {
	assert.Equal(t, map[string]any{"team": "ml"}, chart.Values(settings())["commonLabels"])
}

// TestOnePodHasNoBudget would catch a budget that blocks the draining of the node of a gateway's only Pod.
func TestOnePodHasNoBudget(t *testing.T) {
	s := settings()
	s.Replicas = 1
	assert.Equal(t, map[string]any{"enabled": false}, chart.Values(s)["podDisruptionBudget"])
}

// TestStatedVersionReachesTheChart would catch an image whose tag tells no version being refused by the chart itself.
func TestStatedVersionReachesTheChart(t *testing.T) {
	assert.NotContains(t, chart.Values(settings()), "versionOverride")
	for _, stated := range []string{"3.7.14", "v3.7.14"} {
		s := settings()
		s.TraefikVersion = stated
		assert.Equal(t, "v3.7.14", chart.Values(s)["versionOverride"])
	}
}

// value is the value at path, which must exist.
func value(t *testing.T, values map[string]any, path ...string) any {
	t.Helper()
	var at any = values
	for _, key := range path {
		inner, ok := at.(map[string]any)
		require.True(t, ok, "%v: no map above %s", path, key)
		require.Contains(t, inner, key)
		at = inner[key]
	}
	return at
}
