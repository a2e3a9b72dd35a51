package chart

import (
	"maps"
	"slices"
)

// secretClass is an environment variable that Kubernetes puts into the arguments of each Pod: the Pod's UID. It is random, and only
// those who may read the gateway's Pods can read it. Pods' names would not do: backends get them in X-Forwarded-Server.
const secretClass = ownVariables + "POD_UID"

// ownVariables begins the names of the gateway's own environment variables.
const ownVariables = "MODELPLANE_"

func environment() []any {
	return []any{map[string]any{
		"name":      secretClass,
		"valueFrom": map[string]any{"fieldRef": map[string]any{"fieldPath": "metadata.uid"}},
	}}
}

// arguments are the settings of Traefik for which the chart has no value.
func arguments(s Settings) []any {
	return slices.Concat([]any{
		// The API shows every key in plain text. The chart's --api.dashboard=false turns it on
		// (https://github.com/traefik/paerser/blob/v0.2.2/parser/nodes_metadata.go); this turns it off, whatever is set below it.
		"--api=false",
		// Routes and Middlewares reach Traefik by two providers. With its default of 2s, a route was seen in use
		// up to 1.6s before the Middleware that it names, and its whole rule answered 404 meanwhile.
		"--providers.providersThrottleDuration=100ms",
		// A model server that is gone is noticed sooner than after the default of 30s.
		"--serversTransport.forwardingTimeouts.dialTimeout=10s",
		// Less than the 5s after which uvicorn, and so vLLM, closes an idle connection: a request that meets one
		// being closed is lost (https://www.uvicorn.org/settings/#timeouts).
		"--serversTransport.forwardingTimeouts.idleConnTimeout=4s",
	}, innerArguments(s))
}

// entryPointArguments are those for each entry point that the chart makes of these values.
func entryPointArguments(values map[string]any) []any {
	var args []any
	for _, name := range entryPoints(values) {
		args = append(args, "--entryPoints."+name+"."+withoutAliases)
	}
	return args
}

// withoutAliases drops headers such as X_Api_Key, which some servers take for X-Api-Key: what is set for one could be forged by the other.
const withoutAliases = "http.aliasHeadersStrategy=delete"

// entryPoints are the names of the ports: the chart's own four and those that the user adds. An argument for one that does not
// exist would open it, on an arbitrary port.
func entryPoints(values map[string]any) []string {
	open := map[string]any{"metrics": nil, "traefik": nil, "web": nil, "websecure": nil}
	ports, _ := values["ports"].(map[string]any)
	maps.Copy(open, ports)
	return slices.Sorted(maps.Keys(open))
}
