package gateway

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/load"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// TestAWholeStackStaysAsItIsAndLeavesNothingButCRDs would catch an input that the API server rewrites, so that every
// up or refresh finds a change; an object, Helm's own ones included, that outlives the stack, or minutes of waiting for one;
// CRDs that are deleted with the stack, and every route of the cluster with them; and CRDs left behind that block the next gateway.
func TestAWholeStackStaysAsItIsAndLeavesNothingButCRDs(t *testing.T) {
	cluster := harness.NewCluster(t)
	before := cluster.Objects(t)
	s := harness.NewStack(t, "life")
	s.SetSecret(t, "key", "sk-life")
	text := wholeStack(t, "life")

	for _, round := range []string{"first", "second, with the CRDs of the first"} {
		url := s.MustUp(t, text)["url"].(string)
		requireServed(t, url, "keyed", "tls", "apart")

		requireNothingChanges(t, s.Up(), "up")
		requireNothingChanges(t, s.Refresh(), "refresh")
		requireNothingChanges(t, s.Preview(), "preview after refresh")
		requireServed(t, url, "keyed", "tls", "apart")

		began := time.Now()
		result := s.Destroy()
		require.NoError(t, result.Err, result.Output)
		assert.Less(t, time.Since(began), 2*time.Minute, "the namespace was deleted before the last Pod had ended")
		assert.Empty(t, cluster.Left(t, before), "%s: left behind", round)
		kept, err := cluster.Resource(crdResource).List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		assert.Greater(t, len(kept.Items), 15, "the CRDs are kept")
	}
}

// wholeStack is a program with a gateway and one endpoint of each kind that has objects of its own.
func wholeStack(t testing.TB, name string) string {
	t.Helper()
	keyed := harness.Serve(t, modelserver.Options{Name: "keyed", Address: ":8000", BasePath: "/v1"})
	apart := harness.Serve(t, modelserver.Options{Name: "apart", Address: ":8000", BasePath: "/v1"})
	host := "tls." + name + ".test"
	harness.ServeTLS(t, modelserver.Options{Name: "tls", Address: ":8443", BasePath: "/v1"}, host)
	return harness.Program(name, []string{
		harness.ModelGateway("gw", "exclusiveClass: true, "+harness.Chart("")),
		harness.Namespace(name + "-team"),
		harness.ModelEndpoint("keyed", fmt.Sprintf("url: 'http://%s/v1', apiKey: '${key}'", keyed.Address())),
		harness.ModelEndpoint("tls", fmt.Sprintf("url: 'https://%s:8443/v1', tls: {caCertificate: %q}", host, harness.CA.PEM())),
		harness.ModelEndpoint("apart", fmt.Sprintf("url: 'http://%s/v1', namespace: '${%s-team.metadata.name}'", apart.Address(), name)),
		harness.ModelService("chat", "'${gw.gateway}'", "", "keyed", "tls", "apart"),
	}, "url: ${chat.url}")
}

// requireServed sends a few requests, all of which must be answered, by each of the backends at least once.
func requireServed(t testing.TB, url string, backends ...string) {
	t.Helper()
	report := load.Do(t.Context(), load.Config{URL: url, MaxRequests: 10 * len(backends)})
	require.NoError(t, report.Err())
	for _, backend := range backends {
		require.Positive(t, report.ByBackend[backend], "%v", report.ByBackend)
	}
	require.Len(t, report.ByBackend, len(backends))
}

// requireNothingChanges lets an operation have looked at resources, and left all of them as they were.
func requireNothingChanges(t testing.TB, result stack.Result, operation string) {
	t.Helper()
	require.NoError(t, result.Err, "%s: %s", operation, result.Output)
	require.Greater(t, result.Changes["same"], 20, "%s: %s", operation, result.Output)
	require.Len(t, result.Changes, 1, "%s: %v: %s", operation, result.Changes, result.Output)
}
