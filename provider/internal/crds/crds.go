// Package crds holds the custom resource definitions that a gateway needs, as they were published: the whole standard
// channel of the Gateway API without its policy against downgrades, which would stand in the way of others in the
// cluster, and Traefik's own. The files in manifests are under the Apache License 2.0 (Gateway API) and the MIT License
// (Traefik); go generate brings them up to date.
package crds

import (
	"embed"
	"fmt"
	"io/fs"

	"sigs.k8s.io/yaml"
)

//go:generate go run ./generate

const (
	// GatewayAPIVersion is the release of the Gateway API that the definitions of gateway.networking.k8s.io are from.
	GatewayAPIVersion = "v1.6.3"
	// TraefikVersion is the release of Traefik that the definitions of traefik.io are from.
	TraefikVersion = "v3.7.13"
)

//go:embed manifests/*.yaml
var manifests embed.FS

// CRD is one definition.
type CRD struct {
	// Name is its name in the cluster, such as gateways.gateway.networking.k8s.io.
	Name string
	// Object is the definition as the API server takes it.
	Object map[string]any
}

// All returns every definition, in the order of their names.
func All() ([]CRD, error) {
	files, err := fs.Glob(manifests, "manifests/*.yaml")
	if err != nil {
		return nil, err
	}
	var all []CRD
	for _, file := range files {
		crd, err := read(file)
		if err != nil {
			return nil, fmt.Errorf("the definition %s that this provider carries cannot be read: %w", file, err)
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
	return CRD{Name: name, Object: object}, nil
}
