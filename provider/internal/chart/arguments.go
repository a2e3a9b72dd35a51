package chart

import (
	"maps"
	"slices"
)

// arguments are the settings of Traefik for which the chart has no value, given the other values.
func arguments(values map[string]any) []any {
	args := []any{
		// Routes and Middlewares reach Traefik by two providers. With its default of 2s, a route was seen in use
		// up to 1.6s before the Middleware that it names, and its whole rule answered 404 meanwhile.
		"--providers.providersThrottleDuration=100ms",
		// A model server that is gone is found out sooner than by the default of 30s.
		"--serversTransport.forwardingTimeouts.dialTimeout=10s",
		// Less than the 5s after which uvicorn, and so vLLM, closes an idle connection: a request that meets one
		// being closed is lost (https://www.uvicorn.org/settings/#timeouts).
		"--serversTransport.forwardingTimeouts.idleConnTimeout=4s",
	}
	for _, name := range entryPoints(values) {
		// X_Api_Key and X-Api-Key are one header to some servers, so what is set for one could be faked by the other.
		args = append(args, "--entryPoints."+name+".http.aliasHeadersStrategy=delete")
	}
	return args
}

// entryPoints are the names of the ports that values leave: the chart's own four and those that the user adds, without
// those that the user sets to null. An argument for one that is not there would
// open it, on a port that nobody chose.
func entryPoints(values map[string]any) []string {
	open := map[string]bool{"metrics": true, "traefik": true, "web": true, "websecure": true}
	ports, _ := values["ports"].(map[string]any)
	for name, config := range ports {
		open[name] = config != nil
	}
	maps.DeleteFunc(open, func(_ string, isOpen bool) bool { return !isOpen })
	return slices.Sorted(maps.Keys(open))
}
