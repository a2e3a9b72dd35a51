package refusals

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Catches a component that asks the cluster in preview, or whose children depend on what only an update knows; and a key
// that shows in what preview prints.
func TestAWholeProgramPreviewsWithoutACluster(t *testing.T) {
	dead := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(dead, []byte(deadCluster), 0o600))
	for name, kubeconfig := range map[string]string{"no kubeconfig": dead + "-missing", "a dead cluster": dead} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stack := newStack(t)
			stack.Workspace().SetEnvVar("KUBECONFIG", kubeconfig)
			result := previewIn(stack, wholeProgram(t), optpreview.Diff())
			require.NoError(t, result.Err, result.Output)
			assert.Equal(t, map[string]int{
				"modelplane:index:ModelGateway":                                    1,
				"kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinitionPatch": carriedCRDs(t),
				"kubernetes:core/v1:Namespace":                                     1,
				"kubernetes:helm.sh/v3:Release":                                    1,
				"kubernetes:apps/v1:DeploymentPatch":                               1,
				"kubernetes:core/v1:ServicePatch":                                  1,
				"kubernetes:gateway.networking.k8s.io/v1:GatewayClass":             1,
				"kubernetes:gateway.networking.k8s.io/v1:Gateway":                  2, // the inner one, too
				"modelplane:index:ModelEndpoint":                                   len(wholeEndpoints(t)),
				"kubernetes:core/v1:Service":                                       len(wholeEndpoints(t)),
				"kubernetes:discovery.k8s.io/v1:EndpointSlice":                     len(wholeEndpoints(t)),
				"kubernetes:core/v1:Secret":                                        2, // an endpoint's key, and the callers'
				// Two at the entry points, one of the callers, five of a service.
				"kubernetes:traefik.io/v1alpha1:Middleware":                len(wholeEndpoints(t)) + 8,
				"kubernetes:gateway.networking.k8s.io/v1:BackendTLSPolicy": 2,
				"kubernetes:core/v1:ConfigMap":                             3, // the gateway's anchor, the certificates of an endpoint, a service's paths
				"modelplane:index:ModelCallers":                            1,
				"modelplane:index:ModelService":                            2,
				"kubernetes:gateway.networking.k8s.io/v1:HTTPRoute":        2,
			}, count(result.Resources))
			assertHidden(t, result, password)
			assertHidden(t, result, base64.StdEncoding.EncodeToString([]byte(password)))
		})
	}
}

// wholeProgram is a gateway, endpoints of every kind, and a service over all of them, each with the same options.
func wholeProgram(t *testing.T, opts ...pulumi.ResourceOption) pulumi.RunFunc {
	endpoints := wholeEndpoints(t)
	chart, err := filepath.Abs(filepath.Join("..", "charts", "traefik"))
	require.NoError(t, err)
	return func(ctx *pulumi.Context) error {
		gateway, err := register(ctx, "ModelGateway", "edge", map[string]any{"chart": map[string]any{
			"name": chart, "values": map[string]any{"env": []any{map[string]any{"name": "LEGO_KEY", "value": secret(password)}}},
		}}, opts...)
		if err != nil {
			return err
		}
		var backends []any
		for name, inputs := range endpoints {
			endpoint, err := register(ctx, "ModelEndpoint", name, inputs, opts...)
			if err != nil {
				return err
			}
			backends = append(backends, map[string]any{"endpoint": endpoint.Backend})
		}
		if _, err := register(ctx, "ModelService", "chat", map[string]any{"gateway": gateway.Gateway, "backends": backends}, opts...); err != nil {
			return err
		}
		callers := map[string]any{"keys": []any{map[string]any{"name": "alice", "key": secret("sk-0123456789-" + password)}}}
		if _, err := register(ctx, "ModelCallers", "teams", callers, opts...); err != nil {
			return err
		}
		_, err = register(ctx, "ModelService", "fronted", map[string]any{
			"gateway": gateway.Gateway, "backends": backends, "failover": map[string]any{}, "auth": map[string]any{"basic": map[string]any{"secretName": "users"}},
			"cors": map[string]any{"allowOrigins": []any{"*"}}, "allowFrom": []any{"10.0.0.0/8"}, "limits": map[string]any{"maxBodyBytes": 1000},
		}, opts...)
		return err
	}
}

func wholeEndpoints(t *testing.T) map[string]map[string]any {
	return map[string]map[string]any{
		"plain":     {"url": "http://10.0.0.7:8000/v1"},
		"several":   {"urls": addresses(1000)},
		"elsewhere": {"url": "https://api.example.com/openai/v1", "namespace": "team-a"},
		"keyed":     {"url": "https://api.example.com/openai/v1", "apiKey": secret(password)},
		"borrowed":  {"url": "https://api.example.com", "apiKeySecretRef": map[string]any{"name": "keys", "key": "api"}},
		"named":     {"url": "https://10.0.0.7", "tls": map[string]any{"serverName": "api.example.com"}},
		"private":   {"url": "https://api.example.com", "tls": map[string]any{"caCertificate": certificate(t)}},
	}
}

// certificate is the one of the examples.
func certificate(t *testing.T) string {
	t.Helper()
	for _, example := range examples(t)["ModelEndpoint"] {
		if tls, is := example["tls"].(map[string]any); is && tls["caCertificate"] != nil {
			return tls["caCertificate"].(string)
		}
	}
	t.Fatal("no example has a certificate")
	return ""
}

// carriedCRDs is how many CRDs the package carries.
func carriedCRDs(t *testing.T) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "provider", "internal", "crds", "manifests", "*.yaml"))
	require.NoError(t, err)
	files = slices.DeleteFunc(files, func(file string) bool {
		return strings.Contains(file, "listenersets.") || strings.Contains(file, "envoyproxy.io") // those of Envoy Gateway alone
	})
	require.NotEmpty(t, files)
	return len(files)
}

func count(types []string) map[string]int {
	counts := map[string]int{}
	for _, t := range types {
		counts[t]++
	}
	return counts
}

// deadCluster points to an address at which nobody listens. Without a token, the client would ask for a password.
const deadCluster = `
apiVersion: v1
kind: Config
clusters: [{name: dead, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: nobody, user: {token: none}}]
contexts: [{name: dead, context: {cluster: dead, user: nobody}}]
current-context: dead
`
