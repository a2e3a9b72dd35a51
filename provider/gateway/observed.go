package gateway

import (
	"encoding/base64"
	"net/url"
	"strings"

	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// The keys of the children of observability.
const (
	metricsKey   = "metrics"
	otlpKey      = "otlp headers"
	dashboardKey = "dashboard"
)

// settings are what the chart is told, without what is secret.
func (o Observe) settings() chart.Observability {
	given := ptr.Deref(o.Observability, Observability{})
	settings := chart.Observability{AccessLog: given.AccessLog, Tokens: given.Tokens}
	if m := given.Metrics; m != nil {
		settings.Metrics = &chart.Metrics{Buckets: m.Buckets}
		if m.ServiceMonitor != nil {
			settings.Metrics.Monitor = &chart.Monitor{Labels: m.ServiceMonitor.Labels, Interval: ptr.Deref(m.ServiceMonitor.Interval, "")}
		}
	}
	if o := given.OTLP; o != nil {
		settings.OTLP = &chart.OTLP{
			Endpoint: o.Endpoint, GRPC: o.isGRPC(), Traces: o.Traces, Metrics: o.Metrics, SampleRate: o.SampleRate, Headers: o.headerNames(),
		}
		if u, err := url.Parse(o.Endpoint); err == nil && o.isGRPC() {
			settings.OTLP.Endpoint, settings.OTLP.Insecure = u.Host, u.Scheme == "http"
		}
	}
	return settings
}

// observing is the plan of a gateway that tells so much of its requests.
func (p plan) observing(o chart.Observability) plan {
	p.settings.Observability = o
	if o.Metrics != nil {
		metrics := *o.Metrics
		metrics.Middleware = p.metricsName()
		p.settings.Observability.Metrics = &metrics
	}
	return p
}

// withHeaders is the plan with the name of the Secret that holds the headers for OTLP.
func (p plan) withHeaders(secret string) plan {
	if o := p.settings.Observability.OTLP; o != nil {
		otlp := *o
		otlp.Secret = secret
		p.settings.Observability.OTLP = &otlp
	}
	return p
}

// isObserved says whether services are to tell which endpoint answered.
func (p plan) isObserved() bool {
	return p.settings.Observability.Metrics != nil || p.settings.Observability.AccessLog
}

// metricsName is the name of the Middleware that adds the plugin's figures to Traefik's.
func (p plan) metricsName() string { return p.identity.Name + "-metrics" }

// label tells the gateway's figures from another's.
func (p plan) label() string { return p.identity.Namespace + "/" + p.identity.Name }

// observeChildren are what observability needs beside Traefik. They come before it.
func observeChildren(component string, in Inputs, p value.Value[plan], identified value.Value[plan], before []string) []child.Child {
	given := ptr.Deref(in.Observe.Now().Observability, Observability{})
	resource := names.Child(in.Identity.Now().Name, component)
	var children []child.Child
	if given.Metrics != nil {
		children = append(children, child.Child{
			Key: metricsKey, Kind: kube.Middleware, After: before, Owned: true,
			Name: child.Fixed(p.Now().metricsName()), ResourceName: resource + "-metrics",
			Fields: child.Fields{"spec": child.From(identified, func(p plan) map[string]any {
				return map[string]any{"plugin": map[string]any{plugin.Name: plugin.Config{Report: p.label()}}}
			})},
		})
	}
	// The Kubernetes package itself replaces Secrets and ConfigMaps, new before old, when their data change.
	if given.OTLP != nil && len(given.OTLP.Headers) > 0 {
		children = append(children, child.Child{
			Key: otlpKey, Kind: kube.Secret, After: before, ResourceName: resource + "-otlp",
			Fields: child.Fields{"data": child.From(value.Secretly(in.Observe), Observe.headers)},
		})
	}
	if given.Dashboard {
		children = append(children, child.Child{
			Key: dashboardKey, Kind: kube.ConfigMap, After: before, ResourceName: resource + "-dashboard",
			Labels: child.Fixed(map[string]string{"grafana_dashboard": "1"}),
			Fields: child.Fields{"data": child.From(identified, func(p plan) map[string]string {
				return map[string]string{strings.ReplaceAll(p.label(), "/", "-") + ".json": p.dashboard()}
			})},
		})
	}
	return children
}

// headers are those for OTLP, as the data of a Secret.
func (o Observe) headers() map[string]string {
	data := map[string]string{}
	if o.Observability != nil && o.Observability.OTLP != nil {
		for name, value := range o.Observability.OTLP.Headers {
			data[name] = base64.StdEncoding.EncodeToString([]byte(value))
		}
	}
	return data
}
