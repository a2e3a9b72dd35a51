package endpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider/internal/target"
)

// keyEntry is the entry of the Secret of ours that holds an endpoint's key.
const keyEntry = "key"

// caEntry is the entry of a ConfigMap or Secret in which a BackendTLSPolicy looks for certificates
// (https://github.com/kubernetes-sigs/gateway-api/blob/v1.6.3/apis/v1/backendtlspolicy_types.go).
const caEntry = "ca.crt"

// plan is all that is decided about an endpoint, but for the key itself.
type plan struct {
	target       target.Target
	protocol     Protocol
	path         string
	hostHeader   string
	headers      Headers
	forwardAuth  bool
	tls          *tlsPlan
	keyed        bool
	keyHeader    string
	keySecretRef *SecretKey
}

// tlsPlan is what a BackendTLSPolicy says; without one, the system's roots and the host name of the URL decide.
type tlsPlan struct {
	serverName    string
	caCertificate string
	caRef         *CACertificate
}

// appProtocol tells the gateway what the Service's port speaks. It is always set: without it the port number decides.
func (p plan) appProtocol() string {
	if p.protocol == H2C {
		return "kubernetes.io/h2c"
	}
	return p.target.Scheme
}

// way is a hash of everything that decides how a request reaches the endpoint, but for IP addresses: what must change
// together, because it is written in more than one object. IP addresses change in one write and so stay out of it.
func (p plan) way() string {
	hosts := p.target.Addresses
	if p.target.Family != discoveryv1.AddressTypeFQDN {
		hosts = nil
	}
	var tlsParts []any
	if p.tls != nil {
		tlsParts = []any{p.tls.serverName, p.tls.caCertificate, p.tls.caRef}
	}
	text, err := json.Marshal([]any{
		p.target.Scheme, p.protocol, p.target.Port, p.target.Family, hosts, p.path, p.hostHeader, tlsParts, p.keyed, p.keyHeader,
	})
	if err != nil {
		panic(err) // strings, numbers and lists always have a JSON form
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// serviceSpec is a Service without selector and address: it names the port and what the port speaks, and the
// EndpointSlice says where it is.
func (p plan) serviceSpec() corev1.ServiceSpec {
	return corev1.ServiceSpec{
		Type:      corev1.ServiceTypeClusterIP,
		ClusterIP: corev1.ClusterIPNone,
		Ports: []corev1.ServicePort{{
			Name:        p.portName(),
			Port:        p.target.Port,
			TargetPort:  intstr.FromInt32(p.target.Port),
			Protocol:    corev1.ProtocolTCP,
			AppProtocol: ptr.To(p.appProtocol()),
		}},
	}
}

func (p plan) portName() string {
	if p.protocol == H2C {
		return string(H2C)
	}
	return p.target.Scheme
}

func (p plan) sliceEndpoints() []discoveryv1.Endpoint {
	endpoints := make([]discoveryv1.Endpoint, len(p.target.Addresses))
	for i, address := range p.target.Addresses {
		endpoints[i] = discoveryv1.Endpoint{
			Addresses: []string{address},
			// Traefik passes over an endpoint whose readiness is not written out.
			Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(true)},
		}
	}
	return endpoints
}

func (p plan) slicePorts() []discoveryv1.EndpointPort {
	return []discoveryv1.EndpointPort{{
		Name:        ptr.To(p.portName()),
		Port:        ptr.To(p.target.Port),
		Protocol:    ptr.To(corev1.ProtocolTCP),
		AppProtocol: ptr.To(p.appProtocol()),
	}}
}

// policySpec asks for the server's certificate to be verified otherwise than by default. ca is the name of the ConfigMap
// that holds the certificates given in the program.
func (p tlsPlan) policySpec(service, ca string) gatewayv1.BackendTLSPolicySpec {
	spec := gatewayv1.BackendTLSPolicySpec{
		TargetRefs: []gatewayv1.LocalPolicyTargetReferenceWithSectionName{{
			LocalPolicyTargetReference: gatewayv1.LocalPolicyTargetReference{Kind: "Service", Name: gatewayv1.ObjectName(service)},
		}},
		Validation: gatewayv1.BackendTLSPolicyValidation{Hostname: gatewayv1.PreciseHostname(p.serverName)},
	}
	refTo := func(kind CAKind, name string) {
		spec.Validation.CACertificateRefs = []gatewayv1.LocalObjectReference{
			{Kind: gatewayv1.Kind(kind), Name: gatewayv1.ObjectName(name)},
		}
	}
	switch {
	case p.caCertificate != "":
		refTo(ConfigMapKind, ca)
	case p.caRef != nil:
		refTo(p.caRef.Kind, p.caRef.Name)
	default:
		spec.Validation.WellKnownCACertificates = ptr.To(gatewayv1.WellKnownCACertificatesSystem)
	}
	return spec
}

// middlewareSpec has the gateway's plugin send the key, which the gateway reads from the Secret by itself. The name of the
// Secret of ours is passed in.
func (p plan) middlewareSpec(secret string) map[string]any {
	entry := keyEntry
	if p.keySecretRef != nil {
		secret, entry = p.keySecretRef.Name, p.keySecretRef.Key
	}
	urn := fmt.Sprintf("urn:k8s:secret:%s:%s", secret, entry)
	config := map[string]any{"bearer": urn}
	if p.keyHeader != "" {
		config = map[string]any{"header": p.keyHeader, "value": urn}
	}
	return map[string]any{"plugin": map[string]any{plugin.Name: config}}
}

// reference is what a service takes: a plain name for the Service and for the Middleware, if there is a key.
func (p plan) reference(name, namespace, service, middleware string) BackendReference {
	ref := BackendReference{
		Name:                 name,
		ServiceName:          service,
		Namespace:            namespace,
		Port:                 int(p.target.Port),
		BasePath:             orRoot(p.path),
		ForwardAuthorization: p.forwardAuth,
		SetHeaders:           maps.Clone(p.headers.Set),
		RemoveHeaders:        slices.Clone(p.headers.Remove),
	}
	if p.hostHeader != "" {
		ref.HostHeader = &p.hostHeader
	}
	if middleware != "" {
		ref.KeyMiddleware = &middleware
	}
	return ref
}

func orRoot(path string) string {
	if path == "" {
		return "/"
	}
	return path
}
