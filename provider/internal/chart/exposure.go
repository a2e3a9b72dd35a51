package chart

import (
	"fmt"
	"slices"
	"strings"
)

// troubleshooting is where the user can read how to debug nevertheless.
const troubleshooting = "docs/troubleshooting.md says how to debug for a short time"

// What is wrong with a value that shows keys or figures, or that lets one namespace use what belongs to another.
const (
	turnsOnAPI   = "turns on Traefik's API, which shows every endpoint's key in plain text; leave it out"
	printsKeys   = "must be INFO, WARN, ERROR, FATAL or PANIC; below INFO Traefik prints every endpoint's key; " + troubleshooting
	keepsKey     = "keeps a header that carries keys; drop or redact it"
	keepsQueries = "must stay drop; some clients send their key in the query"
	keepsHeaders = "must be drop or redact; otherwise the access log holds the keys of clients and endpoints"
	showsFigures = "would show the gateway's figures to every client"
	ownNamespace = "is the gateway's own namespace; routes of another could use services that are not theirs, with their keys; leave it out"
	ownClass     = "is what keeps IngressRoutes from taking the gateway's requests; leave it out"
	oneNamespace = "must stay false; a namespace could use another's Middlewares, with their keys"
	safeNaming   = "must stay true; without it objects of two namespaces can have one name, and one of them the other's key"
	trustsAll    = "would let every client write the address that it is taken for; name the proxies in the gateway's trustedProxies"
	ownProxies   = "is what the gateway's trustedProxies and proxyProtocol say, for the limits of its services, too; set these instead"
	ownTLS       = "must stay the gateway's own namespace; any other could set the certificate for the whole gateway; leave it out"
)

// exposing are values that would show keys or figures, or let one namespace use what belongs to another.
var exposing = []rule{
	{"api.dashboard", isTrue, turnsOnAPI},
	{"api.debug", isTrue, turnsOnAPI},
	{"api.insecure", isTrue, turnsOnAPI},
	{"ingressRoute.dashboard.enabled", isTrue, "makes a route to Traefik's API, which is off because it shows every endpoint's key; leave it out"},
	{"ingressRoute.healthcheck.enabled", isTrue, "makes an IngressRoute, and the gateway serves none; leave it out"},

	{"log.level", isNoLevel, printsKeys},
	{"accessLog.fields.headers.defaultMode", keepsAllHeaders, keepsHeaders},
	{"accessLog.fields.headers.names", keepsKeys, keepsKey},
	{"accessLog.fields.queryParameters.defaultMode", isNot("drop"), keepsQueries},
	{"tracing.safeQueryParams", namesKeys, "names a parameter in which clients send keys; leave that one out"},
	{"tracing.capturedRequestHeaders", namesKeys, "holds a header that carries keys; leave that one out"},
	{"metrics.prometheus.headerLabels", namesKeys, "holds a header that carries keys; leave that one out"},
	{"metrics.prometheus.entryPoint", is("web"), showsFigures + "; leave it out"},
	{"ports.metrics.expose.default", isTrue, showsFigures + "; set metrics.prometheus.service.enabled, which is for the cluster alone"},

	{"ports.web.forwardedHeaders.insecure", isTrue, trustsAll},
	{"ports.web.forwardedHeaders.trustedIPs", anything, ownProxies},
	{"ports.web.proxyProtocol.insecure", isTrue, trustsAll},
	{"ports.web.proxyProtocol.trustedIPs", anything, ownProxies},
	{"ports.websecure.forwardedHeaders.insecure", isTrue, trustsAll},
	{"ports.websecure.forwardedHeaders.trustedIPs", notEmpty, ownProxies},
	{"ports.websecure.proxyProtocol.insecure", isTrue, trustsAll},
	{"ports.websecure.proxyProtocol.trustedIPs", notEmpty, ownProxies},

	{"providers.kubernetesCRD.allowCrossNamespace", isTrue, oneNamespace},
	{"providers.kubernetesCRD.crossProviderNamespaces", anything, ownNamespace},
	{"providers.kubernetesCRD.defaultTLSResourcesNamespace", anything, ownTLS},
	{"providers.kubernetesCRD.ingressClass", anything, ownClass},
	{"providers.kubernetesCRD.safeNaming", isNot(true), safeNaming},
	{"providers.kubernetesGateway.crossProviderNamespaces", anything, ownNamespace},
	{"providers.kubernetesIngress.crossProviderNamespaces", anything, ownNamespace},
}

// exposingArguments are arguments of Traefik, in lower case, that say what such a value says.
var exposingArguments = map[string]string{
	"api":            turnsOnAPI,
	"providers.rest": "lets whoever reaches Traefik's own port rewrite its routes; leave it out",

	"entrypoints.web.forwardedheaders.insecure":         trustsAll,
	"entrypoints.web.forwardedheaders.trustedips":       ownProxies,
	"entrypoints.web.proxyprotocol":                     ownProxies,
	"entrypoints.websecure.forwardedheaders.insecure":   trustsAll,
	"entrypoints.websecure.forwardedheaders.trustedips": ownProxies,
	"entrypoints.websecure.proxyprotocol":               ownProxies,

	"providers.kubernetescrd.allowcrossnamespace":          oneNamespace + "; leave it out",
	"providers.kubernetescrd.crossprovidernamespaces":      ownNamespace,
	"providers.kubernetescrd.defaulttlsresourcesnamespace": ownTLS,
	"providers.kubernetescrd.ingressclass":                 ownClass,
	"providers.kubernetescrd.safenaming":                   safeNaming + "; leave it out",
	"providers.kubernetesgateway.crossprovidernamespaces":  ownNamespace,
	"providers.kubernetesingress.crossprovidernamespaces":  ownNamespace,
}

// exposingValues are arguments of which some values say so.
var exposingValues = []rule{
	{"log.level", isNoLevel, printsKeys},
	{"accesslog.fields.headers.defaultmode", keepsAllHeaders, keepsHeaders},
	{"accesslog.fields.queryparameters.defaultmode", isNot("drop"), keepsQueries},
	{"tracing.safequeryparams", namesKeys, "names a parameter in which clients send keys; leave that one out"},
	{"tracing.capturedrequestheaders", namesKeys, "holds a header that carries keys; leave that one out"},
	{"metrics.prometheus.headerlabels", namesKeys, "names a header that carries keys; leave it out"},
	{"metrics.prometheus.entrypoint", is("web"), showsFigures + "; leave it out"},
}

// levels are Traefik's log levels that print no keys. Traefik takes numbers as well.
var levels = []string{"", "INFO", "WARN", "ERROR", "FATAL", "PANIC"}

func isNoLevel(value any) bool {
	return !slices.Contains(levels, strings.ToUpper(fmt.Sprint(value)))
}

// keepsAllHeaders breaks on all that Traefik does not take for another mode: it then keeps headers.
func keepsAllHeaders(value any) bool { return value != "drop" && value != "redact" }

// keepsKeys breaks on a map of headers to modes in which one that carries keys is kept.
func keepsKeys(value any) bool {
	modes, _ := value.(map[string]any)
	for header, mode := range modes {
		if mode == "keep" && carriesKeys(header) {
			return true
		}
	}
	return false
}

// namesKeys breaks on headers that carry keys: one name, or several with commas between them, in a list or as the values of a map.
func namesKeys(value any) bool {
	switch value := value.(type) {
	case string:
		return slices.ContainsFunc(strings.Split(value, ","), carriesKeys)
	case []any:
		return slices.ContainsFunc(value, namesKeys)
	case map[string]any:
		for _, header := range value {
			if namesKeys(header) {
				return true
			}
		}
	}
	return false
}

// carriesKeys goes by the parts that the names of such headers have: an endpoint's key may be in a header of any name.
func carriesKeys(header string) bool {
	header = strings.ToLower(header)
	return slices.ContainsFunc(
		[]string{"auth", "cookie", "credential", "key", "password", "secret", "token", "websocket-protocol"},
		func(part string) bool { return strings.Contains(header, part) })
}

func is(wanted any) func(any) bool {
	return func(value any) bool { return value == wanted }
}

// checkVariables finds environment variables that would take the place of ours.
func checkVariables(user map[string]any) []Problem {
	given, exists := user["env"]
	if !exists {
		return nil
	}
	variables, isList := given.([]any)
	if !isList {
		return []Problem{{"values.env", "is not a list; write one object for each variable"}}
	}
	var problems []Problem
	for i, variable := range variables {
		if object, _ := variable.(map[string]any); isOwn(object["name"]) {
			problems = append(problems, Problem{fmt.Sprintf("values.env[%d]", i), "is a variable that the gateway sets; choose another name"})
		}
	}
	return problems
}

// isOwn says whether a variable is one of the gateway's.
func isOwn(name any) bool {
	text, _ := name.(string)
	return strings.HasPrefix(text, ownVariables) || text == hiddenResources
}
