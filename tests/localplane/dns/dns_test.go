package dns

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/utils/ptr"
)

// Catches a name that is taken for another, one that only some forms of it find, an unready Pod among the addresses, and a
// Pod of a StatefulSet that has no name of its own.
func TestNamesAreThoseThatKubernetesDefines(t *testing.T) {
	service := func(name string, ips ...string) *corev1.Service {
		return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "models", Name: name}, Spec: corev1.ServiceSpec{ClusterIP: ips[0], ClusterIPs: ips}}
	}
	endpoint := func(host string, ready bool, addresses ...string) discoveryv1.Endpoint {
		return discoveryv1.Endpoint{Hostname: ptr.To(host), Addresses: addresses, Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(ready)}}
	}
	resolver := serve(t, service("gateway", "10.96.0.5", "fd00:96::5"), service("group", corev1.ClusterIPNone),
		&discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{Namespace: "models", Name: "group-4", Labels: map[string]string{discoveryv1.LabelServiceName: "group"}},
			Endpoints:  []discoveryv1.Endpoint{endpoint("group-0", true, "10.244.0.3"), endpoint("group-1", true, "10.244.0.4"), endpoint("group-2", false, "10.244.0.5")},
		},
		&discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{Namespace: "models", Name: "gateway-4", Labels: map[string]string{discoveryv1.LabelServiceName: "gateway"}},
			Endpoints:  []discoveryv1.Endpoint{endpoint("gateway-0", true, "10.244.0.9")},
		})
	for name, want := range map[string][]string{
		"gateway.models.svc.cluster.local.":           {"10.96.0.5", "fd00:96::5"},
		"Gateway.Models.svc.cluster.local.":           {"10.96.0.5", "fd00:96::5"},
		"group.models.svc.cluster.local.":             {"10.244.0.3", "10.244.0.4"},
		"group-1.group.models.svc.cluster.local.":     {"10.244.0.4"},
		"group-2.group.models.svc.cluster.local.":     nil,
		"gateway-0.gateway.models.svc.cluster.local.": nil,
		"gateway.other.svc.cluster.local.":            nil,
		"gateway.models.":                             nil,
		"a.b.gateway.models.svc.cluster.local.":       nil,
		"svc.cluster.local.":                          nil,
		"example.com.":                                nil,
	} {
		found, err := resolver.LookupHost(t.Context(), name)
		slices.Sort(found)
		require.Equal(t, want, found, name)
		if want == nil {
			var missing *net.DNSError
			require.ErrorAs(t, err, &missing, name)
			require.True(t, missing.IsNotFound, "%s: %v", name, err)
		}
	}
}

// Catches a server that a stray datagram ends, and an answer from before a change.
func TestServerGoesOnAfterNonsenseAndSeesChanges(t *testing.T) {
	client := fake.NewClientset()
	resolver, address := start(t, client)
	connection, err := net.Dial("udp", address.String())
	require.NoError(t, err)
	defer connection.Close()
	for _, nonsense := range []string{"", "x", "not a question at all"} {
		_, err = connection.Write([]byte(nonsense))
		require.NoError(t, err)
	}
	_, err = resolver.LookupHost(t.Context(), "late.models.svc.cluster.local.")
	require.Error(t, err)
	_, err = client.CoreV1().Services("models").Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "late"}, Spec: corev1.ServiceSpec{ClusterIP: "10.96.0.6", ClusterIPs: []string{"10.96.0.6"}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		found, err := resolver.LookupHost(t.Context(), "late.models.svc.cluster.local.")
		return err == nil && slices.Equal(found, []string{"10.96.0.6"})
	}, 10*time.Second, 10*time.Millisecond)
}

func serve(t *testing.T, services ...any) *net.Resolver {
	client := fake.NewClientset()
	for _, object := range services {
		var err error
		switch object := object.(type) {
		case *corev1.Service:
			_, err = client.CoreV1().Services(object.Namespace).Create(t.Context(), object, metav1.CreateOptions{})
		case *discoveryv1.EndpointSlice:
			_, err = client.DiscoveryV1().EndpointSlices(object.Namespace).Create(t.Context(), object, metav1.CreateOptions{})
		}
		require.NoError(t, err)
	}
	resolver, _ := start(t, client)
	return resolver
}

// start runs a server on a free port, and returns once it answers.
func start(t *testing.T, client *fake.Clientset) (*net.Resolver, netip.AddrPort) {
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	address := netip.MustParseAddrPort(free.LocalAddr().String())
	require.NoError(t, free.Close())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, Config{Client: client, Address: address}) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", address.String())
	}}
	require.Eventually(t, func() bool {
		_, err := resolver.LookupHost(t.Context(), "nothing.svc.cluster.local.")
		var missing *net.DNSError
		return errors.As(err, &missing) && missing.IsNotFound
	}, 10*time.Second, 10*time.Millisecond)
	return resolver, address
}
