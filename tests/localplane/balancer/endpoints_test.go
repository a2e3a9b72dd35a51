package balancer

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/utils/ptr"
)

// It would catch a connection that goes to a Pod which cannot take it: one that
// is not ready yet, or that is about to end.
func TestOnlyEndpointsThatTakeConnectionsGetThem(t *testing.T) {
	yes, no := ptr.To(true), ptr.To(false)
	for name, c := range map[string]struct {
		conditions discoveryv1.EndpointConditions
		want       bool
	}{
		"ready":                {discoveryv1.EndpointConditions{Ready: yes, Serving: yes, Terminating: no}, true},
		"nothing stated":       {discoveryv1.EndpointConditions{}, true},
		"not ready":            {discoveryv1.EndpointConditions{Ready: no, Serving: no, Terminating: no}, false},
		"terminating, serving": {discoveryv1.EndpointConditions{Ready: no, Serving: yes, Terminating: yes}, false},
		"published not ready":  {discoveryv1.EndpointConditions{Ready: yes, Serving: no}, false},
		"published to the end": {discoveryv1.EndpointConditions{Ready: yes, Serving: yes, Terminating: yes}, false},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, takesConnections(c.conditions)) })
	}
}

// It would catch a port mapped to another port's target, an endpoint that gets
// two shares because two slices name it, and a slice of host names taken for addresses.
func TestPortsLeadToTheTargetsOfTheirName(t *testing.T) {
	service := &corev1.Service{Spec: corev1.ServiceSpec{
		ClusterIPs: []string{"10.96.0.9"},
		Ports: []corev1.ServicePort{
			{Name: "web", Port: 80, Protocol: corev1.ProtocolTCP},
			{Name: "websecure", Port: 443, Protocol: corev1.ProtocolTCP},
			{Name: "quic", Port: 443, Protocol: corev1.ProtocolUDP},
		},
	}}
	slice := func(portName string, port int32, addresses ...string) *discoveryv1.EndpointSlice {
		slice := &discoveryv1.EndpointSlice{Ports: []discoveryv1.EndpointPort{{Name: &portName, Port: &port}}}
		for _, address := range addresses {
			slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{Addresses: []string{address}})
		}
		return slice
	}
	got := frontendsOf(service, netip.MustParseAddr("10.97.0.1"), []*discoveryv1.EndpointSlice{
		slice("web", 8000, "10.244.0.2", "10.244.0.1"),
		slice("web", 8000, "10.244.0.2", "models.example.com"),
		slice("websecure", 8443, "fd00:244::2"),
	})
	web := []netip.AddrPort{netip.MustParseAddrPort("10.244.0.1:8000"), netip.MustParseAddrPort("10.244.0.2:8000")}
	websecure := []netip.AddrPort{netip.MustParseAddrPort("[fd00:244::2]:8443")}
	require.Equal(t, map[netip.AddrPort][]netip.AddrPort{
		netip.MustParseAddrPort("10.96.0.9:80"):  web,
		netip.MustParseAddrPort("10.97.0.1:80"):  web,
		netip.MustParseAddrPort("10.96.0.9:443"): websecure,
		netip.MustParseAddrPort("10.97.0.1:443"): websecure,
	}, got)
}

// It would catch an address given to a Service that a test wants to wait for one
// in vain, or taken from a Service that is to have one.
func TestOnlyServicesOfItsClassesGetAnAddress(t *testing.T) {
	for name, c := range map[string]struct {
		spec corev1.ServiceSpec
		want bool
	}{
		"no class":      {corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer}, true},
		"own class":     {corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, LoadBalancerClass: ptr.To("modelplane.test/any")}, true},
		"another class": {corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, LoadBalancerClass: ptr.To("example.com/never")}, false},
		"ClusterIP":     {corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP}, false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, wantsLoadBalancer(&corev1.Service{Spec: c.spec}))
		})
	}
}
