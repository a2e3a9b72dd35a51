package chart_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
)

// TestValuesThatBreakRoutingAreNamed would catch a value that takes the gateway out of service and is not refused, or is
// refused under another path than the user wrote.
func TestValuesThatBreakRoutingAreNamed(t *testing.T) {
	for values, want := range map[string]chart.Problem{
		`providers: {kubernetesGateway: {enabled: false}}`: {
			Path:    "values.providers.kubernetesGateway.enabled",
			Message: "must stay true; without the Gateway API provider no route is served",
		},
		`providers: {kubernetesGateway: null}`: {
			Path: "values.providers.kubernetesGateway",
			Message: "removes values.providers.kubernetesGateway.enabled, which must stay true; " +
				"without the Gateway API provider no route is served",
		},
		`providers: nonsense`: {
			Path: "values.providers",
			Message: "removes values.providers.kubernetesGateway.enabled, which must stay true; " +
				"without the Gateway API provider no route is served",
		},
		`fullnameOverride: other`: {
			Path:    "values.fullnameOverride",
			Message: "would rename the Service and the Deployment; set the gateway's name instead",
		},
		`ports: {web: {port: 80}}`: {
			Path: "values.ports.web.port",
			Message: "must stay 8000, the port of the Gateway's listener; the port that clients connect to is " +
				"the gateway's port",
		},
		`experimental: {localPlugins: {modelplane: {moduleName: other}}}`: {
			Path:    "values.experimental.localPlugins.modelplane",
			Message: "is the plugin that adds keys to requests; give a plugin of your own another name",
		},
		`deployment: {podAnnotations: {modelplane/plugin: x}}`: {
			Path:    "values.deployment.podAnnotations.modelplane/plugin",
			Message: "brings a new version of the plugin to the Pods; leave it out",
		},
		`ports: {web: {http: {middlewares: null}}}`: {
			Path:    "values.ports.web.http.middlewares",
			Message: "must be a list; what it names comes after the gateway's own middleware, which guards paths and reads bodies",
		},
		`ports: {web: {http: null}}`: {
			Path: "values.ports.web.http",
			Message: "removes values.ports.web.http.middlewares, which must be a list; what it names comes after the gateway's own " +
				"middleware, which guards paths and reads bodies",
		},
		`providers: {kubernetesCRD: {safeNaming: false}}`: {
			Path:    "values.providers.kubernetesCRD.safeNaming",
			Message: "must stay true; the entry point knows the gateway's middleware by its safe name, and every route would answer 404",
		},
		`additionalArguments: ["--entryPoints.web.http.middlewares[0]=mine@file"]`: {
			Path: "values.additionalArguments[0]",
			Message: "would replace the gateway's own middleware, which guards paths and reads bodies; name yours in " +
				"values.ports.web.http.middlewares",
		},
		`additionalArguments: [--accesslog, "-Providers.KubernetesGateway.LabelSelector=x"]`: {
			Path:    "values.additionalArguments[1]",
			Message: "is what keeps this gateway apart from others in the cluster; leave it out",
		},
		`additionalArguments: --accesslog`: {
			Path:    "values.additionalArguments",
			Message: "is not a list; write one string for each argument",
		},
		`additionalArguments: [{a: b}]`: {
			Path:    "values.additionalArguments[0]",
			Message: `is not a string; write it as "--name=value"`,
		},
	} {
		assert.Equal(t, []chart.Problem{want}, chart.Check(parse(t, values)), values)
	}
}

// TestEachGuardedValueIsRefused would catch a rule that no value breaks, a misspelt path for one.
func TestEachGuardedValueIsRefused(t *testing.T) {
	for path, values := range map[string]string{
		"values.namespaceOverride":                                           `namespaceOverride: other`,
		"values.deployment.enabled":                                          `deployment: {enabled: false}`,
		"values.deployment.kind":                                             `deployment: {kind: DaemonSet}`,
		"values.deployment.podLabels.modelplane/gateway":                     `deployment: {podLabels: {modelplane/gateway: other}}`,
		"values.service.enabled":                                             `service: {enabled: false}`,
		"values.service.nameOverride":                                        `service: {nameOverride: other}`,
		"values.service.spec.type":                                           `service: {spec: {type: NodePort}}`,
		"values.service.spec.loadBalancerClass":                              `service: {spec: {loadBalancerClass: internal}}`,
		"values.service.spec.loadBalancerSourceRanges":                       `service: {spec: {loadBalancerSourceRanges: [10.0.0.0/8]}}`,
		"values.service.loadBalancerSourceRanges":                            `service: {loadBalancerSourceRanges: [10.0.0.0/8]}`,
		"values.gateway.enabled":                                             `gateway: {enabled: true}`,
		"values.gatewayClass.enabled":                                        `gatewayClass: {enabled: true}`,
		"values.providers.kubernetesGateway.labelSelector":                   `providers: {kubernetesGateway: {labelSelector: ""}}`,
		"values.providers.kubernetesGateway.namespaces":                      `providers: {kubernetesGateway: {namespaces: [default]}}`,
		"values.providers.kubernetesGateway.experimentalChannel":             `providers: {kubernetesGateway: {experimentalChannel: true}}`,
		"values.providers.kubernetesGateway.nativeLBByDefault":               `providers: {kubernetesGateway: {nativeLBByDefault: true}}`,
		"values.providers.kubernetesGateway.statusAddress.service.enabled":   `providers: {kubernetesGateway: {statusAddress: {service: {enabled: false}}}}`,
		"values.providers.kubernetesGateway.statusAddress.service.name":      `providers: {kubernetesGateway: {statusAddress: {service: {name: other}}}}`,
		"values.providers.kubernetesGateway.statusAddress.service.namespace": `providers: {kubernetesGateway: {statusAddress: {service: {namespace: other}}}}`,
		"values.providers.kubernetesCRD.enabled":                             `providers: {kubernetesCRD: {enabled: false}}`,
		"values.providers.kubernetesCRD.namespaces":                          `providers: {kubernetesCRD: {namespaces: [default]}}`,
		"values.providers.kubernetesCRD.labelSelector":                       `providers: {kubernetesCRD: {labelSelector: a=b}}`,
		"values.ports.web.exposedPort":                                       `ports: {web: {exposedPort: 81}}`,
		"values.ports.web.expose.default":                                    `ports: {web: {expose: {default: false}}}`,
		"values.ports.web.targetPort":                                        `ports: {web: {targetPort: metrics}}`,
		"values.ports.web.protocol":                                          `ports: {web: {protocol: UDP}}`,
		"values.ports.web.http.tls.enabled":                                  `ports: {web: {http: {tls: {enabled: true}}}}`,
		"values.ports.web.http.redirections.entryPoint":                      `ports: {web: {http: {redirections: {entryPoint: {to: websecure}}}}}`,
		"values.additionalArguments[0]":                                      `additionalArguments: [--experimental.localPlugins.modelplane.moduleName=x]`,
		"values.rbac.namespaced":                                             `rbac: {namespaced: true}`,
	} {
		problems := chart.Check(parse(t, values))
		require.Len(t, problems, 1, values)
		assert.Equal(t, path, problems[0].Path)
	}
}

// TestOtherValuesAreTheUsers would catch a rule that refuses more than it must.
func TestOtherValuesAreTheUsers(t *testing.T) {
	for _, values := range []string{
		`ports: {web: {http: {middlewares: [auth@file]}}}`,
		``,
		`additionalArguments: null`,
		`additionalArguments: ["--accesslog=true", "--providers.providersThrottleDuration=1s"]`,
		`deployment: {enabled: true, kind: Deployment, replicas: 3}`,
		`service: {nameOverride: "", annotations: {a: b}}`,
		`ports: {metrics: null, web: {port: 8000, nodePort: 30080, http: {maxHeaderBytes: 9}, hostPort: 80}}`,
		`providers: {kubernetesIngress: {enabled: true}, kubernetesGateway: {enabled: true, namespaces: [], qps: 5}}`,
		`experimental: {localPlugins: {mine: {moduleName: example.com/mine}}, plugins: {}}`,
		`resources: null`,
		`deployment: {podLabels: {team: ml}, terminationGracePeriodSeconds: 60}`,
		`autoscaling: {enabled: true, maxReplicas: 3, behavior: {}}`,
		`topologySpreadConstraints: []`,
		`service: {spec: {externalTrafficPolicy: Local}}`,
		`ports: {web: {forwardedHeaders: {insecure: false, notAppendXForwardedFor: true}}, websecure: null}`,
		`additionalArguments: [--entryPoints.web.forwardedHeaders.notAppendXForwardedFor]`,
		`gateway: null`,
	} {
		assert.Empty(t, chart.Check(parse(t, values)), values)
	}
	assert.Empty(t, chart.Check(nil))
}

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	var values map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &values))
	return values
}
