package plugin

import (
	"net/http"
	"strings"
)

// callers are the headers, in lower case, that say who sent a request, and those in which clients and gateways carry
// keys. Headers that begin with x-forwarded- are among them.
var callers = map[string]bool{
	// Keys and tokens.
	"authorization": true, "proxy-authorization": true, "cookie": true, "cookie2": true,
	"api-key": true, "apikey": true, "x-api-key": true, "x-apikey": true, "x-api-token": true,
	"x-auth-token": true, "x-auth-key": true, "x-access-token": true, "x-id-token": true, "x-functions-key": true,
	"x-goog-api-key": true, "x-goog-user-project": true, "x-goog-iam-authorization-token": true,
	"x-serverless-authorization": true, "ocp-apim-subscription-key": true,
	"cf-aig-authorization": true, "x-amz-security-token": true, "x-litellm-api-key": true, "x-portkey-api-key": true,
	"x-portkey-virtual-key": true, "helicone-auth": true, "x-csrf-token": true, "x-xsrf-token": true,
	"x-goog-iap-jwt-assertion": true, "cf-access-jwt-assertion": true,
	"cf-access-token": true, "cf-access-client-id": true, "cf-access-client-secret": true,
	"x-amzn-oidc-accesstoken": true, "x-amzn-oidc-data": true, "x-ms-token-aad-access-token": true,
	"x-ms-token-aad-id-token": true, "x-ms-token-aad-refresh-token": true, "x-auth-request-access-token": true,
	// Accounts and people.
	"openai-organization": true, "openai-project": true, "cf-access-authenticated-user-email": true,
	"remote-user": true, "remote-name": true, "remote-email": true, "remote-groups": true, "x-remote-user": true,
	"x-remote-group": true, "x-auth-request-user": true, "x-auth-request-email": true, "x-auth-request-groups": true,
	"x-auth-request-preferred-username": true, "x-goog-authenticated-user-email": true,
	"x-goog-authenticated-user-id": true, "x-amzn-oidc-identity": true, "x-ms-client-principal": true,
	"x-ms-client-principal-id": true, "x-ms-client-principal-name": true, "from": true,
	"client-cert": true, "client-cert-chain": true, "x-client-cert": true, "x-ssl-client-cert": true,
	// Addresses.
	"forwarded": true, "via": true, "x-real-ip": true, "x-client-ip": true, "client-ip": true, "true-client-ip": true,
	"x-cluster-client-ip": true, "x-original-forwarded-for": true, "x-envoy-external-address": true,
	"x-forwarded": true, "cf-connecting-ip": true, "cf-connecting-ipv6": true, "cf-pseudo-ipv4": true,
	"cf-ipcountry": true, "fastly-client-ip": true, "fly-client-ip": true, "x-azure-clientip": true,
	"x-azure-socketip": true, "x-appengine-user-ip": true,
}

// removeCaller removes from header all that says who sent the request.
func removeCaller(header http.Header) {
	for name := range header {
		// To some servers x_api_key and x.api.key are x-api-key.
		plain := dashes.Replace(strings.ToLower(name))
		if callers[plain] || strings.HasPrefix(plain, "x-forwarded-") {
			delete(header, name)
		}
	}
	// The proxy adds the client's address unless the header is there without a value: Go's and Traefik's do
	// (https://go.dev/issue/38079).
	header["X-Forwarded-For"] = nil
	removeSubprotocols(header)
}

// dashes writes the characters that servers take for a dash as one.
var dashes = strings.NewReplacer("_", "-", ".", "-", " ", "-")

const subprotocols = "Sec-Websocket-Protocol"

// secretSubprotocols are the beginnings, in lower case, of the WebSocket subprotocols in which OpenAI's browser clients,
// which cannot set headers, send key and account.
var secretSubprotocols = []string{"openai-insecure-api-key.", "openai-organization.", "openai-project."}

// removeSubprotocols takes keys and accounts out of the subprotocols that a client offers. The others stay: the server
// answers with one of them, and a browser takes no other answer.
func removeSubprotocols(header http.Header) {
	offered := header[subprotocols]
	if len(offered) == 0 {
		return
	}
	var kept []string
	for _, protocol := range strings.Split(strings.Join(offered, ","), ",") {
		protocol = strings.TrimSpace(protocol)
		if protocol != "" && !isSecret(protocol) {
			kept = append(kept, protocol)
		}
	}
	if len(kept) == 0 {
		delete(header, subprotocols)
		return
	}
	header[subprotocols] = []string{strings.Join(kept, ", ")}
}

func isSecret(protocol string) bool {
	for _, beginning := range secretSubprotocols {
		if strings.HasPrefix(strings.ToLower(protocol), beginning) {
			return true
		}
	}
	return false
}
