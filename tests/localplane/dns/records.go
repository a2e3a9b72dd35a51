package dns

import (
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/utils/ptr"
)

// zone is what all names end in.
const zone = ".svc.cluster.local"

// records are read from the cluster whenever they are asked for.
type records struct {
	services corelisters.ServiceLister
	slices   discoverylisters.EndpointSliceLister
}

// lookUp returns the addresses of a name, and whether there is such a name.
func (r records) lookUp(name string) (addresses []netip.Addr, known bool, err error) {
	below, inZone := strings.CutSuffix(strings.ToLower(strings.TrimSuffix(name, ".")), zone)
	parts := strings.Split(below, ".")
	if !inZone || len(parts) < 2 || len(parts) > 3 {
		return nil, false, nil
	}
	host, service, namespace := "", parts[len(parts)-2], parts[len(parts)-1]
	if len(parts) == 3 {
		host = parts[0]
	}
	object, err := r.services.Services(namespace).Get(service)
	if apierrors.IsNotFound(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if object.Spec.ClusterIP != corev1.ClusterIPNone {
		return parse(object.Spec.ClusterIPs), host == "", nil
	}
	found, err := r.slices.EndpointSlices(namespace).List(labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: service}))
	if err != nil {
		return nil, false, err
	}
	addresses = addressesOf(host, found)
	return addresses, host == "" || len(addresses) > 0, nil
}

// addressesOf are those of a headless Service's ready endpoints, or of the one with that host name.
func addressesOf(host string, found []*discoveryv1.EndpointSlice) []netip.Addr {
	var addresses []netip.Addr
	for _, slice := range found {
		for _, endpoint := range slice.Endpoints {
			// That of an unready Pod is called ready where the Service publishes it all the same.
			if ptr.Deref(endpoint.Conditions.Ready, true) && (host == "" || host == ptr.Deref(endpoint.Hostname, "")) {
				addresses = append(addresses, parse(endpoint.Addresses)...)
			}
		}
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	return slices.Compact(addresses)
}

func parse(texts []string) []netip.Addr {
	var addresses []netip.Addr
	for _, text := range texts {
		if address, err := netip.ParseAddr(text); err == nil {
			addresses = append(addresses, address)
		}
	}
	return addresses
}
