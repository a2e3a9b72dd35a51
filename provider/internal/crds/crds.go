// Package crds holds the CRDs that Traefik and Envoy Gateway watch, as they were published. Of the Gateway API's standard channel
// and of Envoy Gateway's own it leaves out the rest, because every CRD is large in Pulumi's state, and the policy against
// downgrades, which would block others in the cluster. The files in manifests are under the Apache License 2.0 (Gateway API and
// Envoy Gateway) and the MIT License (Traefik); go generate brings them up to date.
package crds

import (
	"embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

//go:generate go run ./generate

const (
	// GatewayAPIVersion is the release of the Gateway API that the CRDs of gateway.networking.k8s.io are from.
	GatewayAPIVersion = "v1.6.3"
	// TraefikVersion is the release of Traefik that the CRDs of traefik.io are from.
	TraefikVersion = "v3.7.13"
	// EnvoyGatewayVersion is the release of Envoy Gateway that the CRDs of gateway.envoyproxy.io are from.
	EnvoyGatewayVersion = "v1.8.1"
	// FieldManager holds the fields of every CRD that a gateway of any stack has installed.
	FieldManager = "modelplane"
	// OldestGatewayAPI is the oldest release of the Gateway API that serves all that Traefik watches.
	OldestGatewayAPI = "1.5.1"
)

// Set are CRDs by their names, and the version of each that is asked for.
type Set map[string]string

// Traefik are the CRDs that Traefik watches. Without one of the Gateway API's it serves no route. Without one of its own it reads no
// Middleware, and routes with one answer 404
// (https://github.com/traefik/traefik/blob/v3.7.13/pkg/provider/kubernetes/gateway/client.go, and crd/client.go beside it).
var Traefik = Set{
	"gatewayclasses.gateway.networking.k8s.io":     "v1",
	"gateways.gateway.networking.k8s.io":           "v1",
	"httproutes.gateway.networking.k8s.io":         "v1",
	"grpcroutes.gateway.networking.k8s.io":         "v1",
	"tlsroutes.gateway.networking.k8s.io":          "v1",
	"backendtlspolicies.gateway.networking.k8s.io": "v1",
	"referencegrants.gateway.networking.k8s.io":    "v1beta1",

	"ingressroutes.traefik.io":        "v1alpha1",
	"ingressroutetcps.traefik.io":     "v1alpha1",
	"ingressrouteudps.traefik.io":     "v1alpha1",
	"middlewares.traefik.io":          "v1alpha1",
	"middlewaretcps.traefik.io":       "v1alpha1",
	"serverstransports.traefik.io":    "v1alpha1",
	"serverstransporttcps.traefik.io": "v1alpha1",
	"tlsoptions.traefik.io":           "v1alpha1",
	"tlsstores.traefik.io":            "v1alpha1",
	"traefikservices.traefik.io":      "v1alpha1",
}

// EnvoyGateway are the CRDs that Envoy Gateway watches, or its caches never fill, and the SecurityPolicy, by which it asks for keys. It
// looks for its own only when it starts, and does without those that it does not find
// (https://github.com/envoyproxy/gateway/blob/v1.8.1/internal/provider/kubernetes/controller.go).
var EnvoyGateway = Set{
	"gatewayclasses.gateway.networking.k8s.io":     "v1",
	"gateways.gateway.networking.k8s.io":           "v1",
	"listenersets.gateway.networking.k8s.io":       "v1",
	"httproutes.gateway.networking.k8s.io":         "v1",
	"grpcroutes.gateway.networking.k8s.io":         "v1",
	"tlsroutes.gateway.networking.k8s.io":          "v1",
	"backendtlspolicies.gateway.networking.k8s.io": "v1",
	"referencegrants.gateway.networking.k8s.io":    "v1beta1",

	"securitypolicies.gateway.envoyproxy.io": "v1alpha1",
}

//go:embed manifests/*.yaml
var manifests embed.FS

// CRD is a CustomResourceDefinition.
type CRD struct {
	// Name is its name in the cluster, such as gateways.gateway.networking.k8s.io.
	Name string
	// Version is the release that it is from.
	Version string
	// Object is the CRD as the API server takes it, with an annotation by which Pulumi writes it as FieldManager.
	Object map[string]any
}

// CRDs returns the set's CRDs, in the order of their names.
func (s Set) CRDs() ([]CRD, error) {
	var all []CRD
	for _, name := range slices.Sorted(maps.Keys(s)) {
		crd, err := read("manifests/" + name + ".yaml")
		if err != nil {
			return nil, fmt.Errorf("the CRD %s that this provider carries cannot be read: %w", name, err)
		}
		all = append(all, crd)
	}
	return all, nil
}

func read(file string) (CRD, error) {
	content, err := manifests.ReadFile(file)
	if err != nil {
		return CRD{}, err
	}
	var object map[string]any
	if err := yaml.UnmarshalStrict(content, &object); err != nil {
		return CRD{}, err
	}
	metadata, _ := object["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	annotations, _ := metadata["annotations"].(map[string]any)
	if annotations == nil {
		return CRD{}, errors.New("it has no annotations, which a published one has")
	}
	annotations["pulumi.com/patchFieldManager"] = FieldManager
	version := GatewayAPIVersion
	switch {
	case strings.HasSuffix(name, ".traefik.io"):
		version = TraefikVersion
	case strings.HasSuffix(name, ".gateway.envoyproxy.io"):
		version = EnvoyGatewayVersion
	}
	return CRD{Name: name, Version: version, Object: object}, nil
}

// Objects are all CRDs as the API server takes them. It panics where one cannot be read, which a test of this package excludes.
func Objects() []map[string]any {
	all, err := All().CRDs()
	if err != nil {
		panic(err)
	}
	objects := make([]map[string]any, len(all))
	for i, crd := range all {
		objects[i] = crd.Object
	}
	return objects
}

// All are the CRDs of every set.
func All() Set {
	all := maps.Clone(Traefik)
	maps.Copy(all, EnvoyGateway)
	return all
}
