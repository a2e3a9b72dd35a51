package gateway

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/load"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// TestReplacingTheGatewaysPodsUnderLoadDropsNothing would catch a new Pod that is sent requests before it has read its
// routes, an old one that is sent requests when it no longer listens, a busy connection or a streamed answer that is cut,
// and an up that ends before the new Pods serve.
func TestReplacingTheGatewaysPodsUnderLoadDropsNothing(t *testing.T) {
	gateway := sharedGateway(t)
	quick := harness.Serve(t, modelserver.Options{Name: "quick", Address: ":8000", BasePath: "/v1"})
	slow := harness.Serve(t, modelserver.Options{
		Name: "slow", Address: ":8000", BasePath: "/v1", Reply: strings.Repeat("word ", 80), TokenDelay: 300 * time.Millisecond,
	})
	urls := harness.NewStack(t, "rollout").MustUp(t, harness.Program("rollout", []string{
		harness.ModelEndpoint("quick", fmt.Sprintf("url: 'http://%s/v1'", quick.Address())),
		harness.ModelEndpoint("slow", fmt.Sprintf("url: 'http://%s/v1'", slow.Address())),
		harness.ModelService("fast", gateway, "", "quick"), harness.ModelService("long", gateway, "", "slow"),
	}, "fast: ${fast.url}", "long: ${long.url}"))
	before := podsOf(t, "modelplane-shared")
	require.Len(t, before, 2)

	run := load.Start(t.Context(), load.Config{URL: urls["fast"].(string), RatePerSecond: 200, MaxRequests: 60_000, Workers: 8})
	require.NoError(t, run.WaitFor(t.Context(), 200))
	streams := make(chan error, 4)
	for range cap(streams) {
		go func() { streams <- stream(urls["long"].(string)) }()
	}
	require.Eventually(t, func() bool { return slow.Tokens() > int64(cap(streams)) }, 5*time.Second, 20*time.Millisecond)
	shared.stack.MustUp(t, sharedProgram("replaced"))
	afterwards := podsOf(t, "modelplane-shared")
	require.NoError(t, run.WaitFor(t.Context(), 200))
	for range cap(streams) {
		assert.NoError(t, <-streams)
	}
	// The old Pods end only now; what they were sent last is part of the promise.
	require.Eventually(t, func() bool { return len(podsOf(t, "modelplane-shared")) == 2 }, time.Minute, 200*time.Millisecond)
	require.NoError(t, run.WaitFor(t.Context(), 200))
	require.NoError(t, run.Stop().Err())
	ready := 0
	for name, is := range afterwards {
		if _, old := before[name]; !old && is {
			ready++
		}
	}
	assert.Equal(t, 2, ready, "new Pods that were ready when up ended")
}

// TestPodsTellThePluginsVersion would catch Pods that go on with an old plugin when the package is updated: they are replaced
// only where their template changes.
func TestPodsTellThePluginsVersion(t *testing.T) {
	sharedGateway(t)
	pods := schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	list, err := harness.NewCluster(t).Resource(pods).Namespace("modelplane-shared").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.NotEmpty(t, list.Items)
	for _, pod := range list.Items {
		assert.Equal(t, plugin.Hash(), pod.GetAnnotations()["modelplane/plugin"], pod.GetName())
		assert.Equal(t, "red", pod.GetAnnotations()["team"], "the user's own annotation")
	}
}

// podsOf are the Pods of a namespace, and whether each is ready.
func podsOf(t testing.TB, namespace string) map[string]bool {
	t.Helper()
	pods := schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	list, err := harness.NewCluster(t).Resource(pods).Namespace(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	names := map[string]bool{}
	for _, pod := range list.Items {
		status, _ := pod.Object["status"].(map[string]any)
		conditions, _ := status["conditions"].([]any)
		for _, entry := range conditions {
			condition, _ := entry.(map[string]any)
			if condition["type"] == "Ready" {
				names[pod.GetName()] = condition["status"] == "True"
			}
		}
	}
	return names
}

// stream asks for a streamed answer and reads it to its end.
func stream(url string) error {
	body := `{"model":"m","stream":true,"messages":[{"role":"user","content":"write"}]}`
	response, err := http.Post(url+"/chat/completions", "application/json", strings.NewReader(body))
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
	if lines.Err() != nil || last != "data: [DONE]" || words != 80 {
		return fmt.Errorf("status %s; the stream ended after %d words with %q: %w", response.Status, words, last, lines.Err())
	}
	return nil
}
