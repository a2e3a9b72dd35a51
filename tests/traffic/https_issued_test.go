package traffic

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/modelplane/pulumi-modelplane/tests/apitest"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/load"
	"github.com/modelplane/pulumi-modelplane/tests/localplane"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// TestCertManagerIssuesTheCertificate would catch a Certificate that cert-manager does not take, a proof by HTTP that the redirect swallows, an up
// that ends before the certificate is in use or that waits without a word, and a certificate that is gone while another one is issued.
func TestCertManagerIssuesTheCertificate(t *testing.T) {
	s := newSecure(t)
	issued := func(more string, names ...string) string {
		return fmt.Sprintf("certManager: {issuerName: test}, hostnames: [%s]%s", strings.Join(names, ", "), more)
	}
	s.stack.Write(t, s.program(issued("", secureName)))
	result := s.stack.Up()
	require.Error(t, result.Err)
	assert.Contains(t, result.Output, "The cluster does not have cert-manager's CRDs (cert-manager.io/v1)")

	apply(t, harness.NewCluster(t), "apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "certificates.cert-manager.io",
		map[string]any{"spec": apitest.CertificateCRD(t)["spec"]})
	issuer := playIssuer(t, s.authority)
	outputs := s.up(issued("", secureName))
	leaf, err := s.handshake(secureName, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{secureName}, leaf.DNSNames)
	url := outputs["url"].(string)
	requireServed(t, load.Config{URL: url, Transport: s.transport(nil)})
	assert.Positive(t, issuer.proofs.Load(), "no name was proved by HTTP")

	// Another name needs another certificate. The one before is in use until it is there.
	run := s.load(url, nil)
	require.NoError(t, run.WaitFor(t.Context(), 50))
	s.up(issued("", secureName, secureOther))
	for range 10 {
		leaf, err := s.handshake(secureOther, nil)
		require.NoError(t, err)
		assert.ElementsMatch(t, []string{secureName, secureOther}, leaf.DNSNames)
	}
	require.NoError(t, run.WaitFor(t.Context(), 50))
	require.NoError(t, run.Stop().Err())

	// An issuer that does nothing, and a Secret that does not exist, are told of.
	issuer.stop()
	s.options = "customTimeouts: {create: 10s, update: 10s}"
	s.stack.Write(t, s.program(issued("", secureName, secureOther, "third.secure.test")))
	result = s.stack.Up()
	require.Error(t, result.Err)
	assert.Contains(t, result.Output, "cert-manager has not issued the certificate")
	_, err = s.handshake(secureName, nil)
	assert.NoError(t, err, "the certificate before is gone")
	s.stack.Write(t, s.program(fmt.Sprintf("certificates: [{secretRef: {name: absent}}], hostnames: [%s]", secureName)))
	result = s.stack.Up()
	require.Error(t, result.Err)
	assert.Contains(t, result.Output, "Traefik does not serve the listener https. These Secrets must exist")
	assert.Contains(t, result.Output, "modelplane-secure/absent")
	s.options = ""
}

// issuer plays cert-manager with an issuer that asks for a proof by HTTP.
type issuer struct {
	testing.TB
	cluster   harness.Cluster
	authority *modelserver.CA
	proofs    atomic.Int64
	stop      context.CancelFunc
}

// playIssuer issues what Certificates ask for until it is stopped.
func playIssuer(t testing.TB, authority *modelserver.CA) *issuer {
	ctx, cancel := context.WithCancel(t.Context())
	i := &issuer{TB: t, cluster: harness.NewCluster(t), authority: authority, stop: cancel}
	t.Cleanup(cancel)
	solver := harness.FreeAddress(t, localplane.Free4).String()
	server := &http.Server{Addr: solver + ":8089", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { //nolint:gosec // it serves one test
		_, _ = io.WriteString(w, "proof of "+r.Host)
	})}
	go server.ListenAndServe() //nolint:errcheck // returns when the test ends
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		for ; ctx.Err() == nil; time.Sleep(200 * time.Millisecond) {
			list, err := i.cluster.Resource(certmanagerv1.SchemeGroupVersion.WithResource("certificates")).List(ctx, metav1.ListOptions{})
			if err != nil {
				continue
			}
			for _, object := range list.Items {
				i.issue(ctx, solver, object)
			}
		}
	}()
	return i
}

func (i *issuer) issue(ctx context.Context, solver string, object unstructured.Unstructured) {
	var certificate certmanagerv1.Certificate
	if !assert.NoError(i, runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, &certificate, true)) {
		return
	}
	conditions := certificate.Status.Conditions
	if len(conditions) > 0 && conditions[0].ObservedGeneration == certificate.Generation {
		return
	}
	assert.Equal(i, "test", certificate.Spec.IssuerRef.Name)
	assert.Equal(i, "ClusterIssuer", certificate.Spec.IssuerRef.Kind)
	assert.Equal(i, "cert-manager.io", certificate.Spec.IssuerRef.Group)
	for _, name := range certificate.Spec.DNSNames {
		if !i.prove(ctx, solver, certificate.Namespace, name) {
			return
		}
	}
	made, err := i.authority.Issue(certificate.Spec.DNSNames, nil)
	require.NoError(i, err)
	text, key, err := modelserver.PEM(made)
	require.NoError(i, err)
	apply(i, i.cluster, "v1", "Secret", certificate.Namespace, certificate.Spec.SecretName, map[string]any{
		"type": "kubernetes.io/tls", "stringData": map[string]any{"tls.crt": text, "tls.key": key},
	})
	object.Object["status"] = map[string]any{"conditions": []any{map[string]any{
		"type": "Ready", "status": "True", "reason": "Ready", "observedGeneration": certificate.Generation,
	}}}
	_, err = i.cluster.Resource(certmanagerv1.SchemeGroupVersion.WithResource("certificates")).Namespace(certificate.Namespace).
		UpdateStatus(ctx, &object, metav1.UpdateOptions{})
	if ctx.Err() == nil {
		assert.NoError(i, err)
	}
}

// prove answers for a name at the path of a challenge as cert-manager's solver for the Gateway API does, and asks the gateway for it until the
// answer comes.
func (i *issuer) prove(ctx context.Context, solver, namespace, name string) bool {
	const path = "/.well-known/acme-challenge/token"
	ports := []any{map[string]any{"name": "http", "port": 8089}}
	apply(i, i.cluster, "v1", "Service", namespace, "solver", map[string]any{"spec": map[string]any{"clusterIP": "None", "ports": ports}})
	object := map[string]any{
		"addressType": "IPv4", "ports": ports,
		"endpoints": []any{map[string]any{"addresses": []any{solver}, "conditions": map[string]any{"ready": true}}},
	}
	applyLabelled(i, i.cluster, "discovery.k8s.io/v1", "EndpointSlice", namespace, "solver", map[string]any{"kubernetes.io/service-name": "solver"}, object)
	apply(i, i.cluster, "gateway.networking.k8s.io/v1", "HTTPRoute", namespace, "solver", map[string]any{"spec": map[string]any{
		"parentRefs": []any{map[string]any{"name": "secure", "namespace": namespace, "sectionName": "http"}},
		"hostnames":  []any{name},
		"rules": []any{map[string]any{
			"matches":     []any{map[string]any{"path": map[string]any{"type": "Exact", "value": path}}},
			"backendRefs": []any{map[string]any{"name": "solver", "port": 8089}},
		}},
	}})
	gateway, err := i.cluster.Resource(gateways).Namespace(namespace).Get(ctx, "secure", metav1.GetOptions{})
	if err != nil {
		return false // it comes later
	}
	address, _, _ := unstructured.NestedSlice(gateway.Object, "status", "addresses")
	if len(address) == 0 {
		return false
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s:%d%s", address[0].(map[string]any)["value"], plainPort, path), nil)
	require.NoError(i, err)
	request.Host = name
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || string(body) != "proof of "+name {
		return false
	}
	i.proofs.Add(1)
	return true
}
