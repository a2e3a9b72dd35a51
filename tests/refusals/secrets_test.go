package refusals

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// password is what must not show, be it marked as a secret or not.
const password = "hunter2"

// Catches a secret of a refused input that the engine prints beside its property, in its own words or in ours: marked as a
// secret, in a place where people write keys and passwords, or under a name that only looks like such a place.
func TestNoSecretOfARefusedInputShows(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte(password))
	cases := map[string]struct {
		kind   string
		inputs map[string]any
	}{
		"a key that no header takes": {"ModelEndpoint", map[string]any{
			"url": "http://10.0.0.7", "apiKey": secret("one\n" + password),
		}},
		"a key that nobody marked": {"ModelEndpoint", map[string]any{
			"url": "http://10.0.0.7", "apiKey": "one\n" + password,
		}},
		"a key in a list and in an object": {"ModelEndpoint", map[string]any{
			"url": []any{secret(password)}, "apiKey": []any{password}, "apiKeySecretRef": map[string]any{"name": secret(password), "key": password + "/"},
		}},
		"keys under names that do not exist": {"ModelEndpoint", map[string]any{
			"url": "http://10.0.0.7", "api_key": secret(password), "apikey": password, "api.key": secret(password), "key": []any{secret(password)},
		}},
		"keys where a header's name belongs": {"ModelEndpoint", map[string]any{
			"url": "http://10.0.0.7", "apiKey": password, "apiKeyHeader": "Bearer " + password, "headers": map[string]any{"remove": []any{"Bearer " + password}},
		}},
		"header values": {"ModelEndpoint", map[string]any{
			"url": "http://10.0.0.7", "apiKey": password,
			"headers": map[string]any{"set": map[string]any{
				"X-Key": secret(password), "Authorization": "Bearer " + password, "X-Other": password + "\n",
			}, "remove": []any{secret(password)}},
		}},
		"a header's value in a list": {"ModelEndpoint", map[string]any{
			"url": "http://10.0.0.7", "headers": map[string]any{"set": map[string]any{"Authorization": []any{"Bearer " + password}}},
		}},
		"callers' keys": {"ModelCallers", map[string]any{"keys": []any{
			map[string]any{"name": "alice", "key": secret(password)},
			map[string]any{"name": password + " ", "key": password},
			map[string]any{"name": "bob", "key": "sk-0123456789 " + password, "sha256": password, "expires": password},
			password, secret(password),
		}}},
		"a cluster's keys": {"InferenceCluster", map[string]any{
			"apiKeys": []any{"one\n" + password, secret("two\n" + password), password, password}, "gateway": map[string]any{"hostName": secret(password)},
			"tls": map[string]any{"certificate": password, "privateKey": secret(password), "key": password, "caCertificate": password},
		}},
		"a gateway's private keys": {"ModelGateway", map[string]any{"https": map[string]any{
			"certificates": []any{
				map[string]any{"certificate": password, "privateKey": secret(password)},
				map[string]any{"certificate": models.certificate, "privateKey": "-----BEGIN PRIVATE KEY-----\n" + encoded + "\n-----END PRIVATE KEY-----\n"},
				map[string]any{"certificate": password, "key": password, "private_key": secret(password)},
				password, secret(password),
			},
			"clientCertificates": map[string]any{"caCertificate": "-----BEGIN PRIVATE KEY-----\n" + encoded + "\n-----END PRIVATE KEY-----\n"},
		}}},
		"connections": {"ModelDeployment", map[string]any{
			"model": "hf://org/model", "clusters": []any{}, "connections": map[string]any{
				"east": secret(map[string]any{"url": "https://user:" + password + "@east.example", "apiKey": "one\n" + password}),
				"west": map[string]any{"url": "https://user:" + password + "@west.example", "kubeconfig": secret(password), "api_key": password, "caCertificate": password},
			},
		}},
		"a url's userinfo": {"ModelEndpoint", map[string]any{"url": "https://user:" + password + "@api.example.com"}},
		"a url's query":    {"ModelEndpoint", map[string]any{"url": "https://api.example.com/v1?key=" + password}},
		"userinfo, query and fragment in a list": {"ModelEndpoint", map[string]any{"urls": []any{
			"https://user:" + password + "@api.example.com", "https://api.example.com?key=" + password, "https://api.example.com#" + password,
			"user:" + password + "@api.example.com", "https://user:a/" + password + "@api.example.com", "https://:" + password,
		}}},
		"urls beside url": {"ModelEndpoint", map[string]any{
			"url": "https://api.example.com", "urls": []any{"https://user:" + password + "@api.example.com"},
		}},
		"urls that are not a list": {"ModelEndpoint", map[string]any{"urls": "https://user:" + password + "@api.example.com"}},
		"URLs where a host and a path belong": {"ModelEndpoint", map[string]any{
			"url": "http://10.0.0.7", "hostHeader": "https://user:" + password + "@api.example.com", "rewritePath": "/v1?key=" + password,
		}},
		"a private key": {"ModelEndpoint", map[string]any{
			"url": "https://api.example.com",
			"tls": map[string]any{"caCertificate": "-----BEGIN PRIVATE KEY-----\n" + encoded + "\n-----END PRIVATE KEY-----\n"},
		}},
		"a gateway's userinfo": {"ModelService", service(map[string]any{
			"gateway": map[string]any{"name": "gw", "namespace": "gateways", "url": "http://user:" + password + "@203.0.113.7"},
			"path":    "/v1?key=" + password,
		})},
		"secrets in entries of a list": {"ModelService", service(map[string]any{
			"hostnames": []any{secret(password)},
			"backends":  []any{map[string]any{"endpoint": secret(backend(password)), "weight": secret(0.5)}},
		})},
		"values of a chart": {"ModelGateway", map[string]any{"chart": map[string]any{
			"name": "oci://registry.example.com/traefik", "repository": "https://user:" + password + "@charts.example.com",
			"values": map[string]any{
				"hub": map[string]any{"token": password}, "additionalArguments": []any{secret(password), []any{password}, "--configfile=" + password},
			},
		}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, opts := range [][]optpreview.Option{nil, {optpreview.Diff()}} {
				result := previewOf(t, only(c.kind, "it", c.inputs), opts...)
				assert.Error(t, result.Err, "nothing was refused")
				require.Len(t, result.Errors, 1)
				assert.Contains(t, result.Errors[0], "has a problem", "it failed before the component saw it")
				assertHidden(t, result, password)
				assertHidden(t, result, encoded)
			}
		})
	}
}

// assertHidden shows where a text that must not show does.
func assertHidden(t *testing.T, result preview, text string) {
	t.Helper()
	if at := strings.Index(result.Output, text); at >= 0 {
		t.Errorf("%q shows: …%s…", text, result.Output[max(0, at-300):min(len(result.Output), at+100)])
	}
}
