package chart_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
)

func secured(alone bool) chart.Settings {
	s := settings()
	s.HTTPS = &chart.HTTPS{ExposedPort: 443, Alone: alone}
	return s
}

// TestBothEntryPointsHaveTheSameGuard would catch requests by HTTPS that pass another middleware, time-out or rule than those by HTTP, a
// port that clients do not reach, and one that they reach although it is closed.
func TestBothEntryPointsHaveTheSameGuard(t *testing.T) {
	for _, alone := range []bool{false, true} {
		ports := chart.Values(secured(alone))["ports"].(map[string]any)
		web, websecure := ports["web"].(map[string]any), ports["websecure"].(map[string]any)
		assert.Equal(t, map[string]any{"default": !alone}, web["expose"])
		assert.Equal(t, map[string]any{"default": true}, websecure["expose"])
		assert.Equal(t, 8443, websecure["port"])
		assert.Equal(t, 443, websecure["exposedPort"])
		assert.Equal(t, map[string]any{"enabled": true}, websecure["http"].(map[string]any)["tls"])
		delete(websecure["http"].(map[string]any), "tls")
		for _, key := range []string{"http", "transport", "protocol"} {
			assert.Equal(t, web[key], websecure[key], key)
		}
	}
	assert.Equal(t, map[string]any{"expose": map[string]any{"default": false}}, chart.Values(settings())["ports"].(map[string]any)["websecure"])
}

// TestAUsersMiddlewaresFollowOursOnBothEntryPoints would catch a list of the user's that takes the guard away from HTTPS.
func TestAUsersMiddlewaresFollowOursOnBothEntryPoints(t *testing.T) {
	user := parse(t, `ports: {web: {http: {middlewares: [a@file]}}, websecure: {http: {middlewares: [b@file]}}}`)
	of := func(s chart.Settings, name string) any {
		return chart.Merge(chart.Values(s), user)["ports"].(map[string]any)[name].(map[string]any)["http"].(map[string]any)["middlewares"]
	}
	ours := chart.Values(secured(false))["ports"].(map[string]any)["web"].(map[string]any)["http"].(map[string]any)["middlewares"].([]any)
	require.Len(t, ours, 1)
	assert.Equal(t, []any{ours[0], "a@file"}, of(secured(false), "web"))
	assert.Equal(t, []any{ours[0], "b@file"}, of(secured(false), "websecure"))
	// Without HTTPS the entry point is the user's own.
	assert.Equal(t, []any{"b@file"}, of(settings(), "websecure"))
}

// TestValuesThatBreakHTTPSAreRefused would catch a value that closes the listener, takes its guard away or shows figures on it.
func TestValuesThatBreakHTTPSAreRefused(t *testing.T) {
	for path, values := range map[string]string{
		"values.ports.websecure.port":                         `ports: {websecure: {port: 443}}`,
		"values.ports.websecure.exposedPort":                  `ports: {websecure: {exposedPort: 443}}`,
		"values.ports.websecure.expose.default":               `ports: {websecure: {expose: {default: false}}}`,
		"values.ports.websecure.targetPort":                   `ports: {websecure: {targetPort: web}}`,
		"values.ports.websecure.protocol":                     `ports: {websecure: {protocol: UDP}}`,
		"values.ports.websecure.http.tls.enabled":             `ports: {websecure: {http: {tls: {enabled: false}}}}`,
		"values.ports.websecure.http.middlewares":             `ports: {websecure: {http: {middlewares: null}}}`,
		"values.ports.websecure.http.redirections.entryPoint": `ports: {websecure: {http: {redirections: {entryPoint: {to: web}}}}}`,
		"values.ports.websecure":                              `ports: {websecure: null}`,
		"values.tlsOptions.default":                           `tlsOptions: {default: {minVersion: VersionTLS10}}`,
		"values.tlsStore.default":                             `tlsStore: {default: {defaultCertificate: {secretName: a}}}`,
		"values.metrics.prometheus.entryPoint":                `metrics: {prometheus: {entryPoint: websecure}}`,
	} {
		problems := chart.CheckHTTPS(parse(t, values))
		require.Len(t, problems, 1, values)
		assert.Equal(t, path, problems[0].Path)
		assert.Empty(t, chart.Check(parse(t, values)), "without HTTPS the entry point is the user's own: %s", values)
	}
	for argument, refused := range map[string]bool{
		"--entryPoints.websecure.address=:443":            true,
		"-EntryPoints.WebSecure.http.middlewares[0]=a@b":  true,
		"--metrics.prometheus.entryPoint=websecure":       true,
		"--metrics.prometheus.entryPoint=metrics":         false,
		"--entryPoints.websecure.http.maxHeaderBytes=100": false,
	} {
		problems := chart.CheckHTTPS(map[string]any{"additionalArguments": []any{argument}})
		assert.Equal(t, refused, len(problems) > 0, argument)
	}
	assert.Empty(t, chart.CheckHTTPS(parse(t, "ports: {websecure: {nodePort: 30443, http: {middlewares: [a@file]}}}\ntlsOptions: {mine: {}}")))
}
