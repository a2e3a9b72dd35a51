package chart

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// innerEntryPoint is the entry point on which a gateway asks itself for one backend of a service. It listens on the loopback address, so that
// only Traefik's own Pod reaches it.
const innerEntryPoint = "modelplane"

// InnerPort is the port of its listener.
const InnerPort = plugin.InnerPort

// innerArguments open the inner entry point. The chart itself has no value for an entry point's address.
func innerArguments(s Settings) []any {
	at := "--entryPoints." + innerEntryPoint
	args := []any{
		fmt.Sprintf("%s.address=%s/tcp", at, plugin.InnerAddress),
		at + ".http.middlewares=" + safeName(s, s.InnerMiddleware),
		// Each request has been told of on its way in. Its path here begins with what no other team may know.
		at + ".observability.accessLogs=false",
		at + ".observability.metrics=false",
		at + ".observability.tracing=false",
		at + "." + withoutAliases,
		// What the public entry point says of the client holds here, too.
		at + ".forwardedHeaders.trustedIPs=127.0.0.1/32",
		at + ".transport.respondingTimeouts.readTimeout=" + longest,
		at + ".transport.respondingTimeouts.writeTimeout=0s",
		// It takes requests as long as the public one, and ends answers with it.
		at + ".transport.lifeCycle.requestAcceptGraceTimeout=" + acceptGrace,
		at + ".transport.lifeCycle.graceTimeOut=" + s.Operations.drain(),
	}
	characters := encodedCharacters()
	for _, name := range slices.Sorted(maps.Keys(characters)) {
		args = append(args, fmt.Sprintf("%s.http.encodedCharacters.%s=%v", at, name, characters[name]))
	}
	return args
}

// innerLifeCycle has the inner entry point take requests, and end answers, for as long as the user's values have the one for clients do, which
// is that for HTTPS where the gateway serves it.
func innerLifeCycle(merged, ours map[string]any) []any {
	entryPoint := "web"
	if _, _, isServed := find(ours, []string{"ports", "websecure", "transport"}); isServed {
		entryPoint = "websecure"
	}
	var args []any
	for _, name := range []string{"requestAcceptGraceTimeout", "graceTimeOut"} {
		path := []string{"ports", entryPoint, "transport", "lifeCycle", name}
		_, before, _ := find(ours, path)
		if _, now, _ := find(merged, path); now != nil && now != before {
			args = append(args, fmt.Sprintf("--entryPoints.%s.transport.lifeCycle.%s=%v", innerEntryPoint, name, now))
		}
	}
	return args
}

// isInner says whether an argument is about the inner entry point, which is nobody else's.
func isInner(name string) bool { return strings.HasPrefix(name, "entrypoints."+innerEntryPoint+".") }
