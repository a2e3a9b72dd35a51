package chart

import (
	"fmt"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// rule is one value that the user may not set to anything.
type rule struct {
	path   string
	breaks func(value any) bool
	why    string
}

// ownInner is why nobody else may set up the inner entry point.
const ownInner = "is the entry point on which the gateway asks itself for one backend of a service; give one of your own another name"

var rules = []rule{
	{"fullnameOverride", anything, "would rename the Service and the Deployment; set the gateway's name instead"},
	{"namespaceOverride", notEmpty, "would install the gateway elsewhere; set the gateway's namespace instead"},

	{"deployment.enabled", isNot(true), "must stay true; without its Deployment nothing serves the gateway"},
	{"deployment.kind", isNot("Deployment"), "must stay Deployment; the gateway's replicas need one, and Pulumi waits for it"},
	{"deployment.podAnnotations." + PluginAnnotation, anything, "brings a new version of the plugin to the Pods; leave it out"},
	{"deployment.podLabels." + PodLabel, anything, "is how the gateway finds its Pods; leave it out"},

	{"service.enabled", isNot(true), "must stay true; Traefik serves no route while the Service is missing from which it takes the gateway's address"},
	{"service.spec.type", anything, "would leave the gateway without the address that it waits for; set the gateway's service.type instead"},
	{"service.spec.loadBalancerClass", anything, "is set in the gateway's service.loadBalancerClass"},
	{"service.spec.loadBalancerSourceRanges", anything, "is set in the gateway's service.loadBalancerSourceRanges"},
	{"service.loadBalancerSourceRanges", notEmpty, "is set in the gateway's service.loadBalancerSourceRanges"},
	{"service.nameOverride", notEmpty, "would rename the Service; set the gateway's name instead"},

	{"gateway.enabled", isTrue, "must stay false; the component makes the Gateway itself"},
	{"gatewayClass.enabled", isTrue, "must stay false; the component makes the GatewayClass itself"},

	{"providers.kubernetesGateway.enabled", isNot(true), "must stay true; without the Gateway API provider no route is served"},
	{"providers.kubernetesGateway.labelSelector", anything, "is what keeps this gateway apart from others in the cluster; leave it out"},
	{"providers.kubernetesGateway.namespaces", notEmpty, "would hide the routes and endpoints of all other namespaces; leave it out"},
	{"providers.kubernetesGateway.experimentalChannel", isTrue, "must stay false; with the standard CRDs of the Gateway API, Traefik would serve no route"},
	{"providers.kubernetesGateway.nativeLBByDefault", isTrue, "must stay false; requests would go to the ClusterIP of endpoints that have none behind it"},
	{"providers.kubernetesGateway.statusAddress.service.enabled", isNot(true), "must stay true; the gateway takes its address from its Service"},
	{"providers.kubernetesGateway.statusAddress.service.name", anything, "must name the gateway's own Service; leave it out"},
	{"providers.kubernetesGateway.statusAddress.service.namespace", anything, "must name the gateway's own namespace; leave it out"},

	{"providers.kubernetesCRD.enabled", isNot(true), "must stay true; without it Traefik reads no Middleware, and every service with a keyed endpoint answers 404"},
	{"providers.kubernetesCRD.safeNaming", isNot(true), "must stay true; the entry point knows the gateway's middleware by its safe name, and every route would answer 404"},
	{"providers.kubernetesCRD.namespaces", notEmpty, "would hide the Middlewares of all other namespaces, and their services would answer 404; leave it out"},
	{"providers.kubernetesCRD.labelSelector", notEmpty, "would hide Middlewares without that label, and their services would answer 404; leave it out"},

	{"ports.web.port", isNot(ListenerPort), fmt.Sprintf("must stay %d, the port of the Gateway's listener; the port that clients connect to is the gateway's port", ListenerPort)},
	{"ports.web.exposedPort", anything, "would make the gateway's url wrong; set the gateway's port instead"},
	{"ports.web.expose.default", isNot(true), "must stay true; the Service would not reach the gateway's listener"},
	{"ports.web.targetPort", notEmpty, "would send the Service's traffic past the gateway's listener; leave it out"},
	{"ports.web.protocol", isNot("TCP"), "must stay TCP; the gateway's listener speaks HTTP"},
	{"ports.web.http.tls.enabled", isTrue, "must stay false; the gateway's listener speaks plain HTTP"},
	{"ports.web.http.middlewares", isNoList, "must be a list; what it names comes after the gateway's own middleware, which guards paths and reads bodies"},
	{"ports.web.http.redirections.entryPoint", notEmpty, "would redirect every request away from the gateway's only listener; leave it out"},

	{"ports." + innerEntryPoint, anything, ownInner},

	{"experimental.localPlugins." + plugin.Name, anything, "is the plugin that adds keys to requests; give a plugin of your own another name"},

	{"rbac.namespaced", isTrue, "must stay false; a gateway reads GatewayClasses, which belong to the whole cluster"},
}

// guardedArguments are arguments of Traefik, in lower case, that say what a guarded value says.
var guardedArguments = map[string]string{
	"providers.kubernetesgateway":                                 "the Gateway API provider is on already; leave it out",
	"providers.kubernetesgateway.labelselector":                   "is what keeps this gateway apart from others in the cluster; leave it out",
	"providers.kubernetesgateway.namespaces":                      "would hide the routes and endpoints of all other namespaces; leave it out",
	"providers.kubernetesgateway.experimentalchannel":             "with the standard CRDs of the Gateway API, Traefik would serve no route; leave it out",
	"providers.kubernetesgateway.nativelbbydefault":               "requests would go to the ClusterIP of endpoints that have none behind it; leave it out",
	"providers.kubernetesgateway.statusaddress.service.name":      "must name the gateway's own Service; leave it out",
	"providers.kubernetesgateway.statusaddress.service.namespace": "must name the gateway's own namespace; leave it out",
	"providers.kubernetescrd":                                     "the provider of Middlewares is on already; leave it out",
	"providers.kubernetescrd.namespaces":                          "would hide the Middlewares of all other namespaces; leave it out",
	"providers.kubernetescrd.safenaming":                          "the entry point knows the gateway's middleware by its safe name; leave it out",
	"providers.kubernetescrd.labelselector":                       "would hide Middlewares without that label; leave it out",
	"entrypoints.web.address":                                     fmt.Sprintf("must stay on port %d, the port of the Gateway's listener; leave it out", ListenerPort),
	"entrypoints.web.http.middlewares":                            "would replace the gateway's own middleware, which guards paths and reads bodies; name yours in values.ports.web.http.middlewares",
	"experimental.localplugins." + plugin.Name + ".modulename":    "would replace the plugin that adds keys to requests; give a plugin of your own another name",
	"configfile": "Traefik would read its settings from that file and from no argument; set values instead",
}

// anything breaks, whatever it is.
func anything(any) bool { return true }

func isNoList(value any) bool {
	_, isList := value.([]any)
	return !isList
}

func isTrue(value any) bool { return value != false && notEmpty(value) }

// isNot breaks on anything but wanted. Numbers may arrive as any of Go's types for them.
func isNot(wanted any) func(any) bool {
	return func(value any) bool {
		if value == nil {
			return true
		}
		return fmt.Sprint(value) != fmt.Sprint(wanted)
	}
}

// notEmpty breaks on all that Helm's templates take for set.
func notEmpty(value any) bool {
	switch v := value.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	default:
		return true
	}
}
