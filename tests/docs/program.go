package docs

import (
	"maps"

	"sigs.k8s.io/yaml"
)

// program is a Pulumi program in YAML.
type program map[string]any

func parseProgram(text string) (program, error) {
	var p program
	return p, yaml.Unmarshal([]byte(text), &p)
}

// with is the program with what a snippet has: whole resources, outputs and settings take the place of those of the same name.
func (p program) with(snippet program) program {
	merged := maps.Clone(p)
	for section, content := range snippet {
		entries, isMap := content.(map[string]any)
		if !isMap {
			merged[section] = content
			continue
		}
		before, _ := merged[section].(map[string]any)
		after := maps.Clone(before)
		if after == nil {
			after = map[string]any{}
		}
		maps.Copy(after, entries)
		merged[section] = after
	}
	return merged
}
