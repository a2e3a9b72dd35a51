package deployment

import (
	"slices"
	"strconv"

	"k8s.io/utils/ptr"
)

// preset is how a known engine is started.
type preset struct {
	image string
	port  int32
	// command starts the engine with the given arguments.
	command []string
	// arguments are those for a model.
	arguments func(launch) []string
	// together are those of each process of a replica that spans several nodes, and worker what a worker's are besides.
	together func(nodes int) []string
	worker   []string
}

// launch is what an engine is started with.
type launch struct {
	model  source
	served string
	port   int32
	// tensor and pipeline are over how many devices a layer, and into how many parts the layers, are split.
	tensor, pipeline int
}

// presets are the engines whose command lines are known.
var presets = map[EnginePreset]preset{
	// https://docs.vllm.ai/en/stable/cli/serve/
	VLLM: {
		image: "vllm/vllm-openai:v0.28.0", port: 8000, command: []string{"vllm", "serve"},
		arguments: func(l launch) []string {
			arguments := []string{l.model.argument(), "--served-model-name", l.served, "--port", strconv.Itoa(int(l.port))}
			if l.model.scheme == s3 {
				arguments = append(arguments, "--load-format", "runai_streamer")
			}
			return append(arguments, parallel(l, "--tensor-parallel-size", "--pipeline-parallel-size")...)
		},
		// https://docs.vllm.ai/en/stable/serving/parallelism_scaling/, without Ray.
		together: func(nodes int) []string {
			return []string{"--nnodes", strconv.Itoa(nodes), "--node-rank", workerIndex, "--master-addr", leaderAddress}
		},
		worker: []string{"--headless"},
	},
	// https://docs.sglang.ai/advanced_features/server_arguments.html
	SGLang: {
		image: "lmsysorg/sglang:v0.5.23", port: 30000, command: []string{"python3", "-m", "sglang.launch_server"},
		arguments: func(l launch) []string {
			arguments := []string{
				"--model-path", l.model.argument(), "--served-model-name", l.served, "--host", "0.0.0.0", "--port", strconv.Itoa(int(l.port)),
			}
			return append(arguments, parallel(l, "--tp-size", "--pp-size")...)
		},
		// https://docs.sglang.ai/references/multi_node_deployment/multi_node.html
		together: func(nodes int) []string {
			return []string{"--dist-init-addr", leaderAddress + ":20000", "--nnodes", strconv.Itoa(nodes), "--node-rank", workerIndex}
		},
	},
}

func parallel(l launch, tensor, pipeline string) []string {
	var arguments []string
	if l.tensor > 1 {
		arguments = append(arguments, tensor, strconv.Itoa(l.tensor))
	}
	if l.pipeline > 1 {
		arguments = append(arguments, pipeline, strconv.Itoa(l.pipeline))
	}
	return arguments
}

// started is an engine's container as far as the engine decides it.
type started struct {
	image         string
	port          int32
	command, args []string
	// workerArgs are the arguments on each further node of a replica that spans several.
	workerArgs []string
}

// start is how the engine of a model is started, on this many nodes for each replica. Arguments of the program's own come last, so that they
// win.
func (w Workload) start(s source, nodes int) started {
	engine := ptr.Deref(w.Engine, Engine{})
	known, isPreset := presets[engine.preset()]
	if !isPreset {
		known = preset{image: ptr.Deref(engine.Image, ""), port: 8000, command: engine.Command}
	}
	result := started{image: ptr.Deref(engine.Image, known.image), port: int32(ptr.Deref(engine.Port, int(known.port))), command: known.command}
	var arguments []string
	if isPreset {
		arguments = known.arguments(launch{model: s, served: w.served(s), port: result.port, tensor: w.TensorParallel, pipeline: w.PipelineParallel})
	}
	if isPreset && nodes > 1 {
		arguments = append(arguments, known.together(nodes)...)
	}
	result.args = slices.Concat(arguments, engine.Args)
	if nodes > 1 {
		result.workerArgs = slices.Concat(arguments, known.worker, engine.Args)
	}
	return result
}

// served is what clients call the model.
func (w Workload) served(s source) string { return ptr.Deref(w.ServedModelName, s.servedName()) }

// preset is the engine's preset: VLLM where the program names neither a preset nor an image.
func (e Engine) preset() EnginePreset {
	if e.Preset == nil && e.Image == nil {
		return VLLM
	}
	return ptr.Deref(e.Preset, "")
}
