// Package gateway drives the whole life of gateways, and of the stacks around them, with the real Pulumi engine, API server
// and Traefik.
package gateway

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// chart is our own chart, which honours the same values as the published one; CHART=official takes the latter. Values
// are the user's, in flow style, and more are further fields of the chart.
func chart(values string, more ...string) string {
	fields := append(more, "values: {"+values+"}")
	if os.Getenv("CHART") != "official" {
		path, err := filepath.Abs("../charts/traefik")
		if err != nil {
			panic(err)
		}
		fields = append(fields, fmt.Sprintf("name: %q", path))
	}
	return "chart: {" + strings.Join(fields, ", ") + "}"
}

// program is a YAML program, in which ${key} is a secret of the stack's configuration. Each resource is made by one of the
// functions below; an output is written as "name: value".
func program(name string, resources []string, outputs ...string) string {
	text := fmt.Sprintf("name: %s\nruntime: yaml\nresources:\n%s", name, strings.Join(resources, ""))
	if strings.Contains(text, "${key}") {
		text += "config: {key: {type: string, secret: true}}\n"
	}
	if len(outputs) > 0 {
		text += "outputs:\n  " + strings.Join(outputs, "\n  ") + "\n"
	}
	return text
}

// resource is one resource of a program, its properties and options in flow style.
func resource(kind, name, properties, options string) string {
	return fmt.Sprintf("  %s: {type: '%s', properties: {%s}, options: {%s}}\n", name, kind, properties, options)
}

// modelGateway is a ModelGateway; properties hold its chart, made by the function chart.
func modelGateway(name, properties string) string {
	return resource("modelplane:ModelGateway", name, properties, "")
}

func modelEndpoint(name, properties string) string {
	return resource("modelplane:ModelEndpoint", name, properties, "")
}

// modelService shares its traffic evenly among endpoints of the program. Gateway is written as in YAML.
func modelService(name, gateway, properties string, endpoints ...string) string {
	var backends []string
	for _, endpoint := range endpoints {
		backends = append(backends, fmt.Sprintf("{endpoint: '${%s.backend}'}", endpoint))
	}
	if properties != "" {
		properties = ", " + properties
	}
	return resource("modelplane:ModelService", name,
		fmt.Sprintf("gateway: %s, backends: [%s]%s", gateway, strings.Join(backends, ", "), properties), "")
}

func namespace(name string) string {
	return resource("kubernetes:core/v1:Namespace", name, fmt.Sprintf("metadata: {name: %s}", name), "")
}
