package chart

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is a user's value with which the gateway would not serve its routes.
type Problem struct {
	// Path is where the value is, such as values.providers.kubernetesGateway.enabled.
	Path string
	// Message says what would happen and what would be right.
	Message string
}

// Check finds the user's values that would break routing or show keys. The user may set everything else.
func Check(user map[string]any) []Problem {
	problems := checkRules(user, slices.Concat(rules, exposing))
	problems = append(problems, checkVariables(user)...)
	return append(problems, checkArguments(user, forbids)...)
}

// checkRules finds the values that break a rule.
func checkRules(user map[string]any, rules []rule) []Problem {
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
		// Several rules may be about one map that the user removes as a whole; one sentence is enough.
		if !slices.ContainsFunc(problems, func(p Problem) bool { return p.Path == problem.Path }) {
			problems = append(problems, problem)
		}
	}
	return problems
}

// find follows path into values. It ends early, at the path so far, where the user set something else in place of a map:
// Helm then drops what was below it.
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

// checkArguments finds arguments that would undo what the values above guard. Forbids says why one cannot be given.
func checkArguments(user map[string]any, forbids func(name, value string) string) []Problem {
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

// forbids says why an argument cannot be given, if it cannot. What is below a refused name is refused with it, if it exists.
func forbids(name, value string) string {
	if isInner(name) {
		return ownInner
	}
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
