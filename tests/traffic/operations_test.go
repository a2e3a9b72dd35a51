package traffic

import (
	"bufio"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/load"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// operated is a gateway whose operation changes, with a server that sees clients' addresses and two that answer slowly.
type operated struct {
	*stack.Stack

	cluster           harness.Cluster
	open, short, long *modelserver.Server
	urls              map[string]string
}

// The parts of a gateway's properties that are changed under load.
const (
	plain   = "resources: {requests: {cpu: 10m}}"
	running = "autoscaling: {minReplicas: 3, maxReplicas: 4, targetCpuUtilization: 50}, drainSeconds: 10, networkPolicy: true, " +
		"resources: {requests: {cpu: 20m}, limits: {memory: 2Gi}}, nodeSelector: {kubernetes.io/os: linux}, topologySpread: false, " +
		"tolerations: [{key: dedicated, operator: Exists}], priorityClassName: '${urgent.metadata.name}', " +
		"trustedProxies: ['%s/32'], proxyProtocol: true, service: {externalTrafficPolicy: Local}"
)

// TestOperatingAGateway goes through all that says how a gateway's replicas run and who its clients are, on one gateway.
func TestOperatingAGateway(t *testing.T) {
	o := &operated{Stack: harness.NewStack(t, "operated"), cluster: harness.NewCluster(t)}
	o.open = harness.Serve(t, modelserver.Options{Name: "open", Address: ":8000", BasePath: "/v1"})
	o.short = harness.Serve(t, modelserver.Options{
		Name: "short", Address: ":8000", BasePath: "/v1", Reply: strings.Repeat("word ", 60), TokenDelay: 300 * time.Millisecond,
	})
	o.long = harness.Serve(t, modelserver.Options{
		Name: "long", Address: ":8000", BasePath: "/v1", Reply: strings.Repeat("word ", 240), TokenDelay: 300 * time.Millisecond,
	})
	o.up(t, plain)
	o.withoutProxies(t)
	for _, part := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"AllOfItChangesUnderLoadWithoutALostRequest", o.allChanges},
		{"NothingChangesAfterwards", o.nothingChanges},
		{"ReplicasRunAsTheyWereAskedTo", o.replicasRun},
		{"ProxiesSayWhoTheClientIs", o.proxiesSay},
		{"NobodyElseDoes", o.nobodyElseDoes},
		{"LimitsAndListsGoByTheClient", o.limitsGoByTheClient},
		{"BusyReplicasGetAnother", o.busyReplicas},
		{"APodEndsAfterItsStreams", o.podEnds},
		{"AllOfItGoesUnderLoadWithoutALostRequest", o.allGoes},
	} {
		t.Run(part.name, part.run)
	}
}

// up runs the stack with these properties of the gateway.
func (o *operated) up(t testing.TB, properties string) stack.Result {
	t.Helper()
	service := func(name, properties, endpoint string) string {
		return harness.ModelService(name, "'${gw.gateway}'", properties, endpoint+"-server")
	}
	endpoint := func(name string, server *modelserver.Server) string {
		return harness.ModelEndpoint(name+"-server", fmt.Sprintf("url: 'http://%s/v1', forwardCaller: true", server.Address()))
	}
	o.Write(t, harness.Program("operated", []string{
		harness.Resource("kubernetes:scheduling.k8s.io/v1:PriorityClass", "urgent", "metadata: {name: urgent}, value: 1000", ""),
		harness.ModelGateway("gw", harness.Chart("readinessProbe: {periodSeconds: 3}")+", "+properties),
		endpoint("open", o.open), endpoint("short", o.short), endpoint("long", o.long),
		service("open", "", "open"), service("short", "", "short"), service("long", "", "long"),
		service("counted", "limits: {requests: [{by: Address, requests: 3, seconds: 3600}]}", "open"),
		service("inside", "allowFrom: [203.0.113.0/24]", "open"),
	}, "gw: ${gw.url}", "open: ${open.url}", "short: ${short.url}", "long: ${long.url}"))
	result := o.Up()
	require.NoError(t, result.Err, result.Output)
	o.urls = map[string]string{}
	for name, url := range o.Outputs(t) {
		o.urls[name] = url.(string)
	}
	return result
}

// changes runs the stack with other properties, under load and with 64 streams that last longer than their Pods.
func (o *operated) changes(t *testing.T, properties string, streams int) {
	t.Helper()
	run := load.Start(t.Context(), load.Config{URL: o.urls["open"], RatePerSecond: 100, MaxRequests: 100_000, Workers: 8})
	require.NoError(t, run.WaitFor(t.Context(), 100))
	before := o.pods(t)
	ended := make(chan error, streams)
	began := o.long.Tokens()
	for range streams {
		go func() { ended <- stream(o.urls["long"], 240) }()
	}
	require.Eventually(t, func() bool { return o.long.Tokens()-began >= int64(streams) }, 20*time.Second, 20*time.Millisecond)
	o.up(t, properties)
	ready := 0
	for name, pod := range o.pods(t) {
		if _, old := before[name]; !old && pod.ready {
			ready++
		}
	}
	for range streams {
		assert.NoError(t, <-ended)
	}
	// The old Pods end only now; what they were sent last is part of the promise.
	require.Eventually(t, func() bool { return len(o.pods(t)) == ready }, 2*time.Minute, 200*time.Millisecond)
	require.NoError(t, run.WaitFor(t.Context(), 200))
	report := run.Stop()
	require.NoError(t, report.Err())
	t.Logf("%d requests and %d streams, none failed; %d new Pods were ready when up ended", report.Total, streams, ready)
}

// allChanges would catch a request or a stream that is lost when everything about the replicas changes at once, and an up that ends before
// as many of them run as there must be: the chart leaves their number to the autoscaler.
func (o *operated) allChanges(t *testing.T) {
	o.changes(t, fmt.Sprintf(running, harness.Plane.First().Node), 64)
	assert.Len(t, o.pods(t), 3)
}

// allGoes would catch the same on the way back, and an object that outlives its input.
func (o *operated) allGoes(t *testing.T) {
	o.changes(t, plain, 0)
	assert.Len(t, o.pods(t), 2)
	for _, resource := range []schema.GroupVersionResource{autoscalers, policies} {
		list, err := o.cluster.Resource(resource).Namespace("modelplane-gw").List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		assert.Empty(t, list.Items, resource.Resource)
	}
}

// nothingChanges would catch an input that the API server or the autoscaler rewrites, so that every up finds a change, and a number of
// replicas that is written again.
func (o *operated) nothingChanges(t *testing.T) {
	for _, operation := range []func() stack.Result{o.Up, o.Refresh, o.Preview} {
		result := operation()
		require.NoError(t, result.Err, result.Output)
		assert.Len(t, result.Changes, 1, "%v: %s", result.Changes, result.Output)
	}
}

var (
	autoscalers = schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}
	budgets     = schema.GroupVersionResource{Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"}
	policies    = schema.GroupVersionResource{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"}
	pods        = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	services    = schema.GroupVersionResource{Version: "v1", Resource: "services"}
)

// replicasRun would catch an input that does not reach the Pods, and objects that are for others.
func (o *operated) replicasRun(t *testing.T) {
	for name, pod := range o.pods(t) {
		get := func(path ...string) any {
			value, _, err := unstructured.NestedFieldNoCopy(pod.object.Object, path...)
			require.NoError(t, err)
			return value
		}
		assert.Equal(t, "urgent", get("spec", "priorityClassName"), name)
		assert.EqualValues(t, 1000, get("spec", "priority"), name)
		assert.EqualValues(t, 40, get("spec", "terminationGracePeriodSeconds"), name)
		assert.Equal(t, "linux", get("spec", "nodeSelector").(map[string]any)["kubernetes.io/os"], name)
		assert.Contains(t, fmt.Sprint(get("spec", "tolerations")), "dedicated", name)
		assert.Nil(t, get("spec", "topologySpreadConstraints"), name)
		container := get("spec", "containers").([]any)[0].(map[string]any)
		assert.Equal(t, map[string]any{"requests": map[string]any{"cpu": "20m", "memory": "2Gi"}, "limits": map[string]any{"memory": "2Gi"}},
			container["resources"], name)
	}
	assert.Equal(t, int64(1), o.of(t, budgets, "spec", "maxUnavailable"))
	assert.EqualValues(t, 3, o.of(t, budgets, "status", "expectedPods"))
	assert.EqualValues(t, 3, o.of(t, autoscalers, "spec", "minReplicas"))
	assert.EqualValues(t, 3, o.of(t, autoscalers, "status", "currentReplicas"))
	assert.Equal(t, "Local", o.of(t, services, "spec", "externalTrafficPolicy"))
	selected, err := o.cluster.Resource(pods).List(t.Context(), metav1.ListOptions{
		LabelSelector: metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: map[string]string{
			"modelplane/gateway": o.of(t, policies, "spec", "podSelector", "matchLabels", "modelplane/gateway").(string),
		}}),
	})
	require.NoError(t, err)
	assert.Len(t, selected.Items, 3, "the Pods that the NetworkPolicy is for")
}

// of is a field of the gateway's only object of a kind.
func (o *operated) of(t *testing.T, resource schema.GroupVersionResource, path ...string) any {
	t.Helper()
	object, err := o.cluster.Resource(resource).Namespace("modelplane-gw").Get(t.Context(), "gw", metav1.GetOptions{})
	require.NoError(t, err)
	value, _, err := unstructured.NestedFieldNoCopy(object.Object, path...)
	require.NoError(t, err)
	return value
}

// podEnds would catch a Pod that cuts a stream within its time, one that outlives it, and a request that is lost meanwhile.
func (o *operated) podEnds(t *testing.T) {
	name := slices.Sorted(maps.Keys(o.pods(t)))[0]
	pod := o.pods(t)[name]
	run := load.Start(t.Context(), load.Config{URL: o.urls["open"], RatePerSecond: 50})
	short, long := make(chan error, 64), make(chan error, 4)
	for range cap(short) {
		go func() { short <- stream(o.directly("short", pod.address), 60) }()
	}
	for range cap(long) {
		go func() { long <- stream(o.directly("long", pod.address), 240) }()
	}
	tokens := o.short.Tokens()
	require.Eventually(t, func() bool { return o.short.Tokens()-tokens > int64(cap(short)) }, 20*time.Second, 20*time.Millisecond)
	began := time.Now()
	require.NoError(t, o.cluster.Resource(pods).Namespace("modelplane-gw").Delete(t.Context(), name, metav1.DeleteOptions{}))
	for range cap(short) {
		assert.NoError(t, <-short, "a stream of 18 seconds, of 25 that there are")
	}
	for range cap(long) {
		assert.Error(t, <-long, "a stream of 72 seconds")
	}
	// 15 seconds in which the Pod takes requests, and 10 that were asked for.
	assert.InDelta(t, 25, time.Since(began).Seconds(), 6)
	require.NoError(t, run.WaitFor(t.Context(), 50))
	require.NoError(t, run.Stop().Err())
}

// directly is a service's URL at a Pod.
func (o *operated) directly(service string, address netip.Addr) string {
	return fmt.Sprintf("http://%s/default/%s/v1", netip.AddrPortFrom(address, 8000), service)
}

// pod is one of the gateway's Pods.
type pod struct {
	address netip.Addr
	ready   bool
	object  unstructured.Unstructured
}

func (o *operated) pods(t testing.TB) map[string]pod {
	t.Helper()
	list, err := o.cluster.Resource(pods).Namespace("modelplane-gw").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	all := map[string]pod{}
	for _, object := range list.Items {
		one := pod{object: object}
		text, _, _ := unstructured.NestedString(object.Object, "status", "podIP")
		one.address, _ = netip.ParseAddr(text)
		conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
		for _, entry := range conditions {
			condition := entry.(map[string]any)
			one.ready = one.ready || condition["type"] == "Ready" && condition["status"] == "True"
		}
		all[object.GetName()] = one
	}
	return all
}

// stream asks for a streamed answer, which must be whole.
func stream(url string, want int) error {
	body := `{"model":"m","stream":true,"messages":[{"role":"user","content":"write"}]}`
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Post(url+"/chat/completions", "application/json", strings.NewReader(body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	words, last := 0, ""
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		words += strings.Count(lines.Text(), `"word `)
		if lines.Text() != "" {
			last = lines.Text()
		}
	}
	if lines.Err() != nil || last != "data: [DONE]" || words != want {
		return fmt.Errorf("status %s; the stream ended after %d of %d words with %q: %w", response.Status, words, want, last, lines.Err())
	}
	return nil
}
