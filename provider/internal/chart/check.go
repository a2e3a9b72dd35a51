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

// Check finds the values of the user's that would break routing or show keys. Everything else the user may set.
func Check(user map[string]any) []Problem {
	var problems []Problem
	for _, r := range slices.Concat(rules, exposing) {
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
	problems = append(problems, checkVariables(user)...)
	return append(problems, checkArguments(user)...)
}

// find follows path into values. It ends early, at the path so far, where the user set something else in the place of a map:
// to Helm, what lies below is then gone.
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
		name, value, hasValue := strings.Cut(argument, "=")
		if !hasValue {
			value = following(list[i+1:])
		}
		// Traefik takes one dash or two, names in any case, and the elements of a list one by one.
		name, _, _ = strings.Cut(strings.ToLower(strings.TrimLeft(name, "-")), "[")
		if why := forbids(name, value); why != "" {
			problems = append(problems, Problem{path, why})
		}
	}
	return problems
}

// following is the value of an argument without one: Traefik may take the next argument for it.
func following(list []any) string {
	if len(list) == 0 {
		return ""
	}
	next, _ := list[0].(string)
	return next
}

// forbids says why an argument cannot be given, if it cannot. Whatever is below a name that is refused is refused with it,
// where that exists.
func forbids(name, value string) string {
	if why, guarded := guardedArguments[name]; guarded {
		return why
	}
	for exposing, why := range exposingArguments {
		if isOrBelow(name, exposing) {
			return why
		}
	}
	for _, r := range exposingValues {
		if isOrBelow(name, r.path) && r.breaks(value) {
			return r.why
		}
	}
	if header, isMode := strings.CutPrefix(name, "accesslog.fields.headers.names."); isMode && keepsKeys(map[string]any{header: value}) {
		return keepsKey
	}
	return ""
}

func isOrBelow(name, above string) bool {
	return name == above || strings.HasPrefix(name, above+".") || strings.HasPrefix(name, above+"[")
}
