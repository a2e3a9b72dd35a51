package refusals

import (
	"fmt"
	"maps"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// generated are the cases that length, number or a type without a form in YAML make faulty.
var generated = map[string][]refusal{
	"ModelEndpoint": {
		{
			Name:   "an asset",
			Inputs: map[string]any{"url": pulumi.NewStringAsset("http://10.0.0.7")},
			Faults: "url: is an asset or archive; write a string",
		},
		{
			Name: "hosts and paths that are too long",
			Inputs: map[string]any{"urls": []any{
				"http://" + strings.Repeat("a", 64) + ".example.com",
				"http://" + strings.Repeat("a.", 124) + "example.com",
				"http://api.example.com/" + strings.Repeat("a", 1024),
			}},
			Faults: `
urls[0]: has a host name with more than 63 characters between two dots, the most that DNS allows
urls[1]: has a host name of more than 253 characters, the most that DNS allows
urls[2]: has a path of more than 1024 characters, the most that an HTTPRoute takes`,
		},
		{
			Name:   "more urls than a slice takes",
			Inputs: map[string]any{"urls": addresses(1001)},
			Faults: "urls: holds 1001 URLs; one EndpointSlice takes 1000 at most, so split them over several endpoints",
		},
		{
			Name: "more headers than a route takes",
			Inputs: map[string]any{"url": "http://10.0.0.7", "headers": map[string]any{
				"set":    numbered("X-Set-", 17),
				"remove": list(17, func(i int) any { return fmt.Sprintf("X-Remove-%d", i) }),
			}},
			Faults: `
headers.set: has 17 headers; a route sets 16 at most
headers.remove: has 17 headers; a route removes 16 at most`,
		},
		{
			Name: "a header that is too long",
			Inputs: map[string]any{"url": "http://10.0.0.7", "headers": map[string]any{
				"set":    map[string]any{"X-Long": strings.Repeat("a", 4097)},
				"remove": []any{strings.Repeat("a", 257)},
			}},
			Faults: `
headers.set.X-Long: has no value that a header takes: write 1 to 4096 characters without line breaks, or name the header in headers.remove
headers.remove[0]: is not the name of a header (RFC 9110, section 5.1)`,
		},
		{
			Name: "names and metadata that are too long",
			Inputs: map[string]any{
				"url": "http://10.0.0.7", "name": strings.Repeat("a", 48), "namespace": strings.Repeat("a", 64),
				"labels":      map[string]any{"tier": strings.Repeat("a", 64)},
				"annotations": map[string]any{"note": strings.Repeat("a", 256<<10)},
			},
			Faults: `
name: "` + strings.Repeat("a", 48) + `" has 48 characters; the objects named after it leave room for 47
namespace: "` + strings.Repeat("a", 64) + `" is not a name for a namespace: write up to 63 lower-case letters, digits and hyphens, with a letter or digit first and last (RFC 1123)
labels.tier: "` + strings.Repeat("a", 64) + `" is not a label value: must be no more than 63 bytes
annotations: annotations size 262148 is larger than limit 262144`,
		},
		{
			Name:     "a Pulumi name that is too long",
			Resource: strings.Repeat("a", 55),
			Inputs:   map[string]any{"url": "http://10.0.0.7"},
			Faults:   `name: "` + strings.Repeat("a", 55) + `" has 55 characters; the objects named after it leave room for 54`,
		},
	},
	"ModelService": {
		{
			Name: "more host names than a route takes",
			Inputs: service(map[string]any{
				"hostnames": list(17, func(i int) any { return fmt.Sprintf("api-%d.example.com", i) }),
			}),
			Faults: "hostnames: has 17 names; a route takes 16 at most",
		},
		{
			Name: "a host name that is too long with its wildcard",
			Inputs: service(map[string]any{
				"hostnames": []any{"*." + strings.Repeat("a.", 126) + "b"},
			}),
			Faults: "hostnames[0]: has a host name of more than 253 characters, the most that DNS allows",
		},
		{
			Name:   "a path that is too long",
			Inputs: service(map[string]any{"path": "/" + strings.Repeat("a", 1024)}),
			Faults: "path: has a path of more than 1024 characters, the most that an HTTPRoute takes",
		},
		{
			Name: "more endpoints than a rule takes",
			Inputs: service(map[string]any{"backends": []any{
				map[string]any{"endpoints": list(10, func(int) any { return backend("a") })},
				map[string]any{"endpoints": list(7, func(int) any { return backend("b") })},
			}}),
			Faults: "backends: has 17 endpoints; a route takes 16. Write replicas with the same scheme, port and path into the " +
				"urls of one endpoint, which takes 1000",
		},
		{
			Name: "more headers of an endpoint than a route takes",
			Inputs: service(map[string]any{"backends": []any{map[string]any{"endpoint": with(backend("a"), map[string]any{"headers": map[string]any{
				"set":    numbered("X-Set-", 17),
				"remove": list(17, func(i int) any { return fmt.Sprintf("X-Remove-%d", i) }),
			}})}}}),
			Faults: `
backends[0].endpoint.headers.set: has 17 headers; a route sets 16 at most
backends[0].endpoint.headers.remove: has 17 headers; a route removes 16 at most`,
		},
		{
			Name: "headers of an endpoint that leave no room for hiding the caller",
			Inputs: service(map[string]any{"backends": []any{map[string]any{"endpoint": with(backend("a"), map[string]any{"headers": map[string]any{
				"remove": list(6, func(i int) any { return fmt.Sprintf("X-Remove-%d", i) }),
			}})}}}),
			Faults: "backends[0].endpoint.headers.remove: removes 6 headers, but the route removes 11 more that identify the caller, and 16 is " +
				"the most: leave some out, use the endpoint in its own namespace on a gateway with the modelplane plugin, or set its forwardCaller",
		},
		{
			Name:     "a Pulumi name that is too long",
			Resource: strings.Repeat("a", 64),
			Inputs:   service(nil),
			Faults:   `name: "` + strings.Repeat("a", 64) + `" has 64 characters; the objects named after it leave room for 63`,
		},
	},
	"ModelGateway": {
		{
			Name:   "a certificate with another one's key",
			Inputs: secured([]any{map[string]any{"certificate": models.certificate, "privateKey": other.key}}, nil),
			Faults: "https.certificates[0].certificate: and its privateKey are not a pair in PEM: private key does not match public key",
		},
		{
			Name:   "certificates for other names",
			Inputs: secured([]any{models.input(), other.input()}, []any{"models.example.com", "other.example.org", "chat.models.example.com"}),
			Faults: "https.hostnames[2]: is in none of the certificates, which are for models.example.com, *.example.org; add a certificate for it",
		},
		{
			Name:   "certificates that are not valid now",
			Inputs: secured([]any{expired.input(), early.input()}, []any{"models.example.com", "early.example.com"}),
			Faults: `
https.certificates[0].certificate: expired on 2020-01-31, so that clients refuse it; write the one that was issued after it
https.certificates[1].certificate: is valid only from 2120-01-01 00:00:00 on, so that clients refuse it; write the one before it`,
		},
		{
			Name:   "two certificates for the same names",
			Inputs: secured([]any{models.input(), other.input(), models.input()}, nil),
			Faults: "https.certificates[2].certificate: is for the same names as https.certificates[0].certificate, and Traefik uses one of them alone; leave the other one out",
		},
		{
			Name:   "more certificates than a listener takes",
			Inputs: secured(list(65, func(int) any { return map[string]any{"secretRef": map[string]any{"name": "a"}} }), []any{"models.example.com"}),
			Faults: "https.certificates: has 65 certificates; a listener takes 64 at most",
		},
		{
			Name:     "a Pulumi name that is too long for the default namespace",
			Resource: strings.Repeat("a", 53),
			Faults: `name: "` + strings.Repeat("a", 53) + `" has 53 characters; the default namespace, modelplane-<name>, leaves room ` +
				`for 52; with a namespace of your own, set in namespace, there is room for 53`,
		},
		{
			Name:   "a name that is too long with a namespace of its own",
			Inputs: map[string]any{"name": strings.Repeat("a", 54), "namespace": "gateways"},
			Faults: `name: "` + strings.Repeat("a", 54) + `" has 54 characters; the objects named after it leave room for 53`,
		},
	},
}

// service is a ModelService that nothing is wrong with, except these inputs.
func service(inputs map[string]any) map[string]any {
	return with(map[string]any{
		"gateway":  map[string]any{"name": "gw", "namespace": "gateways", "url": "http://203.0.113.7"},
		"backends": []any{map[string]any{"endpoint": backend("a")}},
	}, inputs)
}

// with is an object with further properties, or with others of the same name.
func with(object, properties map[string]any) map[string]any {
	maps.Copy(object, properties)
	return object
}

// backend is an endpoint as a service takes it.
func backend(name string) map[string]any {
	return map[string]any{"name": name, "serviceName": name + "-1", "namespace": "default", "port": 8000, "basePath": "/v1"}
}

// addresses are URLs of different servers.
func addresses(n int) []any {
	return list(n, func(i int) any { return fmt.Sprintf("http://10.0.%d.%d", i/250, i%250+1) })
}

func list(n int, element func(int) any) []any {
	made := make([]any, n)
	for i := range made {
		made[i] = element(i)
	}
	return made
}

// numbered are entries of a map with keys that end in their number.
func numbered(prefix string, n int) map[string]any {
	entries := map[string]any{}
	for i := range n {
		entries[fmt.Sprint(prefix, i)] = "a"
	}
	return entries
}
