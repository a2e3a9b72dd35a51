// Command generate writes the manifests of package crds, one file for each CRD, from the Go modules of
// the pinned releases. It needs the Go command and, for a release that was not downloaded yet, a module proxy.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"sigs.k8s.io/yaml"

	"github.com/modelplane/pulumi-modelplane/provider/internal/crds"
)

// source is where a module keeps its CRDs, as patterns of file names.
type source struct{ module, version, files string }

var sources = []source{
	{"sigs.k8s.io/gateway-api", crds.GatewayAPIVersion, "config/crd/standard/*.yaml"},
	{
		"github.com/traefik/traefik/v3", crds.TraefikVersion,
		"docs/content/reference/dynamic-configuration/kubernetes-crd-definition-v1.yml",
	},
	{"github.com/envoyproxy/gateway", crds.EnvoyGatewayVersion, "charts/gateway-helm/charts/crds/crds/generated/*.yaml"},
}

func main() {
	if err := run("manifests"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run replaces the manifests in folder only when it has read all of them: the package does not compile without any.
func run(folder string) error {
	crdFiles := map[string][]byte{}
	for _, s := range sources {
		module, err := download(s)
		if err != nil {
			return err
		}
		files, err := filepath.Glob(filepath.Join(module, s.files))
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := read(file, crdFiles); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for name, content := range crdFiles {
		if err := os.WriteFile(filepath.Join(folder, name+".yaml"), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// download returns the folder of a module, whose content the Go command has verified.
func download(s source) (string, error) {
	output, err := exec.Command("go", "mod", "download", "-json", s.module+"@"+s.version).Output()
	if err != nil {
		return "", fmt.Errorf("%s@%s cannot be downloaded: %w: %s", s.module, s.version, err, output)
	}
	var module struct{ Dir string }
	return module.Dir, json.Unmarshal(output, &module)
}

// read adds each CRD of a file of our sets, unchanged, by its name. Other objects are left out.
func read(file string, crdFiles map[string][]byte) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for document := range bytes.SplitSeq(append([]byte("\n"), content...), []byte("\n---\n")) {
		var head struct {
			Kind     string
			Metadata struct{ Name string }
		}
		if err := yaml.Unmarshal(document, &head); err != nil {
			return err
		}
		if _, isOurs := crds.All()[head.Metadata.Name]; isOurs && head.Kind == "CustomResourceDefinition" {
			crdFiles[head.Metadata.Name] = append(bytes.TrimSpace(document), '\n')
		}
	}
	return nil
}
