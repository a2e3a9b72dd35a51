package traffic

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// attacked has another namespace make what could take the gateway's names, versions or requests.
func (s *secure) attacked(t *testing.T, url string) {
	cluster := harness.NewCluster(t)
	thief := harness.Serve(t, modelserver.Options{Name: "thief", Address: ":8000", BasePath: "/v1"})
	apply(t, cluster, "v1", "Namespace", "", "thieves", nil)
	authority, err := modelserver.NewCA()
	require.NoError(t, err)
	stolen, err := authority.Issue([]string{secureName, "zz." + secureName}, nil)
	require.NoError(t, err)
	certificate, key, err := modelserver.PEM(stolen)
	require.NoError(t, err)
	apply(t, cluster, "v1", "Secret", "thieves", "stolen", map[string]any{
		"type": "kubernetes.io/tls", "stringData": map[string]any{"tls.crt": certificate, "tls.key": key},
	})
	harness.NewStack(t, "thieves").MustUp(t, harness.Program("thieves", []string{
		harness.ModelEndpoint("thief", fmt.Sprintf("url: 'http://%s/v1', namespace: thieves", thief.Address())),
	}))
	services, err := cluster.Resource(schema.GroupVersionResource{Version: "v1", Resource: "services"}).Namespace("thieves").
		List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.Len(t, services.Items, 1)
	backend := map[string]any{"name": services.Items[0].GetName(), "port": 8000}
	for _, name := range []string{"default", "mine"} {
		apply(t, cluster, "traefik.io/v1alpha1", "TLSOption", "thieves", name, map[string]any{"spec": map[string]any{"minVersion": "VersionTLS10"}})
		apply(t, cluster, "traefik.io/v1alpha1", "TLSStore", "thieves", name, map[string]any{"spec": map[string]any{
			"defaultCertificate": map[string]any{"secretName": "stolen"}, "certificates": []any{map[string]any{"secretName": "stolen"}},
		}})
	}
	gateway := map[string]any{"name": "secure", "namespace": "modelplane-secure"}
	const path = "/default/chat/v1"
	route := func(name string, parent map[string]any, path string) {
		apply(t, cluster, "gateway.networking.k8s.io/v1", "HTTPRoute", "thieves", name, map[string]any{"spec": map[string]any{
			"parentRefs": []any{parent},
			"rules": []any{map[string]any{
				"matches":     []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": path}}},
				"backendRefs": []any{backend},
			}},
		}})
	}
	plainListener := maps.Clone(gateway)
	plainListener["sectionName"] = "http"
	route("plain", plainListener, path)
	route("plain-challenge", plainListener, "/.well-known/acme-challenge/x")
	apply(t, cluster, "gateway.networking.k8s.io/v1", "TLSRoute", "thieves", "all", map[string]any{"spec": map[string]any{
		"parentRefs": []any{gateway}, "hostnames": []any{secureName}, "rules": []any{map[string]any{"backendRefs": []any{backend}}},
	}})
	for _, class := range []string{"", "traefik"} {
		spec := map[string]any{"entryPoints": []any{"websecure"}, "tls": map[string]any{"secretName": "stolen"}, "routes": []any{map[string]any{
			"kind": "Rule", "match": "Host(`" + secureName + "`)", "priority": 1000000, "services": []any{backend},
		}}}
		tcp := map[string]any{"entryPoints": []any{"websecure"}, "tls": map[string]any{"passthrough": true}, "routes": []any{map[string]any{
			"match": "HostSNI(`" + secureName + "`)", "services": []any{backend},
		}}}
		if class != "" {
			spec["ingressClassName"], tcp["ingressClassName"] = class, class
		}
		apply(t, cluster, "traefik.io/v1alpha1", "IngressRoute", "thieves", "ingress-"+class+"x", map[string]any{"spec": spec})
		apply(t, cluster, "traefik.io/v1alpha1", "IngressRouteTCP", "thieves", "tcp-"+class+"x", map[string]any{"spec": tcp})
	}
	// What is allowed is served: once it is, the rest has been seen, too.
	route("seen", gateway, "/thieves/seen")
	require.Eventually(t, func() bool {
		response, _ := s.get(s.client(nil), strings.Replace(url, path, "/thieves/seen", 1))
		return response.Header.Get("X-Modelserver-Name") == "thief"
	}, 20*time.Second, 200*time.Millisecond, "the thief's own route is not served")
	time.Sleep(2 * time.Second)

	s.versions(t, tls.VersionTLS12)
	leaf, err := s.handshake(secureName, nil)
	require.NoError(t, err)
	assert.Equal(t, s.serial, leaf.SerialNumber.String(), "another namespace's certificate is shown")
	_, err = s.handshake("zz."+secureName, func(c *tls.Config) { c.InsecureSkipVerify = true })
	assert.ErrorContains(t, err, "unrecognized name")
	for _, asked := range []string{path + "/models", "/.well-known/acme-challenge/x"} {
		response, body := s.get(s.client(nil), fmt.Sprintf("http://%s:%d%s", secureName, plainPort, asked))
		assert.Equal(t, http.StatusPermanentRedirect, response.StatusCode, "%s: %s", asked, body)
	}
	response, _ := s.get(s.client(nil), url+"/models")
	assert.Equal(t, "alpha", response.Header.Get("X-Modelserver-Name"))
}

// crowded has another stack make a gateway with HTTPS in the same namespace, where Traefik would take the options of either for both.
func (s *secure) crowded(t *testing.T) {
	stack := harness.NewStack(t, "crowded")
	stack.Write(t, harness.Program("crowded", []string{harness.ModelGateway("second", fmt.Sprintf(
		"namespace: modelplane-secure, installCrds: false, service: {type: ClusterIP}, %s, https: {certificates: [{secretRef: {name: any}}], "+
			"hostnames: [second.test], minVersion: TLS13}", harness.Chart(quick)))}))
	result := stack.Up()
	require.Error(t, result.Err)
	assert.Contains(t, result.Output, "The namespace modelplane-secure has a TLSOption or TLSStore default already")
	require.NoError(t, stack.Destroy().Err)
	s.versions(t, tls.VersionTLS12)
}

// audit looks for each private key that the program has given, everywhere but in its Secret.
func (s *secure) audit() {
	s.Helper()
	require.NotEmpty(s, s.keys)
	last := s.keys[len(s.keys)-1]
	secrets := 0
	for name, object := range harness.NewCluster(s).Objects(s) {
		content, err := json.Marshal(object.Object)
		require.NoError(s, err)
		if key := s.shown(string(content)); key != "" {
			assert.True(s, strings.HasPrefix(name, "secrets modelplane-secure/"), "a private key is in %s", name)
			assert.Equal(s, last, key, "%s holds an old key", name)
			secrets++
		}
	}
	assert.Equal(s, 1, secrets, "Secrets with a private key")
	preview := s.stack.Preview()
	require.NoError(s, preview.Err, preview.Output)
	require.NoError(s, s.stack.Refresh().Err)
	assert.Empty(s, s.shown(s.stack.State(s)), "the state")
	assert.Empty(s, s.shown(s.stack.Log.String()), "what the CLI printed")
	for _, folder := range []string{s.stack.Dir, s.stack.Home, harness.Plane.LogsDir(), harness.Plane.PodsDir()} {
		require.NoError(s, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			assert.Empty(s, s.shown(string(content)), path)
			return err
		}))
	}
}

// shown is the first private key that a text holds, in PEM or as an entry of a Secret; empty if there is none.
func (s *secure) shown(text string) string {
	for _, key := range s.keys {
		// Keys of one kind differ from the second line on, which begins at a whole group of base64.
		at := strings.Index(key, strings.Split(key, "\n")[2])
		if strings.Contains(text, key[at:at+28]) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(key[at:at+30]))) {
			return key
		}
	}
	return ""
}
