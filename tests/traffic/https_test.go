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
	server      *modelserver.Server
	address     string
}

// issue makes a new certificate for secureName, for the next up.
func (s *secure) issue() (serial string) {
	s.Helper()
	issued, err := s.authority.Issue([]string{secureName}, nil)
	require.NoError(s, err)
	certificate, key, err := modelserver.PEM(issued)
	require.NoError(s, err)
	s.certificate = certificate
	s.stack.SetSecret(s, "key", key)
	return issued.Leaf.SerialNumber.String()
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
		harness.ModelGateway("secure", properties),
		harness.ModelEndpoint("alpha", fmt.Sprintf("url: 'http://%s/v1'", s.server.Address())),
		harness.ModelService("chat", "'${secure.gateway}'", "", "alpha"),
	}, "address: ${secure.address}", "url: ${chat.url}", "gateway: ${secure.url}", "clusterUrl: ${secure.clusterUrl}")
}

// own is the certificate of the program as an entry of certificates.
func (s *secure) own() string {
	return fmt.Sprintf("{certificate: %q, privateKey: '${key}'}", s.certificate)
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

// TestAGatewayServesHTTPS is one gateway from plain HTTP to client certificates. It would catch what a client sees of HTTPS gone wrong: another
// certificate than that of the name, an old version of TLS, a request that is lost while anything is changed, plain HTTP that still serves, a guard
// that is missing, and a private key outside of its Secret.
func TestAGatewayServesHTTPS(t *testing.T) {
	s := newSecure(t)
	s.issue()
	outputs := s.up(fmt.Sprintf("certificates: [%s], hostnames: [%s]", s.own(), secureName))
	url := outputs["url"].(string)
	assert.Equal(t, fmt.Sprintf("https://%s:%d/default/chat/v1", secureName, securePort), url)
	response, body := s.get(s.client(nil), url+"/models")
	assert.Equal(t, http.StatusOK, response.StatusCode, body)
	assert.Equal(t, "HTTP/2.0", response.Proto)
	assert.Equal(t, "alpha", response.Header.Get("X-Modelserver-Name"))
}

var (
	_ = assert.Equal
	_ = strings.Contains
	_ = metav1.ObjectMeta{}
	_ = unstructured.Unstructured{}
	_ = schema.GroupVersionResource{}
)
