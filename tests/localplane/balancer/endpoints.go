package balancer

import (
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/utils/ptr"
)

// ClassPrefix begins the load balancer classes that this balancer serves besides
// none at all. A Service of any other class never gets an address.
const ClassPrefix = "modelplane.test/"

func wantsLoadBalancer(service *corev1.Service) bool {
	return service.Spec.Type == corev1.ServiceTypeLoadBalancer &&
		(service.Spec.LoadBalancerClass == nil || strings.HasPrefix(*service.Spec.LoadBalancerClass, ClassPrefix))
}

// frontendsOf says where service is to be listened for, with its endpoints
// there: at its ClusterIPs, and at external where that is valid.
func frontendsOf(service *corev1.Service, external netip.Addr, endpointSlices []*discoveryv1.EndpointSlice) map[netip.AddrPort][]netip.AddrPort {
	var addresses []netip.Addr
	for _, clusterIP := range service.Spec.ClusterIPs {
		// A headless Service has "None".
		if address, err := netip.ParseAddr(clusterIP); err == nil {
			addresses = append(addresses, address)
		}
	}
	if external.IsValid() {
		addresses = append(addresses, external)
	}
	frontends := map[netip.AddrPort][]netip.AddrPort{}
	for _, port := range service.Spec.Ports {
		if port.Protocol != corev1.ProtocolTCP {
			continue
		}
		endpoints := endpointsOf(port.Name, endpointSlices)
		for _, address := range addresses {
			frontends[netip.AddrPortFrom(address, uint16(port.Port))] = endpoints
		}
	}
	return frontends
}

// endpointsOf returns the endpoints that are to get new connections to the port
// of that name, sorted, each once.
func endpointsOf(portName string, endpointSlices []*discoveryv1.EndpointSlice) []netip.AddrPort {
	var endpoints []netip.AddrPort
	for _, slice := range endpointSlices {
		for _, port := range slice.Ports {
			if ptr.Deref(port.Name, "") != portName || port.Port == nil {
				continue
			}
			for _, endpoint := range slice.Endpoints {
				// An endpoint of more than one address is one endpoint, by its first; that
				// of an FQDN slice is not an address, and nobody resolves names for a load balancer.
				if address, err := netip.ParseAddr(endpoint.Addresses[0]); err == nil && takesConnections(endpoint.Conditions) {
					endpoints = append(endpoints, netip.AddrPortFrom(address, uint16(*port.Port)))
				}
			}
		}
	}
	slices.SortFunc(endpoints, netip.AddrPort.Compare)
	return slices.Compact(endpoints)
}

// takesConnections reads a condition that is not stated as EndpointSlice
// defines it: ready, serving, and not terminating.
func takesConnections(conditions discoveryv1.EndpointConditions) bool {
	return ptr.Deref(conditions.Ready, true) && ptr.Deref(conditions.Serving, true) && !ptr.Deref(conditions.Terminating, false)
}
