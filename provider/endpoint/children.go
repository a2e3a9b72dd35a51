package endpoint

import (
	"encoding/base64"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// The keys of an endpoint's children.
const (
	keySecret   = "key"
	middleware  = "middleware"
	service     = "service"
	slice       = "slice"
	authorities = "authorities"
	policy      = "policy"
)

// keyEntry is the entry of our Secret that holds an endpoint's key.
const keyEntry = "key"

// caEntry is the entry of a ConfigMap or Secret in which a BackendTLSPolicy looks for certificates
// (https://github.com/kubernetes-sigs/gateway-api/blob/v1.6.3/apis/v1/backendtlspolicy_types.go).
const caEntry = "ca.crt"

// children are the objects that an endpoint is made of. The Middleware comes before the Service: Traefik reads Middlewares and
// routes separately, and what is made between the two lets it see the Middleware first.
func children(in Inputs, p value.Value[plan]) []child.Child {
	key, server := in.Credential.Now(), in.Server.Now()
	anonymous, keyed := !server.ForwardCaller, isKeyed(server, key)
	hash := child.FromNames(p, func(p plan, siblings child.Names) string { return p.withSecret(siblings[keySecret]).hash() })
	return []child.Child{
		{
			// The Kubernetes package itself replaces Secrets and ConfigMaps, new before old, when their data change.
			Key: keySecret, Kind: kube.Secret, Omit: key.APIKey == nil,
			Fields: child.Fields{"data": child.From(in.Credential, Credential.data)},
		},
		{
			Key: middleware, Kind: kube.Middleware, Omit: !anonymous && !keyed && server.Model == nil, After: []string{keySecret},
			Hash:   child.FromNames(p, func(p plan, siblings child.Names) string { return p.withSecret(siblings[keySecret]).middlewareHash() }),
			Fields: child.Fields{"spec": child.FromNames(p, plan.middleware)},
		},
		{
			Key: service, Kind: kube.Service, After: []string{keySecret, middleware}, Hash: hash,
			Fields: child.Fields{"spec": child.From(p, plan.service)},
		},
		{
			Key: slice, Kind: kube.EndpointSlice, After: []string{keySecret, service}, Hash: hash,
			Labels: child.FromNames(in.Identity, sliceLabels),
			Fields: child.Fields{
				"addressType": child.From(p, func(p plan) discoveryv1.AddressType { return p.Family }),
				"endpoints":   child.From(p, plan.sliceEndpoints),
				"ports":       child.From(p, plan.slicePorts),
			},
		},
		{
			Key: authorities, Kind: kube.ConfigMap, Omit: server.TLS == nil || server.TLS.CACertificate == nil,
			Fields: child.Fields{"data": child.From(p, plan.authorities)},
		},
		{
			Key: policy, Kind: kube.BackendTLSPolicy, After: []string{keySecret, service, authorities}, Hash: hash, Omit: server.TLS == nil,
			Fields: child.Fields{"spec": child.FromNames(p, plan.policy)},
		},
	}
}

// data is what the Secret holds.
func (c Credential) data() map[string]string {
	return map[string]string{keyEntry: base64.StdEncoding.EncodeToString([]byte(strings.TrimSpace(ptr.Deref(c.APIKey, ""))))}
}

// middleware has the gateway's plugin remove what identifies the caller, write the server's name for the model, and send the key, which the gateway
// reads from the Secret by itself.
func (p plan) middleware(siblings child.Names) map[string]any {
	config := map[string]any{"anonymous": !p.ForwardCaller}
	if p.Model != "" {
		config["model"] = p.Model
	}
	if p.LeaveUsage {
		config["leaveUsage"] = true
	}
	if key := p.withSecret(siblings[keySecret]).Key; key != nil {
		urn := fmt.Sprintf("urn:k8s:secret:%s:%s", key.Secret.Name, key.Secret.Key)
		switch {
		case key.Header == authorization && key.Scheme == "Bearer":
			config["bearer"] = urn
		case key.Scheme != "":
			config["header"], config["prefix"], config["value"] = key.Header, key.Scheme+" ", urn
		default:
			config["header"], config["value"] = key.Header, urn
		}
	}
	return map[string]any{"plugin": map[string]any{plugin.Name: config}}
}

// service has neither a selector nor an address: it names the port and what the port speaks, and the EndpointSlice says where
// it is.
func (p plan) service() corev1.ServiceSpec {
	return corev1.ServiceSpec{
		Type:      corev1.ServiceTypeClusterIP,
		ClusterIP: corev1.ClusterIPNone,
		Ports: []corev1.ServicePort{{
			Name:        p.portName(),
			Port:        p.Port,
			TargetPort:  intstr.FromInt32(p.Port),
			Protocol:    corev1.ProtocolTCP,
			AppProtocol: ptr.To(p.appProtocol()),
		}},
	}
}

func sliceLabels(_ meta.Identity, siblings child.Names) map[string]string {
	return map[string]string{discoveryv1.LabelServiceName: siblings[service], discoveryv1.LabelManagedBy: kube.ManagedBy}
}

func (p plan) sliceEndpoints() []discoveryv1.Endpoint {
	endpoints := make([]discoveryv1.Endpoint, len(p.addresses))
	for i, address := range p.addresses {
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
		Port:        ptr.To(p.Port),
		Protocol:    ptr.To(corev1.ProtocolTCP),
		AppProtocol: ptr.To(p.appProtocol()),
	}}
}

func (p plan) portName() string {
	if p.Protocol == H2C {
		return string(H2C)
	}
	return p.Scheme
}

// appProtocol tells the gateway what the Service's port speaks. It is always set: without it the port number decides.
func (p plan) appProtocol() string {
	if p.Protocol == H2C {
		return "kubernetes.io/h2c"
	}
	return p.Scheme
}

// authorities are the certificates that the program gave.
func (p plan) authorities() map[string]string {
	if p.TLS == nil {
		return nil
	}
	return map[string]string{caEntry: p.TLS.CACertificate}
}

// policy asks for the server's certificate to be verified otherwise than by default.
func (p plan) policy(siblings child.Names) gatewayv1.BackendTLSPolicySpec {
	if p.TLS == nil {
		return gatewayv1.BackendTLSPolicySpec{}
	}
	spec := gatewayv1.BackendTLSPolicySpec{
		TargetRefs: []gatewayv1.LocalPolicyTargetReferenceWithSectionName{{
			LocalPolicyTargetReference: gatewayv1.LocalPolicyTargetReference{Kind: "Service", Name: gatewayv1.ObjectName(siblings[service])},
		}},
		Validation: gatewayv1.BackendTLSPolicyValidation{Hostname: gatewayv1.PreciseHostname(p.TLS.ServerName)},
	}
	refTo := func(kind CAKind, name string) {
		spec.Validation.CACertificateRefs = []gatewayv1.LocalObjectReference{
			{Kind: gatewayv1.Kind(kind), Name: gatewayv1.ObjectName(name)},
		}
	}
	switch {
	case p.TLS.CACertificate != "":
		refTo(ConfigMapKind, siblings[authorities])
	case p.TLS.CARef != nil:
		refTo(p.TLS.CARef.Kind, p.TLS.CARef.Name)
	default:
		spec.Validation.WellKnownCACertificates = ptr.To(gatewayv1.WellKnownCACertificatesSystem)
	}
	return spec
}
