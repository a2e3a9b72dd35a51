package clusters

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

// administrator may do everything.
var administrator = rbacv1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}

// user is a ServiceAccount of a cluster, and its token.
type user struct {
	cluster localplane.Cluster
	name    string
	token   string
}

// newUser makes a user who may do what rules say, until the test ends.
func newUser(t testing.TB, cluster localplane.Cluster, name string, rules ...rbacv1.PolicyRule) user {
	t.Helper()
	client, err := cluster.Client()
	require.NoError(t, err)
	_, err = client.CoreV1().ServiceAccounts("kube-system").Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = client.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "kube-system", Name: name}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, now := context.Background(), metav1.DeleteOptions{}
		assert.NoError(t, client.CoreV1().ServiceAccounts("kube-system").Delete(ctx, name, now))
		assert.NoError(t, client.RbacV1().ClusterRoleBindings().Delete(ctx, name, now))
		assert.NoError(t, client.RbacV1().ClusterRoles().Delete(ctx, name, now))
	})
	u := user{cluster: cluster, name: name}
	u.may(t, rules...)
	token, err := client.CoreV1().ServiceAccounts("kube-system").CreateToken(t.Context(), name,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: ptr.To(int64(24 * 3600))}}, metav1.CreateOptions{})
	require.NoError(t, err)
	u.token = token.Status.Token
	return u
}

// may replaces what the user may do.
func (u user) may(t testing.TB, rules ...rbacv1.PolicyRule) {
	t.Helper()
	client, err := u.cluster.Client()
	require.NoError(t, err)
	roles, role := client.RbacV1().ClusterRoles(), &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: u.name}, Rules: rules}
	if _, err = roles.Update(t.Context(), role, metav1.UpdateOptions{}); err != nil {
		_, err = roles.Create(t.Context(), role, metav1.CreateOptions{})
	}
	require.NoError(t, err)
}

// kubeconfig is the user's. Change, if there is one, changes how the API server is reached.
func (u user) kubeconfig(t testing.TB, change func(*clientcmdapi.Cluster)) string {
	t.Helper()
	config, err := clientcmd.LoadFromFile(u.cluster.Kubeconfig())
	require.NoError(t, err)
	for name := range config.AuthInfos {
		config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: u.token}
	}
	for _, cluster := range config.Clusters {
		if change != nil {
			change(cluster)
		}
	}
	text, err := clientcmd.Write(*config)
	require.NoError(t, err)
	return string(text)
}

// elsewhere has a cluster's API server reached by another address, too.
func elsewhere(t testing.TB, cluster localplane.Cluster) func(*clientcmdapi.Cluster) {
	t.Helper()
	address := netip.AddrPortFrom(harness.FreeAddress(t, localplane.Free4), cluster.APIServer.Port())
	listener, err := net.Listen("tcp", address.String())
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go relay(client, cluster.APIServer.String())
		}
	}()
	return func(c *clientcmdapi.Cluster) {
		c.Server, c.TLSServerName = fmt.Sprintf("https://%s", address), cluster.APIServer.Addr().String()
	}
}

func relay(client net.Conn, to string) {
	defer client.Close()
	server, err := net.DialTimeout("tcp", to, time.Second)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client)
		server.Close()
	}()
	_, _ = io.Copy(client, server)
}
