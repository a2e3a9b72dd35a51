package main

import (
	"path"
	"strings"
)

// engineFlags are the flags of vLLM and SGLang that mean something here, and ours for them.
var engineFlags = map[string]string{
	"--model":          "--model",
	"--model-path":     "--model",
	"--port":           "--port",
	"--api-key":        "--keys",
	"--nnodes":         "--nodes",
	"--node-rank":      "--rank",
	"--master-addr":    "--leader",
	"--dist-init-addr": "--leader",
}

// arguments are the flags of a command line. Under the name of an engine's program this one takes that engine's, so that
// its image runs what a program writes for it: "vllm serve MODEL", "python3 -m sglang.launch_server". Flags of the engine
// that mean nothing here are left out.
func arguments(commandLine []string) []string {
	args := commandLine[1:]
	switch path.Base(commandLine[0]) {
	case "vllm", "python3":
	default:
		return args
	}
	var ours []string
	named := ""
	for i := 0; i < len(args); i++ {
		flag, value, joined := strings.Cut(args[i], "=")
		if !joined && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
			i++
			value = args[i]
		}
		switch {
		case flag == "serve" && value != "":
			ours = append(ours, "--model="+value)
		case flag == "--served-model-name":
			named = "--model=" + value
		case engineFlags[flag] != "":
			ours = append(ours, engineFlags[flag]+"="+value)
		}
	}
	if named != "" {
		ours = append(ours, named)
	}
	return ours
}
