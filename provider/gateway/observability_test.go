package gateway

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child/childtest"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
)

// observedBy are arguments with so much observability.
func observedBy(o Observability) Args {
	a := defaults()
	a.Observability = &o
	return a
}

// TestObservabilityIsTheReviewedList would catch any change of what it makes that nobody looked at.
func TestObservabilityIsTheReviewedList(t *testing.T) {
	list := rendered(t, observedBy(Observability{
		Metrics: &Metrics{}, Dashboard: true, OTLP: &OTLP{Endpoint: "https://otlp.example:4318", Traces: true, Headers: map[string]string{"Api-Key": "k"}},
	}))
	childtest.GoldenFile(t, "observability.yaml", slices.DeleteFunc(list, func(c child.Rendered) bool {
		return !slices.Contains([]string{metricsKey, otlpKey, dashboardKey}, c.Key)
	}))
}

// TestTheHeadersForOTLPAreInOneSecret would catch a header's value in the release, and a release that another value of it does not change.
func TestTheHeadersForOTLPAreInOneSecret(t *testing.T) {
	list := rendered(t, observedBy(Observability{OTLP: &OTLP{
		Endpoint: "http://collector:4317", Protocol: ptr.To(OTLPGRPC), Traces: true, Metrics: true, Headers: map[string]string{"X-Key": "hunter2"},
	}}))
	for _, c := range list {
		text, err := json.Marshal(c.Object)
		require.NoError(t, err)
		assert.NotContains(t, string(text), "hunter2", c.Key)
		if c.Kind == kube.Release {
			for _, want := range []string{
				`"secretKeyRef":{"key":"X-Key","name":"gw-otlp-0fbc81a4"}`, `--tracing.otlp.grpc.headers.X-Key=$(MODELPLANE_OTLP_HEADER_0)`,
				`--metrics.otlp.grpc.headers.X-Key=$(MODELPLANE_OTLP_HEADER_0)`, `"endpoint":"collector:4317"`, `"insecure":true`,
			} {
				assert.Contains(t, string(text), want)
			}
		}
	}
}

// TestWhatIsOffMakesNothing would catch an object, a value or a promise of a gateway that tells nothing.
func TestWhatIsOffMakesNothing(t *testing.T) {
	off, on := observedBy(Observability{AccessLog: true}), rendered(t, defaults())
	assert.Len(t, rendered(t, off), len(on), "an access log needs no object")
	for _, c := range on {
		assert.NotContains(t, []string{metricsKey, otlpKey, dashboardKey}, c.Key)
	}
	for _, c := range []struct {
		o        Observability
		observed bool
	}{
		{Observability{}, false},
		{Observability{AccessLog: true}, true},
		{Observability{Metrics: &Metrics{}}, true},
		{Observability{OTLP: &OTLP{Endpoint: "http://c:4318", Traces: true}}, false},
	} {
		p, _ := decide(defaults().OrOwn("gw"), defaults().Metadata, defaults().Serving)
		p = p.observing(Observe{&c.o}.settings())
		assert.Equal(t, c.observed, p.isObserved())
	}
}

// TestWhatCannotBeObservedIsRefused would catch a setting with which Traefik does not start, or shows nothing, and a fault that tells a secret.
func TestWhatCannotBeObservedIsRefused(t *testing.T) {
	otlp := func(change func(*OTLP)) Observability {
		o := OTLP{Endpoint: "http://collector:4318", Traces: true, Metrics: true}
		change(&o)
		return Observability{OTLP: &o}
	}
	for name, c := range map[string]struct {
		o     Observability
		paths []string
	}{
		"nothing":           {Observability{}, []string{"observability"}},
		"a dashboard alone": {Observability{Dashboard: true}, []string{"observability.dashboard"}},
		"odd buckets":       {Observability{Metrics: &Metrics{Buckets: []float64{0, 1, 1, 0.5, 3601, math.NaN()}}}, []string{"observability.metrics.buckets[0]", "observability.metrics.buckets[2]", "observability.metrics.buckets[3]", "observability.metrics.buckets[4]", "observability.metrics.buckets[5]"}},
		"too many buckets":  {Observability{Metrics: &Metrics{Buckets: rising(31)}}, []string{"observability.metrics.buckets"}},
		"many buckets":      {Observability{Metrics: &Metrics{Buckets: rising(30)}}, nil},
		"a label of ours":   {Observability{Metrics: &Metrics{ServiceMonitor: &ServiceMonitor{Labels: map[string]string{"modelplane/owner": "x"}}}}, []string{`observability.metrics.serviceMonitor.labels.modelplane/owner`}},
		"a time of no unit": {Observability{Metrics: &Metrics{ServiceMonitor: &ServiceMonitor{Interval: ptr.To("30")}}}, []string{"observability.metrics.serviceMonitor.interval"}},
		"no URL":            {otlp(func(o *OTLP) { o.Endpoint = "collector:4318" }), []string{"observability.otlp.endpoint"}},
		"a password":        {otlp(func(o *OTLP) { o.Endpoint = "https://u:p@collector" }), []string{"observability.otlp.endpoint"}},
		"a whole path":      {otlp(func(o *OTLP) { o.Endpoint = "https://collector/v1/traces/" }), []string{"observability.otlp.endpoint"}},
		"a base path":       {otlp(func(o *OTLP) { o.Endpoint = "https://collector/otlp" }), nil},
		"gRPC with a path":  {otlp(func(o *OTLP) { o.Endpoint, o.Protocol = "https://collector:4317/x", ptr.To(OTLPGRPC) }), []string{"observability.otlp.endpoint"}},
		"gRPC without port": {otlp(func(o *OTLP) { o.Endpoint, o.Protocol = "https://collector", ptr.To(OTLPGRPC) }), []string{"observability.otlp.endpoint"}},
		"nothing to send":   {otlp(func(o *OTLP) { o.Traces, o.Metrics = false, false }), []string{"observability.otlp.traces"}},
		"too many requests": {otlp(func(o *OTLP) { o.SampleRate = ptr.To(1.5) }), []string{"observability.otlp.sampleRate"}},
		"no number":         {otlp(func(o *OTLP) { o.SampleRate = ptr.To(math.NaN()) }), []string{"observability.otlp.sampleRate"}},
		"a rate of nothing": {otlp(func(o *OTLP) { o.SampleRate, o.Traces = ptr.To(0.5), false }), []string{"observability.otlp.sampleRate"}},
		"no request":        {otlp(func(o *OTLP) { o.SampleRate = ptr.To(0.0) }), nil},
		"odd headers": {otlp(func(o *OTLP) {
			o.Headers = map[string]string{"a.b": "hunter2", "x": "hun\nter2", "X": "hunter2", "y": ""}
		}), []string{`observability.otlp.headers["a.b"]`, "observability.otlp.headers.x", "observability.otlp.headers.x", "observability.otlp.headers.y"}},
	} {
		var paths []string
		for _, f := range check("gw", observedBy(c.o)) {
			paths = append(paths, f.Path)
			assert.NotContains(t, f.Message, "hunter2", name)
			assert.NotContains(t, f.Message, "\n", name)
		}
		if name == "odd headers" {
			assert.Len(t, paths, 3, name)
			continue
		}
		assert.Equal(t, c.paths, paths, name)
	}
	for _, values := range []map[string]any{
		{"metrics": map[string]any{"prometheus": map[string]any{"manualRouting": true}}},
		{"metrics": map[string]any{"prometheus": map[string]any{"entryPoint": "traefik"}}},
		{"metrics": map[string]any{"prometheus": false}},
		{"additionalArguments": []any{"--metrics.Prometheus.manualRouting"}},
		{"additionalArguments": []any{"--entryPoints.metrics.http.middlewares=x@file"}},
		{"env": []any{map[string]any{"name": "MODELPLANE_BUCKETS", "value": "1"}}},
		{"ports": map[string]any{"metrics": map[string]any{"http": map[string]any{"middlewares": "x@file"}}}},
	} {
		a := observedBy(Observability{Metrics: &Metrics{}})
		a.Chart = &Chart{Name: "traefik", Values: values}
		assert.Len(t, check("gw", a), 1, "%v", values)
	}
}

func rising(n int) []float64 {
	bounds := make([]float64, n)
	for i := range bounds {
		bounds[i] = float64(i + 1)
	}
	return bounds
}

// TestTheDashboardIsOneThatGrafanaReads would catch JSON that is none, panels over one another, and a query of another gateway's figures.
func TestTheDashboardIsOneThatGrafanaReads(t *testing.T) {
	p := plan{identity: defaults().OrOwn("gw")}
	var dashboard struct {
		UID    string
		Panels []struct {
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ RefID, Expr, LegendFormat string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(p.dashboard()), &dashboard))
	assert.LessOrEqual(t, len(dashboard.UID), 40, "Grafana takes no longer one")
	places := map[[2]int]bool{}
	for _, panel := range dashboard.Panels {
		at := [2]int{panel.GridPos.X, panel.GridPos.Y}
		assert.False(t, places[at], panel.Title)
		places[at] = true
		for _, target := range panel.Targets {
			assert.NotContains(t, target.Expr, "SELECT")
			assert.Equal(t, strings.Count(target.Expr, "modelplane_"), strings.Count(target.Expr, `gateway="modelplane-gw/gw"`), target.Expr)
		}
	}
}
