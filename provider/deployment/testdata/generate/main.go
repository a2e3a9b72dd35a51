// Command generate writes the CRD of an LLMInferenceService from KServe's Go module, in the one version that deployments write and without
// descriptions, which no API server looks at.
package main

import (
	"encoding/json"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"sigs.k8s.io/yaml"
)

func main() {
	if err := run("github.com/kserve/kserve@v0.20.0", "testdata/llminferenceservices.json"); err != nil {
		log.Fatal(err)
	}
}

func run(module, to string) error {
	output, err := exec.Command("go", "mod", "download", "-json", module).Output()
	if err != nil {
		return err
	}
	var downloaded struct{ Dir string }
	if err := json.Unmarshal(output, &downloaded); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(downloaded.Dir, "config/crd/full/llmisvc/serving.kserve.io_llminferenceservices.yaml"))
	if err != nil {
		return err
	}
	var crd struct {
		APIVersion string         `json:"apiVersion"`
		Kind       string         `json:"kind"`
		Metadata   map[string]any `json:"metadata"`
		Spec       map[string]any `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &crd); err != nil {
		return err
	}
	versions := slices.DeleteFunc(crd.Spec["versions"].([]any), func(v any) bool { return v.(map[string]any)["name"] != "v1alpha1" })
	versions[0].(map[string]any)["storage"] = true
	crd.Spec["versions"] = withoutDescriptions(versions)
	delete(crd.Spec, "conversion")
	text, err = json.Marshal(crd)
	if err != nil {
		return err
	}
	return os.WriteFile(to, append(text, '\n'), 0o644)
}

// withoutDescriptions leaves out what is said about fields. A field that is called description has a schema, and not a text.
func withoutDescriptions(value any) any {
	switch value := value.(type) {
	case map[string]any:
		if _, isText := value["description"].(string); isText {
			delete(value, "description")
		}
		for key, field := range value {
			value[key] = withoutDescriptions(field)
		}
	case []any:
		for i, entry := range value {
			value[i] = withoutDescriptions(entry)
		}
	}
	return value
}
