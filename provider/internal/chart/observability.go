package chart

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider/internal/helm"
)

// Observability is what Traefik tells of its requests. The zero value leaves all of it as the chart has it.
type Observability struct {
	Metrics   *Metrics
	AccessLog bool
	OTLP      *OTLP
	// Tokens says that services count tokens, and tell the access log.
	Tokens bool
}

// Metrics are figures for Prometheus.
type Metrics struct {
	// Middleware is the Middleware in the gateway's namespace that adds the plugin's figures to Traefik's own.
	Middleware string
	// Buckets are the upper bounds of the histograms' buckets in seconds; none means the plugin's.
	Buckets []float64
	// Monitor is what a ServiceMonitor says; nil where there is none.
	Monitor *Monitor
}

// Monitor has Prometheus' operator collect the figures.
type Monitor struct {
	Labels   map[string]string
	Interval string
}

// OTLP is where traces and figures are sent.
type OTLP struct {
	// Endpoint is a URL without a path for what is sent, or host and port for gRPC.
	Endpoint string
	GRPC     bool
	// Insecure says that gRPC goes without TLS. For HTTP, the URL says it.
	Insecure bool
	Traces   bool
	Metrics  bool
	// SampleRate is the part of all requests that is traced.
	SampleRate *float64
	// Headers are the names of headers, whose values are in the entries of Secret with the same names.
	Headers []string
	Secret  string
}

// metricsEntryPoint is the chart's entry point for figures, which its Service does not have.
const metricsEntryPoint = "metrics"

// values are those of the chart for what is on.
func (o Observability) values(s Settings) map[string]any {
	values := map[string]any{}
	if o.Metrics != nil {
		values = helm.Overlay(values, o.Metrics.values(s))
	}
	if o.AccessLog {
		logged := map[string]any{}
		for _, name := range o.logged() {
			logged[name] = "keep"
		}
		values = helm.Overlay(values, map[string]any{"accessLog": map[string]any{
			"enabled": true,
			"format":  "json",
			"fields": map[string]any{
				"headers": map[string]any{
					"defaultMode": "drop",
					"names":       logged,
				},
				"queryParameters": map[string]any{"defaultMode": "drop"},
			},
		}})
	}
	if o.OTLP != nil {
		values = helm.Overlay(values, o.OTLP.values(s))
	}
	return values
}

// logged is what the plugin tells the access log.
func (o Observability) logged() []string {
	if o.Tokens {
		return slices.Concat(plugin.Logged, plugin.LoggedTokens)
	}
	return plugin.Logged
}

func (m Metrics) values(s Settings) map[string]any {
	prometheus := map[string]any{
		"entryPoint":           metricsEntryPoint,
		"addEntryPointsLabels": true,
		"addRoutersLabels":     true,
		"addServicesLabels":    true,
		"buckets":              m.bounds(),
	}
	if m.Monitor != nil {
		prometheus["service"] = map[string]any{"enabled": true}
		monitor := map[string]any{"enabled": true, "additionalLabels": anyMap(m.Monitor.Labels)}
		if m.Monitor.Interval != "" {
			monitor["interval"] = m.Monitor.Interval
		}
		prometheus["serviceMonitor"] = monitor
	}
	return map[string]any{
		"metrics": map[string]any{"prometheus": prometheus},
		"ports": map[string]any{metricsEntryPoint: map[string]any{"http": map[string]any{
			"middlewares": []any{m.middleware(s)},
		}}},
	}
}

// middleware is what Traefik calls the Middleware.
func (m Metrics) middleware(s Settings) string { return safeName(s, m.Middleware) }

// bounds are the buckets as Traefik and the plugin take them.
func (m Metrics) bounds() string {
	buckets := m.Buckets
	if len(buckets) == 0 {
		buckets = plugin.Buckets()
	}
	texts := make([]string, len(buckets))
	for i, bound := range buckets {
		texts[i] = strconv.FormatFloat(bound, 'g', -1, 64)
	}
	return strings.Join(texts, ",")
}

func (o OTLP) values(s Settings) map[string]any {
	values := map[string]any{}
	if o.Traces {
		tracing := map[string]any{"serviceName": s.FullName, "otlp": o.exporter("/v1/traces")}
		if o.SampleRate != nil {
			tracing["sampleRate"] = *o.SampleRate
		}
		values["tracing"] = tracing
	}
	if o.Metrics {
		metrics := o.exporter("/v1/metrics")
		metrics["serviceName"], metrics["addRoutersLabels"] = s.FullName, true
		values["metrics"] = map[string]any{"otlp": metrics}
	}
	return values
}

// exporter is how one kind of data is sent. The values of headers are environment variables, which Kubernetes puts into the arguments.
func (o OTLP) exporter(path string) map[string]any {
	if o.GRPC {
		return map[string]any{"enabled": true, "grpc": map[string]any{"enabled": true, "endpoint": o.Endpoint, "insecure": o.Insecure}}
	}
	http := map[string]any{"enabled": true, "endpoint": strings.TrimRight(o.Endpoint, "/") + path}
	if len(o.Headers) > 0 {
		headers := map[string]any{}
		for i, name := range o.Headers {
			headers[name] = reference(i)
		}
		http["headers"] = headers
	}
	return map[string]any{"enabled": true, "http": http}
}

// reference is the variable with the value of the i-th header, as Kubernetes replaces it.
func reference(i int) string { return fmt.Sprintf("$(%s%d)", otlpHeader, i) }

// otlpHeader begins the names of the variables with the values of headers.
const otlpHeader = ownVariables + "OTLP_HEADER_"

// environment are the variables that what is on needs.
func (o Observability) environment(s Settings) []any {
	var variables []any
	if o.Metrics != nil {
		variables = append(variables, map[string]any{"name": plugin.MetricsVariable, "value": o.Metrics.middleware(s)})
	}
	if o.Metrics != nil && len(o.Metrics.Buckets) > 0 {
		variables = append(variables, map[string]any{"name": plugin.BucketsVariable, "value": o.Metrics.bounds()})
	}
	if o.AccessLog {
		variables = append(variables, map[string]any{"name": plugin.LogVariable, "value": "true"})
	}
	if o.OTLP == nil {
		return variables
	}
	variables = append(variables, hidingResources())
	for i, name := range o.OTLP.Headers {
		variables = append(variables, map[string]any{
			"name":      fmt.Sprintf("%s%d", otlpHeader, i),
			"valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": o.OTLP.Secret, "key": name}},
		})
	}
	return variables
}

// arguments are the settings for which the chart has no value: headers of gRPC.
func (o Observability) arguments() []any {
	if o.OTLP == nil || !o.OTLP.GRPC {
		return nil
	}
	var args []any
	for _, kind := range []struct {
		path string
		is   bool
	}{{"tracing", o.OTLP.Traces}, {"metrics", o.OTLP.Metrics}} {
		for i, name := range o.OTLP.Headers {
			if kind.is {
				args = append(args, fmt.Sprintf("--%s.otlp.grpc.headers.%s=%s", kind.path, name, reference(i)))
			}
		}
	}
	return args
}

// forMetrics are values with which the plugin's figures would be nowhere.
var forMetrics = []rule{
	{"ports.metrics.http.middlewares", isNoList, "must be a list; what it names comes after the gateway's own middleware, which adds its figures"},
	{"metrics.prometheus.entryPoint", isNot(metricsEntryPoint), "must stay metrics, where the gateway adds its own figures; leave it out"},
	{"metrics.prometheus.manualRouting", isTrue, "must stay false; nothing would answer with the gateway's figures"},
}

// forMetricsArguments are arguments, in lower case, that say so.
var forMetricsArguments = map[string]string{
	"metrics.prometheus.entrypoint":        "must stay metrics, where the gateway adds its own figures; leave it out",
	"metrics.prometheus.manualrouting":     "nothing would answer with the gateway's figures; leave it out",
	"entrypoints.metrics.http.middlewares": "would replace the middleware that adds the gateway's figures; name yours in values.ports.metrics.http.middlewares",
}

// CheckMetrics finds the user's values that would keep figures from a gateway with metrics.
func CheckMetrics(user map[string]any) []Problem {
	return append(checkRules(user, forMetrics), checkArguments(user, func(name, _ string) string { return forMetricsArguments[name] })...)
}

// hiddenResources is the variable by which the resource that OTLP tells of loses what would give the gateway away: the arguments, with the key
// for the collector, and the Pod's UID, which is the class that no IngressRoute may know.
const hiddenResources = "OTEL_RESOURCE_ATTRIBUTES"

func hidingResources() map[string]any {
	return map[string]any{"name": hiddenResources, "value": "process.command_args=hidden,k8s.pod.uid=hidden"}
}

// sendsOTLP says whether Traefik sends anything by OTLP, by values or by arguments.
func sendsOTLP(values map[string]any, arguments []any) bool {
	for _, path := range []string{"tracing", "metrics", "accessLog", "log"} {
		if _, enabled, _ := find(values, []string{path, "otlp", "enabled"}); enabled == true {
			return true
		}
	}
	return slices.ContainsFunc(arguments, func(argument any) bool {
		name := nameOf(argument)
		return strings.Contains(name, ".otlp") || isOrBelow(name, "tracing")
	})
}

// withoutQueries keeps the query, in which some clients send keys, out of an access log that the user's values or arguments turn on. It is
// Traefik's default to log it.
func withoutQueries(values map[string]any, given []any) (map[string]any, []any) {
	isArgument := slices.ContainsFunc(given, func(argument any) bool {
		return isOrBelow(nameOf(argument), "accesslog")
	})
	if isArgument {
		given = append([]any{"--accesslog.fields.queryparameters.defaultmode=drop"}, given...)
	}
	if _, enabled, _ := find(values, []string{"accessLog", "enabled"}); enabled == true {
		drop := map[string]any{"accessLog": map[string]any{"fields": map[string]any{"queryParameters": map[string]any{"defaultMode": "drop"}}}}
		values = helm.Overlay(values, drop)
	}
	return maps.Clone(values), given
}

// nameOf is an argument's name in lower case: Traefik takes one dash or two, and names in any case.
func nameOf(argument any) string {
	text, _ := argument.(string)
	name, _, _ := strings.Cut(strings.ToLower(strings.TrimLeft(text, "-")), "=")
	return name
}
