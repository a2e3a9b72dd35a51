package clusters

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/load"
	"github.com/modelplane/pulumi-modelplane/tests/localplane"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// fleet is a program: a gateway, workload clusters, a model on some of them, and a provider that gets a fifth of the requests.
type fleet struct {
	// clusters are the workload clusters, by name. What is written is added to their inputs.
	clusters map[string]string
	// gateways are the inputs of their gateways.
	gateways map[string]string
	// on are the clusters that the model may run on.
	on       []string
	replicas int
	// reply is an argument of the engine.
	reply string
	// more are further resources.
	more []string
}

// usual is a fleet of two clusters with three replicas.
func usual() fleet {
	return fleet{
		clusters: map[string]string{
			"east": "kubeconfig: '${east-kubeconfig}',", "west": `kubeconfig: "${west-kubeconfig}\n# for ${west-ready.metadata.uid}",`,
		},
		gateways: map[string]string{"west": "allowedNamespaces: {matchLabels: {kubernetes.io/metadata.name: default}}"},
		on:       []string{"east", "west"}, replicas: 3, reply: "first",
		more: []string{ready("1")},
	}
}

// ready is a resource without which the kubeconfig of west is not known. Another generation replaces it.
func ready(generation string) string {
	return `  west-ready: {type: 'kubernetes:core/v1:ConfigMap', properties: {data: {generation: "` + generation + `"}}}`
}

// text is the program of a stack.
func (f fleet) text(t testing.TB) string {
	t.Helper()
	traefik, err := filepath.Abs("../charts/traefik")
	require.NoError(t, err)
	var resources, references []string
	for _, name := range slices.Sorted(maps.Keys(f.clusters)) {
		resources = append(resources, inferenceCluster(t, name, f.clusters[name]+"gateway: {replicas: 1, "+f.gateways[name]+"},"))
	}
	for _, name := range f.on {
		references = append(references, "'${"+name+".cluster}'")
	}
	return fmt.Sprintf(`name: fleet
runtime: yaml
config: {east-kubeconfig: {type: string, secret: true}, west-kubeconfig: {type: string, secret: true}, key: {type: string, secret: true}}
resources:
  gateway: {type: 'modelplane:ModelGateway', properties: {chart: {name: %q}, replicas: 1}}
  provider: {type: 'modelplane:ModelEndpoint', properties: {url: 'https://%s/openai/v1', apiKey: '${key}'}}
  small:
    type: modelplane:ModelDeployment
    options: {dependsOn: ['${gateway}']}
    properties:
      model: hf://org/small
      replicas: %d
      clusters: [%s]
      engine: {image: modelserver, args: [--model=small, --reply=%s], startupMinutes: 1}
  chat:
    type: modelplane:ModelService
    properties:
      gateway: '${gateway.gateway}'
      backends: [{endpoints: '${small.endpoints}', weight: 80}, {endpoint: '${provider.backend}', weight: 20}]
%s
outputs: {url: '${chat.url}', placement: '${small.placement}', urls: '${small.urls}'}
`, traefik, providerHost, f.replicas, strings.Join(references, ", "), f.reply, strings.Join(append(resources, f.more...), "\n"))
}

// inferenceCluster is a workload cluster with labels of its own.
func inferenceCluster(t testing.TB, name, inputs string) string {
	t.Helper()
	return fmt.Sprintf(`  %[1]s: {type: 'modelplane:InferenceCluster', properties: {labels: {region: %[1]s}, %[2]s chart: {name: %[3]q}}}`,
		name, inputs, chart(t, "gateway-helm", "envoy-gateway"))
}

// providerHost and providerKey are those of the provider beside the model.
const (
	providerHost = "api.provider.test"
	providerKey  = "sk-Provider-2f6d0c9b71"
)

// running is a stack of a fleet, and what it is looked at with.
type running struct {
	*stack.Stack
	now      fleet
	clusters map[string]harness.Cluster
	// users are administrators of the workload clusters, whose kubeconfigs the stack has.
	users map[string]user
	url   string
}

// start makes the stack, and leaves its first update to the caller.
func start(t testing.TB, name string) *running {
	t.Helper()
	r := &running{now: usual(), clusters: map[string]harness.Cluster{}, users: map[string]user{}}
	for _, cluster := range harness.Plane.Clusters {
		r.clusters[cluster.Name] = harness.Connect(t, cluster)
	}
	for _, name := range r.now.on {
		r.users[name] = newUser(t, harness.Plane.Cluster(name), "fleet", administrator)
	}
	harness.ServeTLS(t, modelserver.Options{Name: "provider", Address: ":443", BasePath: "/openai/v1", Keys: []string{providerKey}}, providerHost)
	r.Stack = harness.NewStack(t, name)
	r.SetSecret(t, "key", providerKey)
	for cluster, user := range r.users {
		r.SetSecret(t, cluster+"-kubeconfig", user.kubeconfig(t, nil))
	}
	return r
}

func kubeconfigOf(t testing.TB, cluster localplane.Cluster) string {
	t.Helper()
	text, err := os.ReadFile(cluster.Kubeconfig())
	require.NoError(t, err)
	return string(text)
}

// up runs the fleet, which must succeed.
func (r *running) up(t testing.TB, f fleet) stack.Result {
	t.Helper()
	r.Write(t, f.text(t))
	result := r.Up()
	require.NoError(t, result.Err, result.Output)
	r.now, r.url = f, r.Outputs(t)["url"].(string)
	return result
}

// underLoad changes the stack while requests are sent, none of which may fail, and gives what the load saw.
func (r *running) underLoad(t testing.TB, change func()) load.Report {
	t.Helper()
	run := load.Start(t.Context(), load.Config{URL: r.url, RatePerSecond: 50, Workers: 8, MaxRequests: 60_000})
	settle := func() { require.NoError(t, run.WaitFor(t.Context(), 100)) }
	settle()
	change()
	settle()
	report := run.Stop()
	t.Logf("%d requests, p99 %v: %v", report.Total, report.P99, report.ByBackend)
	require.NoError(t, report.Err(), "the gateway's log: %s", harness.PodLogs(t, "modelplane-gateway"))
	return report
}

// placement is how many replicas each cluster runs, by Pulumi's word.
func (r *running) placement(t testing.TB) map[string]int {
	t.Helper()
	placed := map[string]int{}
	for _, entry := range r.Outputs(t)["placement"].([]any) {
		entry := entry.(map[string]any)
		placed[entry["cluster"].(string)] = int(entry["replicas"].(float64))
	}
	return placed
}

// pods are the names of the model's Pods that a cluster runs, except those that end; ready says which of them are.
func (r *running) pods(t testing.TB, cluster string) (names []string, ready int) {
	t.Helper()
	found, err := r.clusters[cluster].Resource(pods).Namespace("default").List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=small"})
	require.NoError(t, err)
	for _, pod := range found.Items {
		if pod.GetDeletionTimestamp() == nil {
			names = append(names, pod.GetName())
			if isTrue(&pod, "Ready") {
				ready++
			}
		}
	}
	return names, ready
}

// objects are the UIDs of all objects of every cluster, by cluster and name, except those that come and go by themselves.
func (r *running) objects(t testing.TB) map[string]types.UID {
	t.Helper()
	uids := map[string]types.UID{}
	for cluster, client := range r.clusters {
		for name, object := range client.Objects(t) {
			if kind, _, _ := strings.Cut(name, " "); kind != "events.events.k8s.io" && kind != "leases.coordination.k8s.io" {
				uids[cluster+": "+name] = object.GetUID()
			}
		}
	}
	return uids
}

// requireKept requires that all objects of before are still there, and the same.
func (r *running) requireKept(t testing.TB, before map[string]types.UID) {
	t.Helper()
	now := r.objects(t)
	var lost []string
	for name, uid := range before {
		if now[name] != uid {
			lost = append(lost, name)
		}
	}
	slices.Sort(lost)
	require.Empty(t, lost, "objects that were deleted or replaced")
}

var suffix = regexp.MustCompile(`-[0-9a-f]{6}$`)

var step = regexp.MustCompile(`(?m)^ *[-+~]+ +(\S+) (\S+) (created|updated|deleted|replaced)\b`)

// steps are what Pulumi has done, such as "updated kubernetes:apps/v1:Deployment small-west".
func steps(result stack.Result) []string {
	var done []string
	for _, found := range step.FindAllStringSubmatch(result.Output, -1) {
		done = append(done, found[3]+" "+found[1]+" "+suffix.ReplaceAllString(found[2], ""))
	}
	return done
}

// requireSame requires that an operation succeeded and changed nothing.
func requireSame(t testing.TB, result stack.Result) {
	t.Helper()
	require.NoError(t, result.Err, result.Output)
	require.Len(t, result.Changes, 1, "%v: %s", result.Changes, result.Output)
	require.Positive(t, result.Changes["same"], result.Output)
}
