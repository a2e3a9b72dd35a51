package chart

import "maps"

// Merge lays the user's values over those of [Values], as Helm would: maps are merged, everything else is replaced. Only
// additional arguments and environment variables are not replaced: the user's follow ours, and Traefik goes by the last of
// two arguments that set the same.
func Merge(values, user map[string]any) map[string]any {
	merged := overlay(values, user)
	given, _ := user["additionalArguments"].([]any)
	merged["additionalArguments"] = append(arguments(merged), given...)
	variables, _ := user["env"].([]any)
	merged["env"] = append(environment(), variables...)
	return merged
}

// overlay returns a copy of base with over on top. It shares no map with either.
func overlay(base, over map[string]any) map[string]any {
	merged := maps.Clone(base)
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
		merged[key] = overlay(below, inner)
	}
	return merged
}
