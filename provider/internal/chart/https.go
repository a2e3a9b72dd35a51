package chart

import "fmt"

// HTTPS are the settings of a gateway that serves HTTPS.
type HTTPS struct {
	// ExposedPort is the port that clients connect to, from 1 to 65535.
	ExposedPort int32
	// Alone says whether clients can connect to no other port.
	Alone bool
}

// httpsPorts are the entry points of a gateway with HTTPS.
func httpsPorts(s Settings) map[string]any {
	web, websecure := entryPoint(s, ListenerPort, s.ExposedPort), entryPoint(s, HTTPSListenerPort, s.HTTPS.ExposedPort)
	web["expose"] = map[string]any{"default": !s.HTTPS.Alone}
	// It keeps Gateways from serving plain HTTP there. Certificates and options are those of the Gateway's listener.
	websecure["http"].(map[string]any)["tls"] = map[string]any{"enabled": true}
	return map[string]any{"web": web, "websecure": websecure}
}

// CheckHTTPS finds the user's values that would break HTTPS. Without it, the entry point is the user's own.
func CheckHTTPS(user map[string]any) []Problem {
	problems := checkRules(user, httpsRules)
	return append(problems, checkArguments(user, forbidsHTTPS)...)
}

var httpsRules = []rule{
	{"ports.websecure.port", isNot(HTTPSListenerPort), fmt.Sprintf("must stay %d, the port of the Gateway's listener; the port that clients connect to is "+
		"the gateway's https.port", HTTPSListenerPort)},
	{"ports.websecure.exposedPort", anything, "would make the gateway's url wrong; set the gateway's https.port instead"},
	{"ports.websecure.expose.default", isNot(true), "must stay true; the Service would not reach the gateway's listener"},
	{"ports.websecure.targetPort", notEmpty, "would send the Service's traffic past the gateway's listener; leave it out"},
	{"ports.websecure.protocol", isNot("TCP"), "must stay TCP; the gateway's listener speaks HTTPS"},
	{"ports.websecure.http.tls.enabled", isNot(true), "must stay true; the gateway's listener speaks HTTPS"},
	{"ports.websecure.http.middlewares", isNoList, "must be a list; what it names comes after the gateway's own middleware, which guards paths and reads bodies"},
	{"ports.websecure.http.redirections.entryPoint", notEmpty, "would redirect every request away from the gateway's listener; leave it out"},
	{"tlsOptions.default", notEmpty, "is the gateway's own; set the gateway's https.minVersion or https.clientCertificates instead"},
	{"tlsStore.default", notEmpty, "is the gateway's own; set the gateway's https.certificates instead"},
	{"metrics.prometheus.entryPoint", is("websecure"), showsFigures + "; leave it out"},
}

// httpsArguments are arguments of Traefik, in lower case, that say what such a value says.
var httpsArguments = map[string]string{
	"entrypoints.websecure.address": fmt.Sprintf("must stay on port %d, the port of the Gateway's listener; leave it out", HTTPSListenerPort),
	"entrypoints.websecure.http.middlewares": "would replace the gateway's own middleware, which guards paths and reads bodies; name yours in " +
		"values.ports.websecure.http.middlewares",
}

func forbidsHTTPS(name, value string) string {
	if name == "metrics.prometheus.entrypoint" && value == "websecure" {
		return showsFigures + "; leave it out"
	}
	return httpsArguments[name]
}
