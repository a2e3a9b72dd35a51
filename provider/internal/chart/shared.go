package chart

import "github.com/modelplane/pulumi-modelplane/plugin"

// Shared is where replicas add up what they count for limits. The zero value has each replica count for itself.
type Shared struct {
	// URL is that of a Redis server, without its password.
	URL string
	// Name begins the names of keys there.
	Name string
	// Secret has the password in its entry SharedPasswordKey; "" where there is none.
	Secret string
}

// SharedPasswordKey is the entry of a Secret with the password of a Redis server.
const SharedPasswordKey = "password"

// environment are the variables by which the plugin learns of it.
func (s Shared) environment() []any {
	if s.URL == "" {
		return nil
	}
	variables := []any{
		map[string]any{"name": plugin.SharedVariable, "value": s.URL},
		map[string]any{"name": plugin.SharedNameVariable, "value": s.Name},
	}
	if s.Secret == "" {
		return variables
	}
	return append(variables, map[string]any{
		"name":      plugin.SharedPasswordVariable,
		"valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": s.Secret, "key": SharedPasswordKey}},
	})
}
