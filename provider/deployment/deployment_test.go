package deployment

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/cluster"
	"github.com/modelplane/pulumi-modelplane/provider/internal/amount"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child/childtest"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/placement"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// east is a cluster with eight devices on its one node.
var east = cluster.Reference{
	Facts: placement.Cluster{
		Name: "east", Labels: map[string]string{"region": "us"},
		Pools: []placement.Pool{{Name: "gpus", Nodes: 1, Devices: []placement.Device{{Resource: "nvidia.com/gpu", Count: 8}}}},
	},
	Gateway: cluster.GatewayReference{Name: "east", Namespace: "modelplane-east", Listener: "http"},
}

// llama is a deployment with what the schema fills in.
func llama() Args {
	return Args{
		Workload: Workload{Model: "hf://meta-llama/Llama-3.3-70B-Instruct", TensorParallel: 1, PipelineParallel: 1},
		Placing:  Placing{Replicas: 2, NodesPerReplica: 1, Clusters: []cluster.Reference{east}},
		Access:   Access{Connections: map[string]cluster.Connection{"east": {URL: "http://203.0.113.7"}}},
	}
}

// TestChildrenAreTheReviewedList would catch any change of what a deployment is made of on a cluster that nobody looked at.
func TestChildrenAreTheReviewedList(t *testing.T) {
	a := llama()
	a.Devices = []placement.DeviceRequest{
		{Resource: "nvidia.com/gpu", Count: 4},
		{DeviceClass: "nic.example.com", Count: 1, Selectors: []string{"device.attributes['nic.example.com'].speed == '400'"}},
	}
	a.TensorParallel = 4
	a.Engine = &Engine{
		Env: map[string]string{"VLLM_LOGGING_LEVEL": "WARNING"}, EnvFrom: []EnvSource{{Secret: ptr.To("hugging-face")}},
		SharedMemory: ptr.To("16Gi"), Args: []string{"--max-model-len", "8192"},
	}
	a.Resources = &amount.Resources{Requests: map[string]string{"cpu": "8", "memory": "64Gi"}}
	a.Template = map[string]any{"spec": map[string]any{
		"priorityClassName": "models", "containers": []any{map[string]any{"name": engineName, "workingDir": "/tmp"}},
	}}
	childtest.Golden(t, rendered(t, a, 2))
}

// TestReplicasThatSpanNodesAreTheReviewedList would catch a worker that gets requests or is asked whether it is ready, a node without its devices,
// and an update that takes a replica away before there is a new one.
func TestReplicasThatSpanNodesAreTheReviewedList(t *testing.T) {
	a := llama()
	a.NodesPerReplica, a.TensorParallel, a.PipelineParallel = 2, 8, 2
	a.Devices = []placement.DeviceRequest{{Resource: "nvidia.com/gpu", Count: 8}, {DeviceClass: "nic.example.com", Count: 1}}
	a.Engine = &Engine{Args: []string{"--max-model-len", "8192"}, Env: map[string]string{"NCCL_DEBUG": "WARN"}}
	a.Template = map[string]any{"spec": map[string]any{"priorityClassName": "models"}}
	rendered := rendered(t, a, 3)
	childtest.GoldenFile(t, "group.yaml", rendered[1:3])
	for _, c := range rendered[3:] {
		assert.Equal(t, renderedAlone(t, a)[c.Key], c.Object, "the Service and the route are those of a Deployment")
	}
}

// TestOnlyWhatPodsAreMadeOfReplacesThem would catch replicas that load their model again because there is one more of them, and an old
// template that stays.
func TestOnlyWhatPodsAreMadeOfReplacesThem(t *testing.T) {
	hash := func(replicas int, change func(*Args)) any {
		a := llama()
		a.NodesPerReplica, a.PipelineParallel = 2, 2
		change(&a)
		all := rendered(t, a, replicas)
		set := all[slices.IndexFunc(all, func(c child.Rendered) bool { return c.Key == workloadKey })]
		return set.Object["metadata"].(map[string]any)["annotations"].(map[string]any)[kube.HashAnnotation]
	}
	before := hash(1, func(*Args) {})
	assert.Equal(t, before, hash(2, func(a *Args) { a.Replicas = 2 }))
	assert.NotEqual(t, before, hash(1, func(a *Args) { a.Engine = &Engine{Args: []string{"--seed", "1"}} }))
	assert.NotEqual(t, before, hash(1, func(a *Args) { a.NodesPerReplica, a.PipelineParallel = 3, 3 }))
	assert.NotEqual(t, before, hash(1, func(a *Args) { a.Devices = []placement.DeviceRequest{{DeviceClass: "gpu.example.com", Count: 2}} }))
}

// kserve is east where KServe serves.
func kserve() cluster.Reference {
	c := east
	c.Serving = ptr.To(string(cluster.KServe))
	return c
}

// servedByKServe is a deployment with everything that reaches KServe.
func servedByKServe() Args {
	a := llama()
	a.Clusters = []cluster.Reference{kserve()}
	a.Devices = []placement.DeviceRequest{{Resource: "nvidia.com/gpu", Count: 8}, {DeviceClass: "nic.example.com", Count: 1}}
	a.TensorParallel, a.PipelineParallel = 4, 2
	a.Labels = map[string]string{"team": "chat"}
	a.NodeSelector = map[string]string{"pool": "h100"}
	a.Placement = &placement.Rules{Tolerations: []placement.Toleration{{Key: "dedicated", Value: "models"}}}
	a.Engine = &Engine{
		Preset: ptr.To(VLLM), Image: ptr.To("mirror/vllm:1"), Args: []string{"--max-model-len", "8192"}, Env: map[string]string{"NCCL_DEBUG": "WARN"},
		EnvFrom: []EnvSource{{Secret: ptr.To("hugging-face")}}, SharedMemory: ptr.To("16Gi"), StartupMinutes: ptr.To(30),
	}
	a.Resources = &amount.Resources{Requests: map[string]string{"cpu": "8"}}
	a.Template = map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{"a": "b"}},
		"spec":     map[string]any{"priorityClassName": "models", "containers": []any{map[string]any{"name": engineName, "workingDir": "/tmp"}}},
	}
	return a
}

// TestAModelThatKServeServesIsTheReviewedList would catch a field of KServe's that nobody looked at.
func TestAModelThatKServeServesIsTheReviewedList(t *testing.T) {
	childtest.GoldenFile(t, "kserve.yaml", rendered(t, servedByKServe(), 2))
}

// rendered are the objects of a deployment on east.
func rendered(t *testing.T, a Args, replicas int) []child.Rendered {
	t.Helper()
	identity := a.Or("llama", meta.DefaultNamespace)
	p, faults := decide(identity, a.Metadata, a.Workload, a.Placing)
	require.Empty(t, faults)
	list, err := child.Render(Kind, "llama", identity, a.Metadata, children("llama", "llama", a.Clusters[0], replicas, value.Known(p)))
	require.NoError(t, err)
	return list
}

// renderedAlone are the objects of the same deployment whose replicas have one node each, by their keys.
func renderedAlone(t *testing.T, a Args) map[string]map[string]any {
	t.Helper()
	a.NodesPerReplica, a.PipelineParallel = 1, 1
	objects := map[string]map[string]any{}
	for _, c := range rendered(t, a, 3) {
		objects[c.Key] = c.Object
	}
	return objects
}

// TestEnginesAreStartedAsTheirCommandLinesWant would catch an engine that is told another model, name or port than it serves.
func TestEnginesAreStartedAsTheirCommandLinesWant(t *testing.T) {
	for name, c := range map[string]struct {
		model  string
		engine Engine
		want   started
	}{
		"vLLM, from Hugging Face": {
			"hf://org/model",
			Engine{},
			started{image: "vllm/vllm-openai:v0.28.0", port: 8000, command: []string{"vllm", "serve"}, args: []string{
				"org/model", "--served-model-name", "org/model", "--port", "8000", "--tensor-parallel-size", "2",
			}},
		},
		"vLLM, from a bucket, on another port": {
			"s3://bucket/models/llama/",
			Engine{Port: ptr.To(9000), Args: []string{"--seed", "1"}},
			started{image: "vllm/vllm-openai:v0.28.0", port: 9000, command: []string{"vllm", "serve"}, args: []string{
				"s3://bucket/models/llama", "--served-model-name", "llama", "--port", "9000", "--load-format", "runai_streamer",
				"--tensor-parallel-size", "2", "--seed", "1",
			}},
		},
		"SGLang, from an image": {
			"oci://ghcr.io/org/llama:v1@sha256:abc",
			Engine{Preset: ptr.To(SGLang), Image: ptr.To("mirror/sglang:1")},
			started{image: "mirror/sglang:1", port: 30000, command: []string{"python3", "-m", "sglang.launch_server"}, args: []string{
				"--model-path", "/models", "--served-model-name", "llama", "--host", "0.0.0.0", "--port", "30000", "--tp-size", "2",
			}},
		},
		"an image as it is, from a claim": {
			"pvc://weights/llama",
			Engine{Image: ptr.To("server:1"), Args: []string{"--model", "/models/llama"}},
			started{image: "server:1", port: 8000, args: []string{"--model", "/models/llama"}},
		},
	} {
		s, err := parseModel(c.model)
		require.NoError(t, err, name)
		assert.Equal(t, c.want, Workload{Model: c.model, Engine: &c.engine, TensorParallel: 2, PipelineParallel: 1}.start(s, 1), name)
	}
}

// TestProcessesOfAReplicaAreToldOfEachOther would catch a worker that serves by itself, or that does not know its leader or its rank.
func TestProcessesOfAReplicaAreToldOfEachOther(t *testing.T) {
	s, err := parseModel("hf://org/model")
	require.NoError(t, err)
	vllm := []string{
		"org/model", "--served-model-name", "org/model", "--port", "8000", "--tensor-parallel-size", "8", "--pipeline-parallel-size", "2",
		"--nnodes", "2", "--node-rank", "$(LWS_WORKER_INDEX)", "--master-addr", "$(LWS_LEADER_ADDRESS)",
	}
	sglang := []string{
		"--model-path", "org/model", "--served-model-name", "org/model", "--host", "0.0.0.0", "--port", "30000", "--tp-size", "8", "--pp-size", "2",
		"--dist-init-addr", "$(LWS_LEADER_ADDRESS):20000", "--nnodes", "2", "--node-rank", "$(LWS_WORKER_INDEX)",
	}
	for name, c := range map[string]struct {
		engine         Engine
		leader, worker []string
	}{
		"vLLM":               {Engine{}, vllm, append(slices.Clone(vllm), "--headless")},
		"vLLM, own argument": {Engine{Args: []string{"--seed=1"}}, append(slices.Clone(vllm), "--seed=1"), append(slices.Clone(vllm), "--headless", "--seed=1")},
		"SGLang":             {Engine{Preset: ptr.To(SGLang)}, sglang, sglang},
		"an image as it is":  {Engine{Image: ptr.To("server:1"), Args: []string{"a"}}, []string{"a"}, []string{"a"}},
	} {
		got := Workload{Engine: &c.engine, TensorParallel: 8, PipelineParallel: 2}.start(s, 2)
		assert.Equal(t, c.leader, got.args, name)
		assert.Equal(t, c.worker, got.workerArgs, name)
	}
}

// TestFaultsOfADeploymentAreNamed would catch bad input that reaches a cluster, and a fault that does not say what to write.
func TestFaultsOfADeploymentAreNamed(t *testing.T) {
	for want, change := range map[string]func(*Args){
		`model: "llama" is not a model: write hf://<organization>/<model>, s3://<bucket>/<path>, oci://<image> or pvc://<claim>/<path>`: func(a *Args) {
			a.Model = "llama"
		},
		`model: "hf://llama" is not a model: write hf://<organization>/<model>`:                          func(a *Args) { a.Model = "hf://llama" },
		`model: "ftp://a/b" is not a model: write a URL that starts with hf://, s3://, oci:// or pvc://`: func(a *Args) { a.Model = "ftp://a/b" },
		"replicas: -1 is below 0; write how many replicas are to run, 0 to 150000":                       func(a *Args) { a.Replicas = -1 },
		"tensorParallel: 0 is below 1; write how many parts there are, 1 for no split":                   func(a *Args) { a.TensorParallel = 0 },
		"engine.command: is given beside preset, which has a command of its own; leave one of them out": func(a *Args) {
			a.Engine = &Engine{Preset: ptr.To(VLLM), Command: []string{"serve"}}
		},
		"engine.port: 70000 is outside 1 to 65535":                                              func(a *Args) { a.Engine = &Engine{Port: ptr.To(70000)} },
		"engine.startupMinutes: 0 is outside 1 to 240":                                          func(a *Args) { a.Engine = &Engine{StartupMinutes: ptr.To(0)} },
		`engine.sharedMemory: "lots" is not an amount of memory; write a quantity such as 16Gi`: func(a *Args) { a.Engine = &Engine{SharedMemory: ptr.To("lots")} },
		"engine.envFrom[0]: names neither a secret nor a configMap; write one of them":          func(a *Args) { a.Engine = &Engine{EnvFrom: []EnvSource{{}}} },
		`resources.limits.cpu: "many" is not a quantity; write one such as 500m, 8 or 64Gi`:     func(a *Args) { a.Resources = &amount.Resources{Limits: map[string]string{"cpu": "many"}} },
		`resources.limits.cpu: "1e-300000000" is not a quantity`: func(a *Args) {
			a.Resources = &amount.Resources{Limits: map[string]string{"cpu": "1e-300000000"}}
		},
		`devices[0].resource: "nvidia.com/gpu" is among resources.limits, too; write it here alone`: func(a *Args) {
			a.Devices = []placement.DeviceRequest{{Resource: "nvidia.com/gpu", Count: 1}}
			a.Resources = &amount.Resources{Limits: map[string]string{"nvidia.com/gpu": "1"}}
		},
		`clusters[0].facts.name: makes the endpoint "llama-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", of 56 characters; its objects leave room for 47`: func(a *Args) {
			long := east
			long.Facts.Name = strings.Repeat("a", 50)
			a.Clusters = []cluster.Reference{long}
		},
		"tensorParallel: makes 3 parts with pipelineParallel, which 2 nodes cannot share evenly; write a multiple of nodesPerReplica, such as " +
			"tensorParallel: <devices of a node> and pipelineParallel: 2": func(a *Args) { a.NodesPerReplica, a.TensorParallel = 2, 3 },
		"tensorParallel: makes 1 parts with pipelineParallel, which 2 nodes": func(a *Args) { a.NodesPerReplica = 2 },
		"tensorParallel: makes 32 parts with pipelineParallel, each of which needs a device; a replica has 16": func(a *Args) {
			a.NodesPerReplica, a.TensorParallel, a.PipelineParallel = 2, 16, 2
			a.Devices = []placement.DeviceRequest{{Resource: "nvidia.com/gpu", Count: 8}, {Resource: "rdma/ib", Count: 2}}
		},
		"tensorParallel: makes 4 parts with pipelineParallel, each of which needs a device; a replica has 2": func(a *Args) {
			a.TensorParallel = 4
			a.Devices = []placement.DeviceRequest{{Resource: "nvidia.com/gpu", Count: 2}}
		},
		`clusters[0].facts.name: makes the endpoint "llama-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", of 36 characters; its objects leave room for 33`: func(a *Args) {
			long := east
			long.Facts.Name = strings.Repeat("a", 30)
			a.Clusters = []cluster.Reference{long}
			a.NodesPerReplica, a.PipelineParallel, a.Replicas = 2, 2, 11
		},
		"clusters[0].serving: is KServe, which starts vLLM by itself; write engine.preset: VLLM, or leave the cluster out": func(a *Args) {
			a.Clusters, a.Engine = []cluster.Reference{kserve()}, &Engine{Preset: ptr.To(SGLang)}
		},
		"clusters[0].serving: is KServe, which has its own port and paths; leave out engine.port, engine.basePath and engine.healthPath, or the cluster": func(a *Args) {
			a.Clusters, a.Engine = []cluster.Reference{kserve()}, &Engine{BasePath: ptr.To("/api")}
		},
		"clusters[0].serving: is KServe, on which replicas have one node each here; leave out nodesPerReplica, or the cluster": func(a *Args) {
			a.Clusters, a.NodesPerReplica, a.PipelineParallel = []cluster.Reference{kserve()}, 2, 2
		},
		"template: is not part of a PodTemplateSpec": func(a *Args) { a.Template = map[string]any{"containers": []any{}} },
		`clusters[0].gatewayUrn: is missing; pass on the output cluster of an InferenceCluster, or write the cluster's URL into connections["east"]`: func(a *Args) {
			a.Connections = nil
		},
		"connections.west: is for none of clusters":          func(a *Args) { a.Connections["west"] = cluster.Connection{URL: "http://203.0.113.8"} },
		"connections.east.url: is not the URL of a listener": func(a *Args) { a.Connections["east"] = cluster.Connection{URL: "203.0.113.8"} },
		"connections.east.apiKey: is in quotation marks": func(a *Args) {
			a.Connections["east"] = cluster.Connection{URL: "http://203.0.113.8", APIKey: ptr.To(`"key"`)}
		},
	} {
		a := llama()
		change(&a)
		assert.ErrorContains(t, check("llama", a).Err(), want)
	}
	assert.Empty(t, check("llama", llama()))
	assert.Empty(t, check("llama", servedByKServe()))
	anyImage := llama()
	anyImage.NodesPerReplica, anyImage.Engine = 2, &Engine{Image: ptr.To("server:1")}
	assert.Empty(t, check("llama", anyImage), "how an image splits a model is its own affair")
}
