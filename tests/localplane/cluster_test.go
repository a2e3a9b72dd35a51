package localplane_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

const patience = 30 * time.Second

// It would catch a plane without a controller manager that works: there a
// Namespace, or what waits for the garbage collector, is never gone.
func TestNamespaceIsFullyDeleted(t *testing.T) {
	insidePlane(t, func(t *testing.T, _ localplane.Plane, client kubernetes.Interface) {
		namespaces := client.CoreV1().Namespaces()
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "short-lived-"}}
		namespace, err := namespaces.Create(t.Context(), namespace, metav1.CreateOptions{})
		require.NoError(t, err)
		content := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "content"}}
		_, err = client.CoreV1().ConfigMaps(namespace.Name).Create(t.Context(), content, metav1.CreateOptions{})
		require.NoError(t, err)

		foreground := metav1.DeleteOptions{PropagationPolicy: ptr.To(metav1.DeletePropagationForeground)}
		require.NoError(t, namespaces.Delete(t.Context(), namespace.Name, foreground))
		require.Eventually(t, func() bool {
			_, err := namespaces.Get(t.Context(), namespace.Name, metav1.GetOptions{})
			return apierrors.IsNotFound(err)
		}, patience, 100*time.Millisecond)
	})
}

// It would catch a plane in which a chart works although it forgets its RBAC.
func TestPodsHaveTheirServiceAccountsTokenAndItsRights(t *testing.T) {
	insidePlane(t, func(t *testing.T, plane localplane.Plane, client kubernetes.Interface) {
		pod, err := client.CoreV1().Pods("default").Create(t.Context(), &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "stranger-"},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "image-that-no-node-has"}}},
		}, metav1.CreateOptions{})
		require.NoError(t, err)
		require.Equal(t, "default", pod.Spec.ServiceAccountName)
		require.Len(t, pod.Spec.Containers[0].VolumeMounts, 1, "the token's volume")

		token, err := client.CoreV1().ServiceAccounts("default").
			CreateToken(t.Context(), "default", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
		require.NoError(t, err)
		config, err := clientcmd.BuildConfigFromFlags("", plane.Kubeconfig())
		require.NoError(t, err)
		config = rest.AnonymousClientConfig(config)
		config.BearerToken = token.Status.Token
		stranger, err := kubernetes.NewForConfig(config)
		require.NoError(t, err)
		_, err = stranger.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{})
		require.True(t, apierrors.IsForbidden(err), "got: %v", err)
	})
}

// It would catch a load balancer that is not part of the plane, or serves what
// it is to leave alone.
func TestLoadBalancersLeadToReadyEndpoints(t *testing.T) {
	insidePlane(t, func(t *testing.T, plane localplane.Plane, client kubernetes.Interface) {
		server := greet(t, plane, "10.98.0.1", "hello")
		waiting := exposed(t, client, "waiting", ptr.To("example.com/never"), server)
		served := exposed(t, client, "served", nil, server)
		var address netip.Addr
		require.Eventually(t, func() bool {
			service, err := client.CoreV1().Services("default").Get(t.Context(), served.Name, metav1.GetOptions{})
			require.NoError(t, err)
			for _, ingress := range service.Status.LoadBalancer.Ingress {
				address = netip.MustParseAddr(ingress.IP)
			}
			return address.IsValid()
		}, patience, 20*time.Millisecond)
		require.True(t, plane.First().LoadBalancers.Contains(address))
		for _, address := range []string{address.String(), served.Spec.ClusterIP, waiting.Spec.ClusterIP} {
			require.Eventually(t, func() bool { return said(net.JoinHostPort(address, "80")) == "hello" }, patience, 20*time.Millisecond)
		}
		waiting, err := client.CoreV1().Services("default").Get(t.Context(), waiting.Name, metav1.GetOptions{})
		require.NoError(t, err)
		require.Empty(t, waiting.Status.LoadBalancer.Ingress)
	})
}

// It would catch names and addresses that a test's programs cannot use, and a
// plane from which something gets out.
func TestPlaneHasItsOwnNamesAndAddressesAndNoOthers(t *testing.T) {
	insidePlane(t, func(t *testing.T, plane localplane.Plane, _ kubernetes.Interface) {
		for name, address := range map[string]string{"four.models.test": "10.98.0.4", "six.models.test": "fd00:98::6"} {
			server := greet(t, plane, address, name)
			require.NoError(t, plane.AddHost(name, server.Addr()))
		}
		// Go's resolver, once it has been asked, reads a changed file 5 s later.
		for _, name := range []string{"four.models.test", "six.models.test"} {
			at := net.JoinHostPort(name, "8000")
			require.Eventually(t, func() bool { return said(at) == name }, patience, 100*time.Millisecond)
		}
		_, err := net.LookupHost("example.com")
		require.Error(t, err)
		interfaces, err := net.Interfaces()
		require.NoError(t, err)
		for _, device := range interfaces {
			own := device.Name == "lo" || strings.HasPrefix(device.Name, "pod")
			require.True(t, own, "the plane has the interface %s", device.Name)
		}
	})
}

// greet starts a server on port 8000 of address that says what.
func greet(t *testing.T, plane localplane.Plane, address, what string) netip.AddrPort {
	at := netip.AddrPortFrom(netip.MustParseAddr(address), 8000)
	require.NoError(t, plane.AddAddress(at.Addr()))
	listener, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
	require.NoError(t, err)
	t.Cleanup(func() {
		listener.Close()
		_ = plane.RemoveAddress(at.Addr())
	})
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = connection.Write([]byte(what))
			connection.Close()
		}
	}()
	return at
}

// said is what the server at address says to a new connection.
func said(address string) string {
	connection, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return ""
	}
	defer connection.Close()
	said := make([]byte, 64)
	n, _ := connection.Read(said)
	return string(said[:n])
}

// exposed makes a Service of type LoadBalancer with server as its endpoint.
func exposed(t *testing.T, client kubernetes.Interface, name string, class *string, server netip.AddrPort) *corev1.Service {
	service, err := client.CoreV1().Services("default").Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.ServiceSpec{
			Type:              corev1.ServiceTypeLoadBalancer,
			LoadBalancerClass: class,
			Ports:             []corev1.ServicePort{{Port: 80}},
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = client.CoreV1().Services("default").Delete(context.Background(), name, metav1.DeleteOptions{})
	})
	_, err = client.DiscoveryV1().EndpointSlices("default").Create(t.Context(), &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{GenerateName: name + "-", Labels: map[string]string{discoveryv1.LabelServiceName: name}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: ptr.To(""), Port: ptr.To(int32(server.Port()))}},
		Endpoints: []discoveryv1.Endpoint{{
			Addresses:  []string{server.Addr().String()},
			Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(true)},
		}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	return service
}
