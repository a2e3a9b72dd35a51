package traffic

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/load"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// The names that clients of the gateway use, and its ports.
const (
	secureName, secureOther = "models.secure.test", "api.secure.test"
	securePort, plainPort   = 8443, 8088
)

// secure is a gateway with HTTPS, an endpoint and a service, and what its clients know.
type secure struct {
	testing.TB
	stack *stack.Stack
	// authority issues the gateway's certificates, and clients trust it.
	authority *modelserver.CA
	// certificate is that of the program, whose key is the stack's secret key.
	certificate string
	// serial is its number, and keys are those of all certificates so far.
	serial string
	keys   []string
	// clientCertificates are shown where a handshake asks for them.
	clientCertificates []tls.Certificate
	server             *modelserver.Server
	// options are those of the gateway, and address is its own.
	options, address string
}

// issue makes a new certificate for secureName, for the next up.
func (s *secure) issue() {
	s.Helper()
	issued, err := s.authority.Issue([]string{secureName}, nil)
	require.NoError(s, err)
	certificate, key, err := modelserver.PEM(issued)
	require.NoError(s, err)
	s.certificate, s.serial, s.keys = certificate, issued.Leaf.SerialNumber.String(), append(s.keys, key)
	s.stack.SetSecret(s, "key", key)
}

// up brings the gateway up with these properties of https; none for a gateway without.
func (s *secure) up(https string) map[string]any {
	s.Helper()
	outputs := s.stack.MustUp(s, s.program(https))
	s.address = outputs["address"].(string)
	for _, name := range []string{secureName, secureOther} {
		require.NoError(s, harness.Plane.AddHost(name, netip.MustParseAddr(s.address)))
	}
	return outputs
}

func (s *secure) program(https string) string {
	properties := fmt.Sprintf("port: %d, %s", plainPort, harness.Chart(quick))
	if https != "" {
		properties += fmt.Sprintf(", https: {port: %d, %s}", securePort, https)
	}
	return harness.Program("secure", []string{
		harness.Resource("modelplane:ModelGateway", "secure", properties, s.options),
		harness.ModelEndpoint("alpha", fmt.Sprintf("url: 'http://%s/v1'", s.server.Address())),
		harness.ModelService("chat", "'${secure.gateway}'", "", "alpha"),
		harness.ModelEndpoint("told", fmt.Sprintf("url: 'http://%s/v1', forwardCaller: true", s.server.Address())),
		harness.ModelService("kept", "'${secure.gateway}'", "failover: {}", "told"),
	}, "address: ${secure.address}", "url: ${chat.url}", "gateway: ${secure.url}", "clusterUrl: ${secure.clusterUrl}")
}

// own is the certificate of the program as an entry of certificates.
func (s *secure) own() string {
	return fmt.Sprintf("{certificate: %q, privateKey: '${key}'}", s.certificate)
}

// both are the certificate of the program, and that of another tool.
func (s *secure) both() string {
	return fmt.Sprintf("certificates: [%s, {secretRef: {name: other, namespace: certificates}}], hostnames: [%s, %s]", s.own(), secureName, secureOther)
}

// quick has the plane notice sooner that a Pod is ready.
const quick = "readinessProbe: {periodSeconds: 3}, resources: {requests: {cpu: 10m}}"

// client trusts the authority alone. Each of its requests is made on a connection of its own.
func (s *secure) client(change func(*tls.Config)) *http.Client {
	config := &tls.Config{RootCAs: s.authority.Pool()}
	if change != nil {
		change(config)
	}
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: config, DisableKeepAlives: true, ForceAttemptHTTP2: true},
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// get asks for a path, and gives the answer's status, its protocol and its body.
func (s *secure) get(client *http.Client, url string) (*http.Response, string) {
	s.Helper()
	response, err := client.Get(url)
	require.NoError(s, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(s, err)
	return response, string(body)
}

// handshake makes a connection for a name, or for none, and gives the server's certificate.
func (s *secure) handshake(name string, change func(*tls.Config)) (*x509.Certificate, error) {
	config := &tls.Config{ServerName: name, RootCAs: s.authority.Pool(), InsecureSkipVerify: name == ""} //nolint:gosec // a client without SNI
	if change != nil {
		change(config)
	}
	ctx, cancel := context.WithTimeout(s.Context(), 10*time.Second)
	defer cancel()
	connection, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", net.JoinHostPort(s.address, fmt.Sprint(securePort)))
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	// A server that speaks TLS 1.3 refuses a client's certificate after the handshake.
	if _, err := fmt.Fprintf(connection, "GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		return nil, err
	}
	if _, err := connection.Read(make([]byte, 1)); err != nil {
		return nil, err
	}
	return connection.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

// load asks by HTTPS, each time on a new connection, and notices each handshake that fails.
func (s *secure) load(url string, change func(*tls.Config)) *load.Run {
	config := &tls.Config{RootCAs: s.authority.Pool()}
	if change != nil {
		change(config)
	}
	return load.Start(s.Context(), load.Config{
		URL: url, RatePerSecond: 100, MaxRequests: 60_000, Workers: 8, Connections: load.Fresh, Transport: &http.Transport{TLSClientConfig: config},
	})
}

func newSecure(t testing.TB) *secure {
	authority, err := modelserver.NewCA()
	require.NoError(t, err)
	s := &secure{TB: t, authority: authority, stack: harness.NewStack(t, "secure")}
	s.server = harness.Serve(t, modelserver.Options{Name: "alpha", Address: ":8000", BasePath: "/v1", TokenDelay: 100 * time.Millisecond})
	return s
}

// TestAGatewayServesHTTPS is one gateway from plain HTTP to certificates of clients. It would catch what a client sees of HTTPS gone wrong: another
// certificate than that of the name, an old version of TLS, a request that is lost while anything is changed, plain HTTP that still serves, a guard
// that is missing, and a private key outside of its Secret.
func TestAGatewayServesHTTPS(t *testing.T) {
	s := newSecure(t)
	plain := s.up("")["url"].(string)
	requireServed(t, load.Config{URL: plain})

	// A gateway that is in use gets HTTPS beside HTTP, and loses nothing.
	s.issue()
	run := load.Start(t.Context(), load.Config{URL: plain, RatePerSecond: 100, MaxRequests: 60_000, Workers: 8})
	require.NoError(t, run.WaitFor(t.Context(), 100))
	outputs := s.up(fmt.Sprintf("certificates: [%s], http: Serve", s.own()))
	require.NoError(t, run.WaitFor(t.Context(), 100))
	require.NoError(t, run.Stop().Err())
	url := outputs["url"].(string)
	assert.Equal(t, fmt.Sprintf("https://%s:%d/default/chat/v1", secureName, securePort), url)
	assert.Equal(t, fmt.Sprintf("http://secure.modelplane-secure.svc:%d", plainPort), outputs["clusterUrl"])
	requireServed(t, load.Config{URL: url, Transport: s.transport(nil)})
	requireServed(t, load.Config{URL: plain})
	t.Run("without hostnames any name gets the first certificate", func(t *testing.T) {
		for _, name := range []string{"", "other.test"} {
			leaf, err := s.handshake(name, func(c *tls.Config) { c.InsecureSkipVerify = true })
			require.NoError(t, err, "%q", name)
			assert.Equal(t, []string{secureName}, leaf.DNSNames)
		}
	})

	// What another tool writes is in a namespace of its own.
	other := s.keepCertificate(secureOther)
	run = s.load(url, nil)
	require.NoError(t, run.WaitFor(t.Context(), 50))
	s.up(s.both())
	require.NoError(t, run.WaitFor(t.Context(), 50))
	require.NoError(t, run.Stop().Err())
	t.Run("each name has its certificate, and no other name any", func(t *testing.T) { s.names(t, other) })
	t.Run("plain HTTP leads to HTTPS", func(t *testing.T) { s.redirects(t, plain, url) })
	t.Run("old versions of TLS are refused", func(t *testing.T) { s.versions(t, tls.VersionTLS12) })
	t.Run("requests pass the guard and streams arrive token by token", func(t *testing.T) { s.guarded(t, url) })
	t.Run("a service behind the plugin is served by HTTP/2 as well", func(t *testing.T) { s.fronted(t, url) })
	t.Run("another namespace changes nothing", func(t *testing.T) { s.attacked(t, url) })
	t.Run("another gateway in the namespace is refused", s.crowded)
	t.Run("a new certificate in another tool's Secret is in use", func(t *testing.T) { s.renewed(t) })
	t.Run("a new certificate of the program costs no connection", func(t *testing.T) { s.rotated(t, url) })
	t.Run("clients show certificates", func(t *testing.T) { s.clients(t, url) })
	s.audit()
}

func requireServed(t testing.TB, config load.Config) {
	t.Helper()
	config.MaxRequests = 10
	require.NoError(t, load.Do(t.Context(), config).Err())
}

// transport trusts the authority alone.
func (s *secure) transport(change func(*tls.Config)) *http.Transport {
	config := &tls.Config{RootCAs: s.authority.Pool()}
	if change != nil {
		change(config)
	}
	return &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
}

// keepCertificate has the Secret certificates/other hold a new certificate for a name, and gives its serial number.
func (s *secure) keepCertificate(name string) string {
	s.Helper()
	issued, err := s.authority.Issue([]string{name}, nil)
	require.NoError(s, err)
	certificate, key, err := modelserver.PEM(issued)
	require.NoError(s, err)
	cluster := harness.NewCluster(s)
	apply(s, cluster, "v1", "Namespace", "", "certificates", nil)
	apply(s, cluster, "v1", "Secret", "certificates", "other", map[string]any{
		"type": "kubernetes.io/tls", "stringData": map[string]any{"tls.crt": certificate, "tls.key": key},
	})
	return issued.Leaf.SerialNumber.String()
}

// gateways are the Gateways of a cluster.
var gateways = schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "gateways"}

// apply makes an object, or writes it again.
func apply(t testing.TB, cluster harness.Cluster, apiVersion, kind, namespace, name string, fields map[string]any) {
	t.Helper()
	applyLabelled(t, cluster, apiVersion, kind, namespace, name, nil, fields)
}

func applyLabelled(
	t testing.TB, cluster harness.Cluster, apiVersion, kind, namespace, name string, labels map[string]any, fields map[string]any,
) {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"name": name}}}
	if labels != nil {
		object.Object["metadata"] = map[string]any{"name": name, "labels": labels}
	}
	for key, value := range fields {
		object.Object[key] = value
	}
	content, err := object.MarshalJSON()
	require.NoError(t, err)
	require.NoError(t, object.UnmarshalJSON(content))
	version, err := schema.ParseGroupVersion(apiVersion)
	require.NoError(t, err)
	resource := cluster.Resource(version.WithResource(strings.ToLower(kind) + "s"))
	if namespace == "" {
		_, err = resource.Apply(t.Context(), name, object, metav1.ApplyOptions{FieldManager: "test"})
	} else {
		_, err = resource.Namespace(namespace).Apply(t.Context(), name, object, metav1.ApplyOptions{FieldManager: "test", Force: true})
	}
	require.NoError(t, err, "%s %s", kind, name)
}
