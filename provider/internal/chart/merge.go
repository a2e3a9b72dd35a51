package chart

import (
	"slices"

	"github.com/modelplane/pulumi-modelplane/provider/internal/helm"
)

// Merge lays the user's values over those of [Values], as Helm would: maps are merged, everything else is replaced. Three lists are
// not replaced, and the user's follow ours: additional arguments, where Traefik goes by the last of two that set the same,
// environment variables, and the middlewares of entry points.
func Merge(values, user map[string]any) map[string]any {
	merged := helm.Overlay(values, user)
	given, _ := user["additionalArguments"].([]any)
	ours := values["additionalArguments"].([]any)
	more := slices.DeleteFunc(entryPointArguments(merged), func(argument any) bool { return slices.Contains(ours, argument) })
	merged["additionalArguments"] = slices.Concat(ours, more, given)
	variables, _ := user["env"].([]any)
	merged["env"] = append(environment(), variables...)
	for _, name := range []string{"web", "websecure"} {
		http := []string{"ports", name, "http"}
		_, ours, _ := find(values, append(http, "middlewares"))
		_, added, _ := find(user, append(http, "middlewares"))
		ourList, guarded := ours.([]any)
		if addedList, isList := added.([]any); guarded && isList {
			_, below, _ := find(merged, http)
			below.(map[string]any)["middlewares"] = slices.Concat(ourList, addedList)
		}
	}
	return merged
}
