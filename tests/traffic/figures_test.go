package traffic

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

// scrape is an answer of /metrics, as promquery takes it.
type scrape struct {
	At     int64             `json:"at"`
	Text   string            `json:"text"`
	Labels map[string]string `json:"labels"`
}

// scrape asks each of the gateway's Pods for its figures, as Prometheus does.
func (o *observed) scrape(t testing.TB) string {
	t.Helper()
	all := ""
	for name, address := range harness.GatewayPods(t) {
		got := do(t, http.MethodGet, "http://"+address+":9100/metrics",
			http.Header{"Accept": {"application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}, "Accept-Encoding": {"gzip"}}, nil)
		require.Equal(t, http.StatusOK, got.status, got.body)
		require.Contains(t, got.body, "traefik_entrypoint_requests_total", "Traefik's own figures are missing")
		o.scrapes = append(o.scrapes, scrape{time.Now().UnixMilli(), got.body, map[string]string{"pod": name}})
		all += got.body
	}
	return all
}

// figuresAreThoseOfTheRequests would catch a request that is not counted, or as another's; times of another request; and figures of
// Traefik's that ours take the place of.
func figuresAreThoseOfTheRequests(t *testing.T, o *observed) {
	// What came before is there at the first look, so that rates have something to begin with.
	for range 3 {
		o.send(t, "limited", bearer(bobNew))
	}
	o.send(t, "chat", http.Header{"X-Modelserver-Status": {"503"}, "Authorization": {"Bearer " + aliceKey}})
	o.failsOver(t)
	before := o.scrape(t)
	chat := `model_service="default/chat"`
	for range 40 {
		require.Equal(t, http.StatusOK, o.send(t, "chat", bearer(aliceKey)).status)
	}
	for range 4 {
		require.Equal(t, http.StatusUnauthorized, o.send(t, "chat", nil).status)
		o.send(t, "chat", http.Header{"X-Modelserver-Status": {"503"}, "Authorization": {"Bearer " + aliceKey}})
		o.send(t, "limited", bearer(bobNew))
	}
	time.Sleep(1100 * time.Millisecond) // until it is asked again
	o.failsOver(t)
	response, err := http.Get(o.urls["odd"] + "/cut")
	require.NoError(t, err)
	_, _ = io.ReadAll(response.Body)
	require.NoError(t, response.Body.Close())
	time.Sleep(2 * time.Second)
	after := o.scrape(t)
	for _, c := range []struct {
		want   float64
		family string
		labels []string
	}{
		{12, "modelplane_requests_total", []string{chat, `model_endpoint="groq"`, `caller="alice"`, `code="200"`}},
		{28, "modelplane_requests_total", []string{chat, `model_endpoint="own"`, `caller="alice"`, `code="200"`}},
		{4, "modelplane_requests_total", []string{chat, `model_endpoint=""`, `caller=""`, `code="401"`}},
		{4, "modelplane_requests_total", []string{chat, `caller="alice"`, `code="503"`}},
		{4, "modelplane_requests_total", []string{`model_service="default/limited"`, `model_endpoint=""`, `caller="bob"`, `code="429"`}},
		{1, "modelplane_cut_answers_total", []string{`model_service="default/odd-ones"`, `model_endpoint="odd"`}},
		{40, "modelplane_first_token_seconds_count", []string{chat}},
		{48, "modelplane_first_byte_seconds_count", []string{chat}},
		{48, "modelplane_request_duration_seconds_bucket", []string{chat, `le="600"`}},
	} {
		assert.InDelta(t, c.want, harness.Figure(t, after, c.family, c.labels...)-harness.Figure(t, before, c.family, c.labels...), 1.01, "%s %v", c.family, c.labels)
	}
	assert.Equal(t, 40.0, harness.Figure(t, after, "modelplane_requests_total", chat, `code="200"`)-harness.Figure(t, before, "modelplane_requests_total", chat, `code="200"`))
	for family, labels := range map[string][]string{
		"modelplane_failovers_total": {`model_endpoint="groq"`, `reason="503"`}, "modelplane_ejections_total": {`model_endpoint="groq"`},
	} {
		labels = append(labels, `model_service="default/backed"`)
		assert.Equal(t, 1.0, harness.Figure(t, after, family, labels...)-harness.Figure(t, before, family, labels...), family)
		assert.Equal(t, 2.0, harness.Figure(t, after, family), "nothing of other services")
	}
	assert.Equal(t, 0.7, harness.Figure(t, after, "modelplane_share_asked", chat, `model_endpoint="own"`))
	assert.Equal(t, 1.0, harness.Figure(t, after, "modelplane_requests_total", `model_service="default/odd-ones"`, `code="101"`))
	assert.Contains(t, after, `gateway="modelplane-gw/gw"`)
	assert.Contains(t, after, "traefik_router_requests_total")
	assert.Contains(t, after, `le="600"`, "Traefik's buckets are too small for answers of models")
}

// failsOver sends two requests to a service whose first backend fails. The second one finds it out.
func (o *observed) failsOver(t *testing.T) {
	t.Helper()
	o.groq.SetFailure(http.StatusServiceUnavailable)
	defer o.groq.SetFailure(0)
	for range 2 {
		require.Equal(t, http.StatusOK, o.send(t, "backed", nil).status)
	}
}

// dashboardAnswers would catch a query that Prometheus does not take, one that finds nothing although there is something, and one that finds
// something else than its panel says.
func dashboardAnswers(t *testing.T, o *observed) {
	list, err := harness.NewCluster(t).Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace("modelplane-gw").
		List(t.Context(), metav1.ListOptions{LabelSelector: "grafana_dashboard=1"})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	texts, _, _ := unstructured.NestedStringMap(list.Items[0].Object, "data")
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(texts["modelplane-gw-gw.json"]), &dashboard))
	var titles, queries []string
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			titles = append(titles, panel.Title)
			queries = append(queries, strings.NewReplacer("$__rate_interval", "5m", "$service", ".*").Replace(target.Expr))
		}
	}
	answers := o.query(t, queries...)
	find := func(title string, nth int, labels ...string) float64 {
		for i, of := range titles {
			if of != title {
				continue
			}
			if nth > 0 {
				nth--
				continue
			}
			for _, s := range answers[i] {
				has := true
				for j := 0; j < len(labels); j += 2 {
					has = has && s.Labels[labels[j]] == labels[j+1]
				}
				if has {
					return s.Value
				}
			}
		}
		return -1
	}
	for i, title := range titles {
		assert.NotEmpty(t, answers[i], "%s: %s", title, queries[i])
		for _, s := range answers[i] {
			assert.GreaterOrEqual(t, s.Value, 0.0, "%s %v", title, s.Labels)
		}
	}
	for endpoint, share := range map[string]float64{"groq": 0.3, "own": 0.7} {
		assert.InDelta(t, share, find("Share got and share asked for", 0, "model_service", "default/chat", "model_endpoint", endpoint), 0.05, "got")
		assert.InDelta(t, share, find("Share got and share asked for", 1, "model_service", "default/chat", "model_endpoint", endpoint), 1e-9, "asked for")
	}
	assert.Positive(t, find("Answers by status", 0, "code", "401"))
	assert.Positive(t, find("Refused for a limit, by caller", 0, "caller", "bob"))
	assert.Equal(t, -1.0, find("Refused for a limit, by caller", 0, "caller", "alice"))
	assert.Positive(t, find("Errors", 0, "model_service", "default/chat", "model_endpoint", "own"))
	assert.Positive(t, find("Answers cut off", 0, "model_endpoint", "odd"))
	assert.Positive(t, find("Failovers", 0, "model_service", "default/backed", "model_endpoint", "groq", "reason", "503"))
	assert.Positive(t, find("Ejections", 0, "model_service", "default/backed", "model_endpoint", "groq"))
	assert.Equal(t, -1.0, find("Ejections", 0, "model_endpoint", "own"))
	for i, last := 0, 0.0; i < 3; i++ {
		quantile := find("Time to the first token", i, "model_service", "default/chat", "model_endpoint", "own")
		assert.GreaterOrEqual(t, quantile, last, "quantiles fall")
		assert.Less(t, quantile, 60.0)
		last = quantile
	}
}

// sample is one line of a query's answer.
type sample struct {
	Labels map[string]string
	Value  float64
}

// query asks Prometheus' own engine about what was scraped.
func (o *observed) query(t testing.TB, queries ...string) [][]sample {
	t.Helper()
	program, err := exec.LookPath("promquery")
	require.NoError(t, err, "make bin/promquery builds it")
	asked, err := json.Marshal(map[string]any{"scrapes": o.scrapes, "queries": queries, "at": o.scrapes[len(o.scrapes)-1].At})
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), program)
	command.Stdin = bytes.NewReader(asked)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	answered, err := command.Output()
	require.NoError(t, err, complaint.String())
	var answers [][]sample
	require.NoError(t, json.Unmarshal(answered, &answers))
	require.Len(t, answers, len(queries))
	return answers
}

// operatorFindsTheFigures would catch a ServiceMonitor that Prometheus' operator does not select, or whose Service leads nowhere.
func operatorFindsTheFigures(t *testing.T, _ *observed) {
	cluster := harness.NewCluster(t)
	monitor, err := cluster.Resource(serviceMonitors).Namespace("modelplane-gw").Get(t.Context(), "gw", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, "prometheus", monitor.GetLabels()["release"])
	selector, _, err := unstructured.NestedStringMap(monitor.Object, "spec", "selector", "matchLabels")
	require.NoError(t, err)
	var terms []string
	for key, value := range selector {
		terms = append(terms, key+"="+value)
	}
	services, err := cluster.Resource(schema.GroupVersionResource{Version: "v1", Resource: "services"}).Namespace("modelplane-gw").
		List(t.Context(), metav1.ListOptions{LabelSelector: strings.Join(terms, ",")})
	require.NoError(t, err)
	require.Len(t, services.Items, 1)
	assert.Equal(t, "gw-metrics", services.Items[0].GetName())
	kind, _, _ := unstructured.NestedString(services.Items[0].Object, "spec", "type")
	assert.Equal(t, "ClusterIP", kind, "figures are outside of the cluster")
	address, _, _ := unstructured.NestedString(services.Items[0].Object, "spec", "clusterIP")
	assert.NotEmpty(t, address)
}

var serviceMonitors = schema.GroupVersionResource{Group: "monitoring.coreos.com", Version: "v1", Resource: "servicemonitors"}
