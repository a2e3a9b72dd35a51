package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Chart is our own chart, which honours the same values as the published one; CHART=official takes the latter. Values
// are the user's, in flow style, and more are further fields of the chart.
func Chart(values string, more ...string) string {
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

// secret is a value of the stack's configuration as a program takes it.
var secret = regexp.MustCompile(`\$\{(key\w*)\}`)

// Program is a YAML program, in which ${key}, or any name that begins so, is a secret of the stack's configuration. Each resource is made by one of the
// functions below; an output is written as "name: value".
func Program(name string, resources []string, outputs ...string) string {
	text := fmt.Sprintf("name: %s\nruntime: yaml\nresources:\n%s", name, strings.Join(resources, ""))
	var secrets []string
	for _, found := range secret.FindAllStringSubmatch(text, -1) {
		secrets = append(secrets, found[1]+": {type: string, secret: true}")
	}
	slices.Sort(secrets)
	text += "config: {" + strings.Join(slices.Compact(secrets), ", ") + "}\n"
	if len(outputs) > 0 {
		text += "outputs:\n  " + strings.Join(outputs, "\n  ") + "\n"
	}
	return text
}

// Resource is one resource of a program, its properties and options in flow style.
func Resource(kind, name, properties, options string) string {
	return fmt.Sprintf("  %s: {type: '%s', properties: {%s}, options: {%s}}\n", name, kind, properties, options)
}

// ModelGateway is a ModelGateway; properties hold its chart, made by the function Chart.
func ModelGateway(name, properties string) string {
	return Resource("modelplane:ModelGateway", name, properties, "")
}

// ModelEndpoint is a ModelEndpoint, with its properties in flow style.
func ModelEndpoint(name, properties string) string {
	return Resource("modelplane:ModelEndpoint", name, properties, "")
}

// ModelService shares its traffic evenly among endpoints of the program. Gateway is written as in YAML.
func ModelService(name, gateway, properties string, endpoints ...string) string {
	var backends []string
	for _, endpoint := range endpoints {
		backends = append(backends, fmt.Sprintf("{endpoint: '${%s.backend}'}", endpoint))
	}
	if properties != "" {
		properties = ", " + properties
	}
	return Resource("modelplane:ModelService", name,
		fmt.Sprintf("gateway: %s, backends: [%s]%s", gateway, strings.Join(backends, ", "), properties), "")
}

// Namespace is a namespace that the program makes.
func Namespace(name string) string {
	return Resource("kubernetes:core/v1:Namespace", name, fmt.Sprintf("metadata: {name: %s}", name), "")
}
