// Package helm is what components know of Helm: where a chart comes from, and how values are laid over one another.
package helm

import (
	"maps"
	"path/filepath"
	"strings"
)

// Chart is where Helm finds a chart.
type Chart struct {
	// Name is the chart's name in its repository, an OCI reference, or the path of a folder or archive.
	Name    string
	Version string
	// Repository is an HTTP URL; empty where the name alone is enough.
	Repository string
}

// IsComplete says whether a chart's name alone is enough to find it.
func IsComplete(name string) bool {
	return IsOCI(name) || strings.HasPrefix(name, ".") || filepath.IsAbs(name)
}

// IsOCI says whether a reference names something in an OCI registry.
func IsOCI(reference string) bool { return strings.HasPrefix(reference, "oci://") }

// RepositoryOpts are the repository as Pulumi's Helm release takes it.
func (c Chart) RepositoryOpts() map[string]string {
	if c.Repository == "" {
		return nil
	}
	return map[string]string{"repo": c.Repository}
}

// Overlay returns a copy of values with others on top, as Helm would: maps are merged, everything else is replaced. It shares no
// map with either.
func Overlay(values, over map[string]any) map[string]any {
	merged := maps.Clone(values)
	for key, value := range over {
		inner, isMap := value.(map[string]any)
		if !isMap {
			merged[key] = value
			continue
		}
		below, _ := merged[key].(map[string]any)
		if below == nil {
			below = map[string]any{}
		}
		merged[key] = Overlay(below, inner)
	}
	return merged
}
