// Package kube holds what components know of Kubernetes: the kinds of objects that they are made of, and the labels and
// annotations that these carry.
package kube

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// The labels that every object carries.
const (
	ManagedByLabel = "app.kubernetes.io/managed-by"
	ManagedBy      = "modelplane"
	NameLabel      = "app.kubernetes.io/name"
	ComponentLabel = "modelplane/component"
)

// OwnerLabel says who owns an object with a fixed name. Pulumi writes each resource under a separate field manager, so another
// stack's write of another owner is a conflict.
const OwnerLabel = "modelplane/owner"

// HashAnnotation holds a hash of what an object is made from. Another hash replaces the object.
const HashAnnotation = "modelplane/hash"

// Kind is an API version and kind as Pulumi's Kubernetes package names them.
type Kind struct {
	APIVersion, Name string
	// Token is the resource's type in Pulumi.
	Token string
	// Namespaced says whether objects of this kind have a namespace.
	Namespaced bool
}

// The kinds that components are made of.
var (
	BackendTLSPolicy      = namespaced("gateway.networking.k8s.io/v1", "BackendTLSPolicy")
	Certificate           = namespaced("cert-manager.io/v1", "Certificate")
	CertificatePatch      = patch(Certificate)
	ConfigMap             = namespaced("v1", "ConfigMap")
	Deployment            = namespaced("apps/v1", "Deployment")
	DeploymentPatch       = patch(Deployment)
	EndpointSlice         = namespaced("discovery.k8s.io/v1", "EndpointSlice")
	Gateway               = namespaced("gateway.networking.k8s.io/v1", "Gateway")
	GatewayClass          = cluster("gateway.networking.k8s.io/v1", "GatewayClass")
	HTTPRoute             = namespaced("gateway.networking.k8s.io/v1", "HTTPRoute")
	LeaderWorkerSet       = namespaced("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet")
	LLMInferenceService   = namespaced("serving.kserve.io/v1alpha1", "LLMInferenceService")
	Middleware            = namespaced("traefik.io/v1alpha1", "Middleware")
	Namespace             = cluster("v1", "Namespace")
	NetworkPolicy         = namespaced("networking.k8s.io/v1", "NetworkPolicy")
	PodDisruptionBudget   = namespaced("policy/v1", "PodDisruptionBudget")
	ReferenceGrant        = namespaced("gateway.networking.k8s.io/v1beta1", "ReferenceGrant")
	ResourceClaimTemplate = namespaced("resource.k8s.io/v1", "ResourceClaimTemplate")
	Secret                = namespaced("v1", "Secret")
	SecurityPolicy        = namespaced("gateway.envoyproxy.io/v1alpha1", "SecurityPolicy")
	Service               = namespaced("v1", "Service")
	ServicePatch          = patch(Service)
	TLSOption             = namespaced("traefik.io/v1alpha1", "TLSOption")
	TLSStore              = namespaced("traefik.io/v1alpha1", "TLSStore")

	AdmissionPolicy        = cluster("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy")
	AdmissionPolicyBinding = cluster("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding")

	// CRDPatch and NamespacePatch create what is not there, and take what is there as it is.
	CRDPatch       = patch(cluster("apiextensions.k8s.io/v1", "CustomResourceDefinition"))
	NamespacePatch = patch(Namespace)

	// Release is Pulumi's resource for a Helm release. It is not a Kubernetes object: it has neither an API version nor metadata.
	Release = Kind{Name: "Release", Token: "kubernetes:helm.sh/v3:Release"}
)

func cluster(apiVersion, name string) Kind {
	module := apiVersion
	if !strings.Contains(module, "/") {
		module = "core/" + apiVersion
	}
	return Kind{APIVersion: apiVersion, Name: name, Token: fmt.Sprintf("kubernetes:%s:%s", module, name)}
}

func namespaced(apiVersion, name string) Kind {
	kind := cluster(apiVersion, name)
	kind.Namespaced = true
	return kind
}

// patch is the resource that writes some fields of an object, of which others may write the rest.
func patch(kind Kind) Kind {
	kind.Token += "Patch"
	return kind
}

// waitForAnnotation says what Pulumi's Kubernetes package waits for.
const waitForAnnotation = "pulumi.com/waitFor"

// WaitForConditions is the annotation with which Pulumi's Kubernetes package waits until each of these types of condition in list has
// its own name as its reason, which is how the Gateway API words success. Conditions of an older generation do not count: an
// update would be satisfied by the status of the previous spec. List is a JSONPath (RFC 9535), such as $.status.conditions, without double quotes.
func WaitForConditions(list string, types ...string) map[string]string {
	return waitFor(conditions(list, types...))
}

func conditions(list string, types ...string) []string {
	conditions := make([]string, len(types))
	for i, t := range types {
		conditions[i] = fmt.Sprintf("jsonpath={%s[?@.type == '%s' && @.observedGeneration == $.metadata.generation].reason}=%s", list, t, t)
	}
	return conditions
}

func waitFor(expressions []string) map[string]string {
	return map[string]string{waitForAnnotation: `["` + strings.Join(expressions, `", "`) + `"]`}
}

// WaitForListener is the annotation with which it waits until a Gateway is served, and this listener of it. A Gateway is programmed as soon as
// one of its listeners is.
func WaitForListener(name string) map[string]string {
	return waitFor(slices.Concat(conditions("$.status.conditions", "Programmed"),
		conditions(fmt.Sprintf("$.status.listeners[?@.name == '%s'].conditions", name), "Programmed")))
}

// WaitForRoute is the annotation with which it waits until a gateway accepts a route and resolves what it names, on each of several listeners
// where these are named: only the first entry that a path finds counts. Entries of other controllers stay in a route's status, so the gateway's
// name is needed.
func WaitForRoute(gateway string, listeners ...string) map[string]string {
	if len(listeners) < 2 {
		return WaitForConditions(fmt.Sprintf("$.status.parents[?@.parentRef.name == '%s'].conditions", gateway), "Accepted", "ResolvedRefs")
	}
	var all []string
	for _, listener := range listeners {
		all = append(all, conditions(fmt.Sprintf("$.status.parents[?@.parentRef.name == '%s' && @.parentRef.sectionName == '%s'].conditions",
			gateway, listener), "Accepted", "ResolvedRefs")...)
	}
	return waitFor(all)
}

// WaitForAny is the annotation with which it waits until path, a JSONPath (RFC 9535), finds anything in the object. The package
// takes a single = for the start of a value, so that path cannot have != in it.
func WaitForAny(path string) map[string]string {
	return map[string]string{waitForAnnotation: "jsonpath={" + path + "}"}
}

// WaitForGroups is the annotation with which it waits until all groups of a LeaderWorkerSet are ready. The status does not say which generation
// it is of, so that the condition alone would be that of before when more groups are asked for. It lets the set go before its Pods: its
// workers would end with it otherwise, while their leader finishes its answers.
func WaitForGroups() map[string]string {
	return map[string]string{
		waitForAnnotation:                      `["condition=Available", "jsonpath={$[?@.readyReplicas && !(@.readyReplicas < $.spec.replicas)]}"]`,
		"pulumi.com/deletionPropagationPolicy": "background",
	}
}

// WaitForReady is the annotation with which it waits until an object is ready, which has the generation of its status in it.
func WaitForReady() map[string]string {
	return map[string]string{waitForAnnotation: "jsonpath={$.status.conditions[?@.type == 'Ready'].status}=True"}
}

// WebhookFailed says whether a write has failed because an admission webhook did not answer. Its Pods may be starting.
func WebhookFailed(failure string) bool { return strings.Contains(failure, "failed calling webhook") }

// Force is the annotation with which it writes fields of a patch that another tool has written before.
func Force() map[string]string { return map[string]string{"pulumi.com/patchForce": "true"} }

// SkipAwait is the annotation with which it waits for nothing.
func SkipAwait() map[string]string { return map[string]string{"pulumi.com/skipAwait": "true"} }

// Plain is a value of an API type as the maps and lists that Pulumi sends.
func Plain(value any) (any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var plain any
	return plain, json.Unmarshal(text, &plain)
}
