package clusters

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/load"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// hostName is what the certificate of the cluster's gateway is for. No name server knows it.
const hostName = "east.models.example"

// guarded is a gateway, and a workload cluster that asks for a certificate and for one of these keys, with a model.
func guarded(t testing.TB, keys string) string {
	t.Helper()
	return fmt.Sprintf(`name: guarded
runtime: yaml
config:
  kubeconfig: {type: string, secret: true}
  certificate: {type: string}
  privateKey: {type: string, secret: true}
  authority: {type: string}
  old: {type: string, secret: true}
  new: {type: string, secret: true}
resources:
  gateway: {type: 'modelplane:ModelGateway', properties: {chart: {name: %q}, replicas: 1}}
  east:
    type: modelplane:InferenceCluster
    properties:
      kubeconfig: '${kubeconfig}'
      tls: {certificate: '${certificate}', privateKey: '${privateKey}', caCertificate: '${authority}'}
      apiKeys: [%s]
      gateway: {hostName: %s, replicas: 1}
      chart: {name: %q}
%s
outputs: {url: '${chat.url}', direct: '${small.urls["east"]}', gateway: '${gateway.gateway}', cluster: '${east.cluster}', connection: '${east.connection}'}
`, traefik(t), keys, hostName, chart(t, "gateway-helm", "envoy-gateway"), guardedModel("small", "'${gateway.gateway}'", "'${east.cluster}'", ""))
}

// guardedModel is a model on a cluster, with a service on a gateway. More are further inputs of the deployment.
func guardedModel(name, gateway, cluster, more string) string {
	return fmt.Sprintf(`  %[1]s:
    type: modelplane:ModelDeployment
    properties: {model: 'hf://org/%[1]s', clusters: [%[3]s], engine: {image: modelserver, args: [--model=%[1]s], startupMinutes: 1}%[4]s}
  chat: {type: 'modelplane:ModelService', properties: {name: %[1]s-chat, gateway: %[2]s, backends: [{endpoints: '${%[1]s.endpoints}'}]}}`, name, gateway, cluster, more)
}

func traefik(t testing.TB) string {
	path, err := filepath.Abs("../charts/traefik")
	require.NoError(t, err)
	return path
}

// TestAClustersGatewayAsksForItsKey would catch a cluster that answers without a key or in plain text, a key that a model server sees or
// that is in the state in plain text, requests that are lost while the key changes, and a stack that another one's cluster does not let in.
func TestAClustersGatewayAsksForItsKey(t *testing.T) {
	const first, second = "hop-First-4c1b9d72", "hop-Second-e83a05f6"
	lap := stopwatch(t)
	issued, err := harness.CA.Issue([]string{hostName}, nil)
	require.NoError(t, err)
	certificate, privateKey, err := modelserver.PEM(issued)
	require.NoError(t, err)
	kubeconfig, err := os.ReadFile(harness.Plane.Cluster("east").Kubeconfig())
	require.NoError(t, err)
	s := harness.NewStack(t, "guarded")
	s.SetConfig(t, "certificate", certificate)
	s.SetConfig(t, "authority", string(harness.CA.PEM()))
	for name, secret := range map[string]string{"kubeconfig": string(kubeconfig), "privateKey": privateKey, "old": first, "new": second} {
		s.SetSecret(t, name, secret)
	}
	outputs := s.MustUp(t, guarded(t, "'${old}'"))
	lap("up: a gateway, a cluster with a certificate and a key, and a model")

	url, direct := outputs["url"].(string), outputs["direct"].(string)
	require.True(t, strings.HasPrefix(direct, "https://"), direct)
	answer, _, err := chat(t, url+"/chat/completions", http.Header{"Authorization": {"Bearer caller"}})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	east := harness.Connect(t, harness.Plane.Cluster("east"))
	assert.Equal(t, []int{http.StatusUnauthorized, http.StatusUnauthorized, http.StatusOK, http.StatusUnauthorized}, statuses(t, direct, "", "wrong", first, second))
	arrived := requestsTo(t, east, "app.kubernetes.io/name=small", "/v1/chat")
	assert.Len(t, arrived, 2)
	for _, request := range arrived {
		assert.NotContains(t, request.Header, keyHeader)
		assert.NotContains(t, request.Header, "Authorization")
	}
	_, err = http.Get(strings.Replace(direct, "https://", "http://", 1))
	assert.Error(t, err, "plain HTTP")

	run := load.Start(t.Context(), load.Config{URL: url, RatePerSecond: 50, Workers: 8, MaxRequests: 60_000})
	require.NoError(t, run.WaitFor(t.Context(), 100))
	s.MustUp(t, guarded(t, "'${new}', '${old}'"))
	assert.Equal(t, []int{http.StatusOK, http.StatusOK}, statuses(t, direct, first, second))
	s.MustUp(t, guarded(t, "'${new}'"))
	lap("up, twice: another key under load")
	require.NoError(t, run.WaitFor(t.Context(), 100))
	report := run.Stop()
	t.Logf("%d requests: %v", report.Total, report.ByBackend)
	require.NoError(t, report.Err())
	assert.Equal(t, []int{http.StatusUnauthorized, http.StatusOK}, statuses(t, direct, first, second))

	other := stack.New(t, "neighbour", map[string]string{"PULUMI_BACKEND_URL": "file://" + filepath.Join(s.Home, "state")})
	outputs = other.MustUp(t, `name: neighbour
runtime: yaml
resources:
  models: {type: 'pulumi:pulumi:StackReference', properties: {name: organization/guarded/test}}
`+guardedModel("large", `'${models.outputs["gateway"]}'`, `'${models.outputs["cluster"]}'`, `, connections: {east: '${models.outputs["connection"]}'}`)+`
outputs: {url: '${chat.url}'}
`)
	lap("up: another stack's model on the cluster")
	answer, _, err = chat(t, outputs["url"].(string)+"/chat/completions", nil)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, answer.StatusCode)
	assert.Equal(t, "/v1/chat/completions", answer.Header.Get(modelserver.HeaderPath))

	// The state is both stacks'.
	for _, text := range []string{s.State(t), s.Log.String(), other.Log.String()} {
		for _, secret := range []string{first, second, "PRIVATE KEY", "client-key-data"} {
			assert.NotContains(t, text, secret)
		}
	}
	for _, cluster := range []harness.Cluster{harness.NewCluster(t), east} {
		for name, object := range cluster.Objects(t) {
			if text := fmt.Sprint(object.Object); !strings.HasPrefix(name, "secrets ") {
				assert.NotContains(t, text, first, name)
				assert.NotContains(t, text, second, name)
			}
		}
	}
}

// statuses are the answers of a cluster's own gateway to requests with these keys, of which an empty one is none.
func statuses(t testing.TB, url string, keys ...string) []int {
	t.Helper()
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: harness.CA.Pool(), ServerName: hostName}, //nolint:gosec // it needs no version
	}}
	var all []int
	for _, key := range keys {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/chat/completions", strings.NewReader(`{"model":"small","messages":[{"role":"user","content":"Hello"}]}`))
		require.NoError(t, err)
		if key != "" {
			request.Header.Set(keyHeader, key)
		}
		answer, err := client.Do(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		all = append(all, answer.StatusCode)
	}
	return all
}
