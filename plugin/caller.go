package plugin

import (
	"net/http"
	"net/url"
	"strings"
)

// identifying are the headers that say who sent a request, and those in which clients and gateways carry keys. Headers that
// begin with X-Forwarded- are among them.
var identifying = canonical(
	// Keys and tokens.
	"Authorization", "Proxy-Authorization", "Cookie", "Cookie2", "Api-Key", "ApiKey", "X-Api-Key", "X-ApiKey", "X-Api-Token",
	"X-Auth-Token", "X-Auth-Key", "X-Access-Token", "X-Id-Token", "X-Functions-Key", "X-Goog-Api-Key", "X-Goog-User-Project",
	"X-Goog-Iam-Authorization-Token", "X-Serverless-Authorization", "Ocp-Apim-Subscription-Key", "Cf-Aig-Authorization",
	"X-Amz-Security-Token", "X-Litellm-Api-Key", "X-Portkey-Api-Key", "X-Portkey-Virtual-Key", "Helicone-Auth",
	"X-Csrf-Token", "X-Xsrf-Token", "X-Goog-Iap-Jwt-Assertion", "Cf-Access-Jwt-Assertion", "Cf-Access-Token",
	"Cf-Access-Client-Id", "Cf-Access-Client-Secret", "X-Amzn-Oidc-AccessToken", "X-Amzn-Oidc-Data",
	"X-Ms-Token-Aad-Access-Token", "X-Ms-Token-Aad-Id-Token", "X-Ms-Token-Aad-Refresh-Token", "X-Auth-Request-Access-Token",
	// Accounts and people.
	CallerHeader, "OpenAI-Organization", "OpenAI-Project", "Cf-Access-Authenticated-User-Email", "Remote-User", "Remote-Name",
	"Remote-Email", "Remote-Groups", "X-Remote-User", "X-Remote-Group", "X-Auth-Request-User", "X-Auth-Request-Email",
	"X-Auth-Request-Groups", "X-Auth-Request-Preferred-Username", "X-Goog-Authenticated-User-Email",
	"X-Goog-Authenticated-User-Id", "X-Amzn-Oidc-Identity", "X-Ms-Client-Principal", "X-Ms-Client-Principal-Id",
	"X-Ms-Client-Principal-Name", "From", "Client-Cert", "Client-Cert-Chain", "X-Client-Cert", "X-Ssl-Client-Cert",
	// Addresses.
	"Forwarded", "X-Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "Client-Ip", "True-Client-Ip", "X-Cluster-Client-Ip",
	"X-Original-Forwarded-For", "X-Envoy-External-Address", "Cf-Connecting-Ip", "Cf-Connecting-IpV6", "Cf-Pseudo-IpV4",
	"Cf-IpCountry", "Fastly-Client-Ip", "Fly-Client-Ip", "X-Azure-ClientIp", "X-Azure-SocketIp", "X-AppEngine-User-Ip",
)

func canonical(names ...string) map[string]bool {
	set := map[string]bool{}
	for _, name := range names {
		set[http.CanonicalHeaderKey(name)] = true
	}
	return set
}

// removeCaller removes from header all that says who sent the request.
func removeCaller(header http.Header) {
	for name := range header {
		known := name
		if strings.ContainsAny(name, "_. ") {
			// To some servers x_api_key and x.api.key are X-Api-Key.
			known = http.CanonicalHeaderKey(dashes.Replace(name))
		}
		// The first letter tells most headers apart without a call.
		if identifying[known] || known != "" && known[0] == 'X' && strings.HasPrefix(known, "X-Forwarded-") {
			delete(header, name)
		}
	}
	// The proxy adds the client's address unless the header is there without a value: Go's and Traefik's do
	// (https://go.dev/issue/38079).
	header["X-Forwarded-For"] = nil
	if len(header[subprotocols]) > 0 {
		removeSubprotocols(header)
	}
}

// dashes writes the characters that servers take for a dash as one.
var dashes = strings.NewReplacer("_", "-", ".", "-", " ", "-")

// keyParameters are the parameters of a query, in lower case, in which clients send keys, as Google's do.
var keyParameters = map[string]bool{"key": true, "api_key": true, "api-key": true, "apikey": true, "access_token": true}

// removeQueryKeys takes keys out of the query, and leaves one without any as it is. A semicolon separates parameters, too:
// Traefik makes it an ampersand.
func removeQueryKeys(r *http.Request) {
	parameters := parametersOf(r)
	var kept []string
	for _, parameter := range parameters {
		if !keyParameters[strings.ToLower(nameOf(parameter))] {
			kept = append(kept, parameter)
		}
	}
	if len(kept) < len(parameters) {
		setParameters(r, kept)
	}
}

// parametersOf are the parameters of a request's query, as they are written.
func parametersOf(r *http.Request) []string {
	return strings.FieldsFunc(r.URL.RawQuery, func(c rune) bool { return c == '&' || c == ';' })
}

// nameOf is the name of a parameter.
func nameOf(parameter string) string {
	name, _, _ := strings.Cut(parameter, "=")
	if unescaped, err := url.QueryUnescape(name); err == nil {
		return unescaped
	}
	return name
}

func setParameters(r *http.Request, parameters []string) {
	changed := *r.URL
	changed.RawQuery = strings.Join(parameters, "&")
	r.URL = &changed
	// Traefik sends on the request's own form of the target.
	r.RequestURI = changed.RequestURI()
}

const subprotocols = "Sec-Websocket-Protocol"

// secretSubprotocols are the beginnings, in lower case, of the WebSocket subprotocols in which OpenAI's browser clients,
// which cannot set headers, send key and account.
var secretSubprotocols = []string{"openai-insecure-api-key.", "openai-organization.", "openai-project."}

// removeSubprotocols takes keys and accounts out of the subprotocols that a client offers. The others stay: the server
// answers with one of them, and a browser takes no other answer.
func removeSubprotocols(header http.Header) {
	var kept []string
	for _, protocol := range strings.Split(strings.Join(header[subprotocols], ","), ",") {
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
