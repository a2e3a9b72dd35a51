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
	merged, given = withoutQueries(merged, given)
	ours := values["additionalArguments"].([]any)
	more := slices.DeleteFunc(entryPointArguments(merged), func(argument any) bool { return slices.Contains(ours, argument) })
	merged["additionalArguments"] = slices.Concat(ours, more, innerLifeCycle(merged, values), given)
	variables, _ := user["env"].([]any)
	ourVariables, _ := values["env"].([]any)
	merged["env"] = slices.Concat(ourVariables, variables)
	if sendsOTLP(merged, given) && !sendsOTLP(values, nil) {
		merged["env"] = append(merged["env"].([]any), hidingResources())
	}
	for _, entryPoint := range []string{"web", "websecure", metricsEntryPoint} {
		http := []string{"ports", entryPoint, "http"}
		theirs, isGiven := listAt(user, append(http, "middlewares"))
		first, isOurs := listAt(values, append(http, "middlewares"))
		if isGiven && isOurs {
			_, below, _ := find(merged, http)
			below.(map[string]any)["middlewares"] = slices.Concat(first, theirs)
		}
	}
	return merged
}

func listAt(values map[string]any, path []string) ([]any, bool) {
	_, value, _ := find(values, path)
	list, isList := value.([]any)
	return list, isList
}
