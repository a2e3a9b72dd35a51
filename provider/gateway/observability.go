package gateway

import (
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-go-provider/infer"
	"golang.org/x/net/http/httpguts"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
)

// Observe says what the gateway tells of its requests. It is a separate part, since headers for OTLP are secret.
type Observe struct {
	Observability *Observability `pulumi:"observability,optional"`
}

// Annotate describes the input for the schema.
func (o *Observe) Annotate(at infer.Annotator) {
	at.Describe(&o.Observability, "What the gateway tells of its requests: figures, an access log, traces. Default: nothing more than "+
		"Traefik's own figures, on a port that is not exposed.")
}

// Observability is what the gateway tells of its requests.
type Observability struct {
	Metrics   *Metrics `pulumi:"metrics,optional"`
	Dashboard bool     `pulumi:"dashboard,optional"`
	AccessLog bool     `pulumi:"accessLog,optional"`
	Tokens    bool     `pulumi:"tokens,optional"`
	OTLP      *OTLP    `pulumi:"otlp,optional"`
}

// Annotate describes the type for the schema.
func (o *Observability) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewayObservability")
	at.Describe(o, "What a gateway tells of its requests.")
	at.Describe(&o.Metrics, "Figures of each service for Prometheus: requests by endpoint, caller and status, and how long answers take to "+
		"their first byte, their first token and their end. They are at `/metrics` on port 9100 of each replica, after Traefik's own. `{}` is enough. Default: none.")
	at.Describe(&o.Dashboard, "Whether to make a dashboard for Grafana of these figures, as a ConfigMap with the label `grafana_dashboard: \"1\"`, which "+
		"Grafana's sidecar looks for. Needs `metrics`. Default: false.")
	at.SetDefault(&o.Dashboard, false)
	at.Describe(&o.AccessLog, "Whether Traefik writes a line of JSON for each request to its log, with the caller and the endpoint that answered. "+
		"Other headers, and queries, are left out: they can hold keys. Default: false.")
	at.SetDefault(&o.AccessLog, false)
	at.Describe(&o.Tokens, "Whether services count the tokens that answers say they took, by endpoint, caller and model, in the figures and the access log. The gateway then reads "+
		"answers as they pass, asks servers for no compression, and asks for the usage of streams, unless an endpoint has `streamUsage: false`. Needs `metrics` or `accessLog`. Default: false.")
	at.SetDefault(&o.Tokens, false)
	at.Describe(&o.OTLP, "Where Traefik sends traces and its own figures, by the OpenTelemetry protocol. Default: nowhere.")
}

// Metrics are figures for Prometheus.
type Metrics struct {
	Buckets        []float64       `pulumi:"buckets,optional"`
	ServiceMonitor *ServiceMonitor `pulumi:"serviceMonitor,optional"`
}

// Annotate describes the type for the schema.
func (m *Metrics) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewayMetrics")
	at.Describe(m, "A gateway's figures for Prometheus.")
	at.Describe(&m.Buckets, "The upper bounds of the histograms' buckets, in seconds, in rising order: up to 30, from 0.001 to 3600. Default: "+
		"16 from 0.01 to 600. A change replaces Traefik's Pods.")
	at.Describe(&m.ServiceMonitor, "A ServiceMonitor, with which Prometheus' operator finds the figures. Its CRD must be in the cluster. `{}` is enough "+
		"for an operator that takes every ServiceMonitor. Default: none.")
}

// ServiceMonitor has Prometheus' operator collect figures.
type ServiceMonitor struct {
	Labels   map[string]string `pulumi:"labels,optional"`
	Interval *string           `pulumi:"interval,optional"`
}

// Annotate describes the type for the schema.
func (m *ServiceMonitor) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewayServiceMonitor")
	at.Describe(m, "A ServiceMonitor of Prometheus' operator.")
	at.Describe(&m.Labels, "Labels for it, by which the operator selects, such as `release: prometheus`.")
	at.Describe(&m.Interval, "How often figures are collected, such as `30s`. Default: as Prometheus is set up.")
}

// OTLP is where traces and figures are sent.
type OTLP struct {
	Endpoint   string            `pulumi:"endpoint"`
	Protocol   *OTLPProtocol     `pulumi:"protocol,optional"`
	Headers    map[string]string `pulumi:"headers,optional" provider:"secret"`
	Traces     bool              `pulumi:"traces,optional"`
	Metrics    bool              `pulumi:"metrics,optional"`
	SampleRate *float64          `pulumi:"sampleRate,optional"`
}

// Annotate describes the type for the schema.
func (o *OTLP) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewayOTLP")
	at.Describe(o, "Where a gateway sends traces and figures, by the OpenTelemetry protocol.")
	at.Describe(&o.Endpoint, "The collector's URL, such as `http://collector.monitoring.svc:4318`. For HTTP it may have a path, after which "+
		"`/v1/traces` and `/v1/metrics` are added.")
	at.Describe(&o.Protocol, "How data is sent. Default: `HTTP`.")
	at.SetDefault(&o.Protocol, OTLPHTTP)
	at.Describe(&o.Headers, "Headers for the collector, such as its key: up to 20. Names have letters, digits and dashes. The values are in a Secret, and in "+
		"nothing else.")
	at.Describe(&o.Traces, "Whether to send traces. A span has the path and the header `User-Agent`, but no other header, and no value of a query. Default: true.")
	at.SetDefault(&o.Traces, true)
	at.Describe(&o.Metrics, "Whether to send Traefik's own figures. Those of `metrics` are for Prometheus alone. Default: true.")
	at.SetDefault(&o.Metrics, true)
	at.Describe(&o.SampleRate, "The part of all requests that is traced, from 0 to 1. Default: 1.")
}

// OTLPProtocol is how OTLP is sent.
type OTLPProtocol string

// The protocols of OTLP.
const (
	OTLPHTTP OTLPProtocol = "HTTP"
	OTLPGRPC OTLPProtocol = "GRPC"
)

// Values lists the protocols for the schema.
func (OTLPProtocol) Values() []infer.EnumValue[OTLPProtocol] {
	return []infer.EnumValue[OTLPProtocol]{
		{Name: "HTTP", Value: OTLPHTTP, Description: "Protobuf over HTTP, by custom on port 4318."},
		{Name: "GRPC", Value: OTLPGRPC, Description: "gRPC, by custom on port 4317."},
	}
}

// Annotate describes the type for the schema.
func (p *OTLPProtocol) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewayOTLPProtocol")
	at.Describe(p, "How OTLP is sent.")
}

// maxBuckets and maxHeaders keep figures and arguments to a size that Prometheus and Kubernetes take with ease.
const (
	maxBuckets = 30
	maxHeaders = 20
)

var (
	headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
	// interval is a duration as the operator's CRD takes it
	// (https://github.com/prometheus-operator/prometheus-operator/blob/main/pkg/apis/monitoring/v1/types.go).
	interval = regexp.MustCompile(`^[1-9][0-9]*(ms|s|m|h)$`)
)

// checkObservability finds what cannot work in it, and values of the chart that would undo it.
func checkObservability(o *Observability, source Source, faults *fault.List) {
	if o == nil {
		return
	}
	if o.Metrics == nil && o.OTLP == nil && !o.AccessLog && !o.Dashboard && !o.Tokens {
		faults.Addf("observability", "turns nothing on; write metrics, accessLog or otlp, or leave it out")
	}
	if o.Dashboard && o.Metrics == nil {
		faults.Add("observability.dashboard", "shows the figures of metrics, which are off; write metrics: {}", "observability")
	}
	if o.Tokens && o.Metrics == nil && !o.AccessLog {
		faults.Add("observability.tokens", "are counted for metrics and the access log, which are both off; write metrics: {} or accessLog: true", "observability")
	}
	if o.Metrics != nil {
		o.Metrics.check("observability.metrics", faults)
		if source.Chart != nil {
			for _, problem := range chart.CheckMetrics(source.Chart.Values) {
				faults.Add("chart."+problem.Path, problem.Message, "chart", "observability")
			}
		}
	}
	if o.OTLP != nil {
		o.OTLP.check("observability.otlp", faults)
	}
}

func (m Metrics) check(path string, faults *fault.List) {
	if len(m.Buckets) > maxBuckets {
		faults.Addf(path+".buckets", "has %d bounds; write %d at most, as each is a series for every endpoint", len(m.Buckets), maxBuckets)
	}
	for i, bound := range m.Buckets {
		switch {
		case math.IsNaN(bound) || bound < 0.001 || bound > 3600:
			faults.Addf(fault.Index(path+".buckets", i), "%v is outside 0.001 to 3600 seconds", bound)
		case i > 0 && bound <= m.Buckets[i-1]:
			faults.Add(fault.Index(path+".buckets", i), fmt.Sprintf("%v is not above the bound before it, %v; write them in rising order", bound,
				m.Buckets[i-1]), path+".buckets")
		}
	}
	if m.ServiceMonitor == nil {
		return
	}
	for _, f := range names.Metadata(m.ServiceMonitor.Labels, nil) {
		faults.Add(path+".serviceMonitor."+f.Path, f.Message)
	}
	if given := m.ServiceMonitor.Interval; given != nil && !interval.MatchString(*given) {
		faults.Addf(path+".serviceMonitor.interval", "is not a time such as 30s or 1m")
	}
}

func (o OTLP) check(path string, faults *fault.List) {
	u, err := url.Parse(o.Endpoint)
	isURL := err == nil && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == "" && (u.Scheme == "http" || u.Scheme == "https")
	switch {
	case !isURL:
		faults.Addf(path+".endpoint", "is not the URL of a collector; write http:// or https://, its host and its port, without user, password and query")
	case o.isGRPC() && strings.Trim(u.Path, "/") != "":
		faults.Add(path+".endpoint", "has a path, which gRPC has no use for; leave it out", path+".protocol")
	case o.isGRPC() && u.Port() == "":
		faults.Add(path+".endpoint", "has no port; write it, by custom 4317", path+".protocol")
	case strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/v1/traces"), strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/v1/metrics"):
		faults.Addf(path+".endpoint", "ends with the path of one kind of data, which the gateway adds; leave it out")
	}
	if !o.Traces && !o.Metrics {
		faults.Add(path+".traces", "is false, and so is metrics; send one of them, or leave otlp out", path+".metrics")
	}
	if o.SampleRate != nil && !(*o.SampleRate >= 0 && *o.SampleRate <= 1) {
		faults.Addf(path+".sampleRate", "%v is outside 0 to 1", *o.SampleRate)
	}
	if o.SampleRate != nil && !o.Traces {
		faults.Add(path+".sampleRate", "is given, but traces is false; leave one out", path+".traces")
	}
	o.checkHeaders(path+".headers", faults)
}

// checkHeaders does not tell the values, which are secret.
func (o OTLP) checkHeaders(path string, faults *fault.List) {
	if len(o.Headers) > maxHeaders {
		faults.Addf(path, "has %d headers; write %d at most", len(o.Headers), maxHeaders)
	}
	var seen []string
	for _, name := range o.headerNames() {
		at := fault.Key(path, name)
		value := o.Headers[name]
		switch {
		case !headerName.MatchString(name):
			faults.Addf(at, "is not a name that Traefik takes; write letters, digits and dashes")
		case slices.Contains(seen, strings.ToLower(name)):
			faults.Add(at, "is another form of a name that is there already; write one of them", path)
		case value == "":
			faults.Addf(at, "is empty; write a value, or leave it out")
		case !httpguts.ValidHeaderFieldValue(value):
			faults.Addf(at, "has a line break or another character that a header cannot hold")
		}
		seen = append(seen, strings.ToLower(name))
	}
}

func (o OTLP) isGRPC() bool { return ptr.Deref(o.Protocol, OTLPHTTP) == OTLPGRPC }

func (o OTLP) headerNames() []string {
	var all []string
	for name := range o.Headers {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}
