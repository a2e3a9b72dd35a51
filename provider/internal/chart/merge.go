package chart

import (
	"slices"

	"github.com/modelplane/pulumi-modelplane/provider/internal/helm"
)

// Merge lays the user's values over those of [Values], as Helm would: maps are merged, everything else is replaced. Three lists are
// not replaced, and the user's follow ours: additional arguments, where Traefik goes by the last of two that set the same,
// environment variables, and the entry point's middlewares.
func Merge(values, user map[string]any) map[string]any {
	merged := helm.Overlay(values, user)
	given, _ := user["additionalArguments"].([]any)
	merged["additionalArguments"] = append(arguments(merged), given...)
	variables, _ := user["env"].([]any)
	merged["env"] = append(environment(), variables...)
	http := []string{"ports", "web", "http"}
	_, added, _ := find(user, append(http, "middlewares"))
	if added, isList := added.([]any); isList {
		_, ours, _ := find(values, append(http, "middlewares"))
		_, below, _ := find(merged, http)
		below.(map[string]any)["middlewares"] = slices.Concat(ours.([]any), added)
	}
	return merged
}
