package chart

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is a value of the user's with which the gateway would not serve its routes.
type Problem struct {
	// Path is where the value stands, such as values.providers.kubernetesGateway.enabled.
	Path string
	// Message says what would happen and what would be right.
	Message string
}

// Check finds the values of the user's that would break routing. Everything else the user may set.
func Check(user map[string]any) []Problem {
	var problems []Problem
	for _, r := range rules {
		path, value, given := find(user, strings.Split(r.path, "."))
		if !given || !r.breaks(value) {
			continue
		}
		problem := Problem{Path: "values." + path, Message: r.why}
		if path != r.path {
			problem.Message = fmt.Sprintf("removes values.%s, which %s", r.path, r.why)
		}
		// Several rules stand below a map that the user removes as a whole; one sentence is enough.
		if !slices.ContainsFunc(problems, func(p Problem) bool { return p.Path == problem.Path }) {
			problems = append(problems, problem)
		}
	}
	return append(problems, checkArguments(user)...)
}

// find follows path into values. It ends early, at the path so far, where a map is missing because the user set null or
// something else in its place: to Helm, what lies below is then gone.
func find(values map[string]any, path []string) (at string, value any, given bool) {
	value = values
	for i, key := range path {
		inner, isMap := value.(map[string]any)
		if !isMap {
			return strings.Join(path[:i], "."), nil, true
		}
		if value, given = inner[key]; !given {
			return "", nil, false
		}
	}
	return strings.Join(path, "."), value, true
}

// checkArguments finds arguments that would undo what the values above guard.
func checkArguments(user map[string]any) []Problem {
	given, exists := user["additionalArguments"]
	if !exists || given == nil {
		return nil
	}
	list, isList := given.([]any)
	if !isList {
		return []Problem{{"values.additionalArguments", "is not a list; write one string for each argument"}}
	}
	var problems []Problem
	for i, element := range list {
		path := fmt.Sprintf("values.additionalArguments[%d]", i)
		argument, isString := element.(string)
		if !isString {
			problems = append(problems, Problem{path, "is not a string; write it as \"--name=value\""})
			continue
		}
		// Traefik takes one dash or two, names in any case, and the elements of a list one by one.
		name, _, _ := strings.Cut(strings.ToLower(strings.TrimLeft(argument, "-")), "=")
		name, _, _ = strings.Cut(name, "[")
		if why, guarded := guardedArguments[name]; guarded {
			problems = append(problems, Problem{path, why})
		}
	}
	return problems
}
