package chart_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
)

// TestWhatShowsKeysIsRefusedByName would catch a value or an argument, in any of its spellings, with which Traefik shows keys or
// figures, or lets a namespace use what is another's.
func TestWhatShowsKeysIsRefusedByName(t *testing.T) {
	for values, path := range map[string]string{
		`api: {dashboard: true}`:                                            "api.dashboard",
		`api: {insecure: true}`:                                             "api.insecure",
		`api: {debug: "yes"}`:                                               "api.debug",
		`ingressRoute: {dashboard: {enabled: true}}`:                        "ingressRoute.dashboard.enabled",
		`ingressRoute: {healthcheck: {enabled: true}}`:                      "ingressRoute.healthcheck.enabled",
		`log: {level: DEBUG}`:                                               "log.level",
		`log: {level: trace}`:                                               "log.level",
		`log: {level: -1}`:                                                  "log.level",
		`accessLog: {fields: {headers: {defaultMode: keep}}}`:               "accessLog.fields.headers.defaultMode",
		`accessLog: {fields: {headers: {defaultMode: Drop}}}`:               "accessLog.fields.headers.defaultMode",
		`accessLog: {fields: {headers: {defaultMode: ""}}}`:                 "accessLog.fields.headers.defaultMode",
		`accessLog: {fields: {headers: {names: {authorization: keep}}}}`:    "accessLog.fields.headers.names",
		`accessLog: {fields: {headers: {names: {X-Goog-Api-Key: keep}}}}`:   "accessLog.fields.headers.names",
		`tracing: {capturedRequestHeaders: [User-Agent, api-key]}`:          "tracing.capturedRequestHeaders",
		`metrics: {prometheus: {headerLabels: {who: Cookie}}}`:              "metrics.prometheus.headerLabels",
		`metrics: {prometheus: {entryPoint: web}}`:                          "metrics.prometheus.entryPoint",
		`ports: {metrics: {expose: {default: true}}}`:                       "ports.metrics.expose.default",
		`ports: {web: {forwardedHeaders: {insecure: true}}}`:                "ports.web.forwardedHeaders.insecure",
		`ports: {web: {forwardedHeaders: {trustedIPs: [0.0.0.0/0]}}}`:       "ports.web.forwardedHeaders.trustedIPs",
		`ports: {web: {forwardedHeaders: {trustedIPs: []}}}`:                "ports.web.forwardedHeaders.trustedIPs",
		`ports: {web: {proxyProtocol: {insecure: true}}}`:                   "ports.web.proxyProtocol.insecure",
		`ports: {web: {proxyProtocol: {trustedIPs: [10.0.0.0/8]}}}`:         "ports.web.proxyProtocol.trustedIPs",
		`ports: {websecure: {forwardedHeaders: {insecure: true}}}`:          "ports.websecure.forwardedHeaders.insecure",
		`ports: {websecure: {proxyProtocol: {trustedIPs: [10.0.0.0/8]}}}`:   "ports.websecure.proxyProtocol.trustedIPs",
		`providers: {kubernetesCRD: {allowCrossNamespace: true}}`:           "providers.kubernetesCRD.allowCrossNamespace",
		`providers: {kubernetesCRD: {crossProviderNamespaces: []}}`:         "providers.kubernetesCRD.crossProviderNamespaces",
		`providers: {kubernetesCRD: {defaultTLSResourcesNamespace: ""}}`:    "providers.kubernetesCRD.defaultTLSResourcesNamespace",
		`providers: {kubernetesCRD: {ingressClass: ""}}`:                    "providers.kubernetesCRD.ingressClass",
		`providers: {kubernetesCRD: {safeNaming: false}}`:                   "providers.kubernetesCRD.safeNaming",
		`providers: {kubernetesGateway: {crossProviderNamespaces: [team]}}`: "providers.kubernetesGateway.crossProviderNamespaces",
		`providers: {kubernetesIngress: {crossProviderNamespaces: [team]}}`: "providers.kubernetesIngress.crossProviderNamespaces",
		`env: [{name: TZ}, {name: MODELPLANE_POD_UID, value: guessed}]`:     "env[1]",
		`env: {TZ: UTC}`:                                                                     "env",
		`additionalArguments: [--api]`:                                                       "additionalArguments[0]",
		`additionalArguments: [-API=true]`:                                                   "additionalArguments[0]",
		`additionalArguments: [--Api.Insecure]`:                                              "additionalArguments[0]",
		`additionalArguments: [--providers.rest=true]`:                                       "additionalArguments[0]",
		`additionalArguments: [--providers.rest.insecure]`:                                   "additionalArguments[0]",
		`additionalArguments: [--log.level=debug]`:                                           "additionalArguments[0]",
		`additionalArguments: [--LOG.LEVEL, TRACE]`:                                          "additionalArguments[0]",
		`additionalArguments: [--log.level=0]`:                                               "additionalArguments[0]",
		`additionalArguments: [--accesslog, --accesslog.fields.headers.defaultmode=keep]`:    "additionalArguments[1]",
		`additionalArguments: [--accesslog.fields.headers.names.Authorization=keep]`:         "additionalArguments[0]",
		`additionalArguments: ["--tracing.capturedRequestHeaders=User-Agent,X-Api-Key"]`:     "additionalArguments[0]",
		`additionalArguments: ["--tracing.capturedRequestHeaders[0]=X-Api-Key"]`:             "additionalArguments[0]",
		`additionalArguments: [--metrics.prometheus.headerLabels.who=Authorization]`:         "additionalArguments[0]",
		`additionalArguments: [--entryPoints.web.forwardedHeaders.insecure]`:                 "additionalArguments[0]",
		`additionalArguments: [--EntryPoints.Web.ForwardedHeaders.TrustedIPs=10.0.0.0/8]`:    "additionalArguments[0]",
		`additionalArguments: ["--entryPoints.web.forwardedHeaders.trustedIPs[0]=::/0"]`:     "additionalArguments[0]",
		`additionalArguments: [--entryPoints.web.proxyProtocol.insecure=true]`:               "additionalArguments[0]",
		`additionalArguments: [--entryPoints.websecure.proxyProtocol.trustedIPs=10.0.0.0/8]`: "additionalArguments[0]",
		`additionalArguments: [--metrics.prometheus.entryPoint=web]`:                         "additionalArguments[0]",
		`additionalArguments: [--providers.kubernetescrd.allowCrossNamespace]`:               "additionalArguments[0]",
		`additionalArguments: [--providers.kubernetescrd.crossProviderNamespaces=team]`:      "additionalArguments[0]",
		`additionalArguments: [--providers.kubernetescrd.defaultTLSResourcesNamespace=team]`: "additionalArguments[0]",
		`additionalArguments: [--providers.kubernetescrd.ingressClass=traefik]`:              "additionalArguments[0]",
		`additionalArguments: [--providers.kubernetescrd.safeNaming=false]`:                  "additionalArguments[0]",
		`additionalArguments: [--providers.kubernetesGateway.crossProviderNamespaces=team]`:  "additionalArguments[0]",
		`additionalArguments: [--providers.kubernetesingress.crossProviderNamespaces=team]`:  "additionalArguments[0]",
	} {
		problems := chart.Check(parse(t, values))
		if assert.Len(t, problems, 1, values) {
			assert.Equal(t, "values."+path, problems[0].Path, values)
		}
	}
}

// TestTheReasonIsSaid would catch a refusal that does not tell what would leak, or what to write.
func TestTheReasonIsSaid(t *testing.T) {
	for values, message := range map[string]string{
		`api: {insecure: true}`: "turns on Traefik's API, which shows every endpoint's key in plain text; leave it out",
		`log: {level: DEBUG}`: "must be INFO, WARN, ERROR, FATAL or PANIC; below INFO Traefik prints every endpoint's key; " +
			"docs/troubleshooting.md says how to debug for a short time",
		`accessLog: {fields: {headers: {names: {Authorization: keep}}}}`: "keeps a header that carries keys; drop or redact it",
	} {
		problems := chart.Check(parse(t, values))
		if assert.Len(t, problems, 1, values) {
			assert.Equal(t, message, problems[0].Message)
		}
	}
}

// TestWhatShowsNothingIsTheUsers would catch a rule that refuses more than it must.
func TestWhatShowsNothingIsTheUsers(t *testing.T) {
	for _, values := range []string{
		`api: {dashboard: false, insecure: false, disableDashboardAd: true}`,
		`log: {level: info, format: json}`,
		`log: {level: ERROR}`,
		`accessLog: {enabled: true, fields: {headers: {defaultMode: redact, names: {User-Agent: keep, Authorization: redact}}}}`,
		`tracing: {capturedRequestHeaders: [User-Agent, X-Request-Id]}`,
		`metrics: {prometheus: {entryPoint: metrics, headerLabels: {agent: User-Agent}, service: {enabled: true}}}`,
		`ports: {metrics: {expose: {default: false}}}`,
		`providers: {kubernetesCRD: {safeNaming: true, allowCrossNamespace: false}}`,
		`env: [{name: TZ, value: UTC}]`,
		`additionalArguments: [--log.level=WARN, --log.format, json, --accesslog.fields.headers.names.User-Agent=keep, --apix=1]`,
		`additionalArguments: [--accesslog.fields.headers.defaultmode=drop, --accesslog.fields.headers.names.Authorization=drop]`,
	} {
		assert.Empty(t, chart.Check(parse(t, values)), values)
	}
}
