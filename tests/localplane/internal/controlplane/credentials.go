package controlplane

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

// credentials are the files by which the components of a cluster know one
// another. Users are told apart by bearer tokens, so only servers need a
// certificate: one, for every address that a server of the cluster has.
type credentials struct {
	cluster localplane.Cluster
	dir     string
	// authority is the PEM bundle that servers' certificates verify against.
	authority []byte
}

// The users of the API server. The administrator and the controller manager
// may do everything; the scheduler what its own ClusterRole allows.
var users = []struct{ name, groups string }{
	{administrator, "system:masters"},
	{controllerManager, "system:masters"},
	{scheduler, ""},
}

const (
	administrator     = "administrator"
	controllerManager = "system:kube-controller-manager"
	scheduler         = "system:kube-scheduler"
)

func makeCredentials(cluster localplane.Cluster) (credentials, error) {
	c := credentials{cluster: cluster, dir: filepath.Join(cluster.Dir, "credentials")}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return c, err
	}
	var key []byte
	var err error
	// The API server is at 127.0.0.1 for programs outside of the plane.
	c.authority, key, err = cert.GenerateSelfSignedCertKey("kubernetes.default.svc",
		[]net.IP{net.IPv4(127, 0, 0, 1), cluster.Loopback.AsSlice(), cluster.APIServer.Addr().AsSlice(), cluster.Services.Addr().Next().AsSlice()},
		[]string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc.cluster.local"})
	if err != nil {
		return c, err
	}
	serviceAccountKey, err := keyutil.MakeEllipticPrivateKeyPEM()
	if err != nil {
		return c, err
	}
	var tokens strings.Builder
	for _, user := range users {
		token := rand.Text()
		fmt.Fprintf(&tokens, "%s,%s,%s,%q\n", token, user.name, user.name, user.groups)
		kubeconfig := c.kubeconfig(user.name)
		if user.name == administrator {
			kubeconfig = cluster.Kubeconfig()
		}
		if err := c.writeKubeconfig(kubeconfig, token); err != nil {
			return c, err
		}
	}
	for path, content := range map[string][]byte{
		c.certificate():       c.authority,
		c.key():               key,
		c.serviceAccountKey(): serviceAccountKey,
		c.tokens():            []byte(tokens.String()),
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return c, err
		}
	}
	return c, nil
}

// writeKubeconfig gives context, cluster and user the cluster's name, so that
// kubeconfigs of several clusters can be one.
func (c credentials) writeKubeconfig(path, token string) error {
	name := c.cluster.Name
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{
		Server:                   "https://" + c.cluster.APIServer.String(),
		CertificateAuthorityData: c.authority,
	}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	return clientcmd.WriteToFile(*config, path)
}

// client asks components whether they are ready. No user is needed for that.
func (c credentials) client() *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(c.authority)
	return &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
}

func (c credentials) certificate() string       { return filepath.Join(c.dir, "server.crt") }
func (c credentials) key() string               { return filepath.Join(c.dir, "server.key") }
func (c credentials) serviceAccountKey() string { return filepath.Join(c.dir, "service-accounts.key") }
func (c credentials) tokens() string            { return filepath.Join(c.dir, "tokens.csv") }

func (c credentials) kubeconfig(user string) string {
	return filepath.Join(c.dir, strings.TrimPrefix(user, "system:")+".kubeconfig")
}
