package main

import (
	"os"
	"path"
	"path/filepath"

	"github.com/modelplane/pulumi-modelplane/tests/localplane/internal/tools"
	"github.com/modelplane/pulumi-modelplane/tests/localplane/node"
)

// images are the images that Pods may run: each is made of a tool, by the name that the image has in its registry. A
// plane is of use without them too: the node agent says which image it lacks.
func images() map[string]node.Image {
	images := map[string]node.Image{}
	for name, of := range map[string]struct {
		tool  string
		image func(file string) node.Image
	}{
		"traefik":     {"traefik", node.Program},
		"gateway":     {"envoy-gateway", envoyGateway},
		"envoy":       {"envoy", envoy},
		"lws":         {"lws-manager", leaderWorkerSet},
		"modelserver": {"modelserver", node.Program},
		"vllm-openai": {"modelserver", engine("vllm", "serve")},
		"sglang":      {"modelserver", engine("python3")},
	} {
		if file, err := find(of.tool); err == nil {
			images[name] = of.image(file)
		}
	}
	return images
}

// find looks for what is built with this program beside it, and for the rest among the tools.
func find(tool string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	beside := filepath.Join(filepath.Dir(self), tool)
	if _, err := os.Stat(beside); err == nil {
		return beside, nil
	}
	return tools.Find(tool)
}

// envoyGateway is docker.io/envoyproxy/gateway, which keeps what it downloads.
func envoyGateway(file string) node.Image {
	image := node.Program(file)
	image.Writable = []string{"/var/lib/eg"}
	return image
}

// envoy is docker.io/envoyproxy/envoy. It comes with what it is linked with, in a folder beside it.
func envoy(file string) node.Image {
	image := node.Program(file)
	root := file + ".root"
	// Without it the node agent says that the program cannot be started.
	folders, _ := os.ReadDir(root)
	for _, folder := range folders {
		image.Files[path.Join("/", folder.Name())] = filepath.Join(root, folder.Name())
	}
	return image
}

// leaderWorkerSet is registry.k8s.io/lws/lws, in which the program has a name that tells nothing.
func leaderWorkerSet(file string) node.Image {
	return node.Image{Entrypoint: []string{"/manager"}, Files: map[string]string{"/manager": file}}
}

// engine is the image of an inference engine, which needs GPUs. A model server answers to the engine's command in it.
func engine(entrypoint ...string) func(file string) node.Image {
	return func(file string) node.Image {
		return node.Image{Entrypoint: entrypoint, Files: map[string]string{"/usr/local/bin/" + entrypoint[0]: file}}
	}
}
