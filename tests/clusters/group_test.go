package clusters

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// TestPodsOfOneReplicaFindTheirLeader would catch whatever keeps the real LeaderWorkerSet from making a replica of several
// Pods in the plane: its webhooks, the Pods' own names, and what it puts into their environment.
func TestPodsOfOneReplicaFindTheirLeader(t *testing.T) {
	s := harness.NewStack(t, "group")
	lap := stopwatch(t)
	// Each Pod calls itself what LeaderWorkerSet tells it: its leader's address and its own index.
	container := `{name: model, image: modelserver, args: ['--name=$(LWS_LEADER_ADDRESS) $(LWS_WORKER_INDEX) of $(LWS_GROUP_SIZE)'],
        ports: [{name: http, containerPort: 8000}], readinessProbe: {httpGet: {path: /health, port: http}, periodSeconds: 1}}`
	controller := program{name: "group"}.with(
		`  namespace: {type: 'kubernetes:core/v1:Namespace', properties: {metadata: {name: lws-system}}}`,
		`  release: {type: 'kubernetes:helm.sh/v3:Release', properties: {name: lws, namespace: '${namespace.metadata.name}', chart: `+chart(t, "lws", "lws-manager")+`}}`)
	s.MustUp(t, controller.String())
	lap("up: LeaderWorkerSet")
	// A ConfigGroup knows no CRD that the same run has installed.
	s.MustUp(t, controller.with(object("replica", `{apiVersion: leaderworkerset.x-k8s.io/v1, kind: LeaderWorkerSet,
      metadata: {name: large, namespace: default, annotations: {pulumi.com/waitFor: condition=Available}},
      spec: {replicas: 1, leaderWorkerTemplate: {size: 2, workerTemplate: {spec: {containers: [`+container+`]}}}}}`, "release")).String())
	lap("up: a replica of two Pods")

	cluster := harness.NewCluster(t)
	found, err := cluster.Resource(pods).Namespace("default").List(t.Context(), metav1.ListOptions{LabelSelector: "leaderworkerset.sigs.k8s.io/name=large"})
	require.NoError(t, err)
	ips := map[string]string{}
	for _, pod := range found.Items {
		ips[pod.GetName()], _, err = unstructured.NestedString(pod.Object, "status", "podIP")
		require.NoError(t, err)
	}
	require.Len(t, ips, 2)
	for index, name := range []string{"large-0", "large-0-1"} {
		answer, err := http.Get("http://" + ips[name] + ":8000/health")
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		assert.Equal(t, fmt.Sprintf("large-0.large.default %d of 2", index), answer.Header.Get(modelserver.HeaderName))
	}
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", harness.Plane.First().NameServer().String())
	}}
	require.Eventually(t, func() bool {
		found, err := resolver.LookupHost(t.Context(), "large-0.large.default.svc.cluster.local.")
		return err == nil && len(found) == 1 && found[0] == ips["large-0"]
	}, 10*time.Second, 50*time.Millisecond)

	result := s.Destroy()
	require.NoError(t, result.Err, result.Output)
	lap("destroy")
}
