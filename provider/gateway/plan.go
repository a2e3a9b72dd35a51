package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
)

const (
	// Listener is the name of the listener that routes attach to.
	Listener = "http"
	// repository is where the published chart comes from.
	repository = "https://traefik.github.io/charts"

	// namespacePrefix makes the default namespace of a gateway's name.
	namespacePrefix = "modelplane-"

	gatewayLabel       = "modelplane/gateway"
	namespaceLabel     = "modelplane/gateway-namespace"
	revisionAnnotation = "modelplane/revision"
)

// waitFor has Pulumi wait until this generation of the Gateway is programmed.
const waitFor = `jsonpath={$.status.conditions` +
	`[?@.type == 'Programmed' && @.observedGeneration == $.metadata.generation].reason}=Programmed`

// plan is all that is decided about a gateway, but for the chart and its values.
type plan struct {
	settings chart.Settings
}

// check finds every fault of a gateway's arguments.
func check(name string, a Args) fault.List {
	_, faults := decide(name, a)
	checkNames(name, a, &faults)
	checkChart(a, &faults)
	return append(faults, names.Metadata(a.Labels, a.Annotations)...)
}

// checkNames finds the faults of what the user has named; the default namespace adds a limit of its own to the name.
func checkNames(name string, a Args, faults *fault.List) {
	objectName := cmp.Or(a.Name, name)
	if room := names.MaxLabel - len(namespacePrefix); a.Namespace == "" && len(objectName) > room {
		faults.Add("name", fmt.Sprintf("%q has %d characters; the default namespace, %s<name>, leaves room for %d; with a namespace "+
			"of your own, set in namespace, there is room for %d", objectName, len(objectName), namespacePrefix, room, names.MaxRelease), "namespace")
	} else {
		faults.AddErr("name", names.Object(objectName, names.MaxRelease))
	}
	if a.Namespace != "" {
		faults.AddErr("namespace", names.Namespace(a.Namespace))
	}
	if ptr.Deref(a.CreateNamespace, false) && (a.Namespace == "default" || strings.HasPrefix(a.Namespace, "kube-")) {
		faults.Add("namespace", fmt.Sprintf("is %s, which every cluster has; choose another, or leave createNamespace out", a.Namespace))
	}
}

// ownership is what a gateway does with its namespace.
type ownership int

const (
	// existing namespaces are there, and are not touched.
	existing ownership = iota
	// own namespaces are created and deleted with the gateway.
	own
	// kept namespaces are created where they are not there yet, and stay.
	kept
)

// namespaceOwnership decides on a namespace that the program names, or on the default one. A named one is never deleted: it
// may have been there before, or others may use it by now.
func namespaceOwnership(isNamed bool, create *bool) ownership {
	switch {
	case !ptr.Deref(create, !isNamed):
		return existing
	case isNamed:
		return kept
	default:
		return own
	}
}

func checkChart(a Args, faults *fault.List) {
	if a.Chart == nil {
		return
	}
	for _, problem := range chart.Check(a.Chart.Values) {
		faults.Addf("chart."+problem.Path, "%s", problem.Message)
	}
	for _, problem := range chart.CheckVersion(a.Chart.Values, ptr.Deref(a.Chart.TraefikVersion, "")) {
		faults.Add("chart."+problem.Path, problem.Message, "chart.traefikVersion")
	}
	source := a.chartSource()
	if a.Chart.Repository != nil && source.standsAlone() {
		faults.Add("chart.repository", "is given, but chart.name is an OCI reference or a path, which needs none; leave one out", "chart.name")
	}
}

func decide(name string, a Args) (plan, fault.List) {
	var faults fault.List
	if a.Replicas < 1 || a.Replicas > 1000 {
		faults.Addf("replicas", "%d is outside 1 to 1000", a.Replicas)
	}
	if a.Port < 1 || a.Port > 65535 {
		faults.Addf("port", "%d is outside 1 to 65535", a.Port)
	}
	service := Service{Type: ptr.To(LoadBalancer)}
	if a.Service != nil {
		service = *a.Service
	}
	if service.LoadBalancerClass != nil && *service.Type != LoadBalancer {
		faults.Add("service.loadBalancerClass", fmt.Sprintf("is given for a Service of the type %s; only a LoadBalancer has one",
			*service.Type), "service.type")
	}
	return plan{settings: chart.Settings{
		FullName:           cmp.Or(a.Name, name),
		Namespace:          namespaceOf(name, a),
		GatewayClassLabels: classLabels(name, a),
		ExposedPort:        int32(a.Port),
		Replicas:           int32(a.Replicas),
		ServiceType:        string(*service.Type),
		ServiceAnnotations: service.Annotations,
		LoadBalancerClass:  ptr.Deref(service.LoadBalancerClass, ""),
		Labels:             a.Labels,
		Annotations:        a.Annotations,
	}}, faults
}

// values are the chart's values: ours, and the user's over them.
func (p plan) values(a Args) map[string]any {
	if a.Chart == nil {
		return chart.Values(p.settings)
	}
	p.settings.TraefikVersion = ptr.Deref(a.Chart.TraefikVersion, "")
	return chart.Merge(chart.Values(p.settings), a.Chart.Values)
}

// url is the gateway's base URL without a path; the scheme's own port is left out.
func (p plan) url(address string) string {
	host := address
	if strings.Contains(address, ":") {
		host = "[" + address + "]"
	}
	if p.settings.ExposedPort != 80 {
		host = net.JoinHostPort(address, strconv.Itoa(int(p.settings.ExposedPort)))
	}
	return "http://" + host
}

// chartSource is where Helm finds the chart.
type chartSource struct{ name, version, repository string }

func (a Args) chartSource() chartSource {
	source := chartSource{name: "traefik", version: chart.DefaultVersion, repository: repository}
	if a.Chart == nil {
		return source
	}
	source.name = a.Chart.Name
	source.version = ptr.Deref(a.Chart.Version, source.version)
	source.repository = ptr.Deref(a.Chart.Repository, source.repository)
	if source.standsAlone() {
		source.repository = ""
	}
	return source
}

// standsAlone says whether the name alone leads to the chart.
func (c chartSource) standsAlone() bool {
	return strings.HasPrefix(c.name, "oci://") || strings.HasPrefix(c.name, ".") || filepath.IsAbs(c.name)
}

func (c chartSource) repositoryOpts() map[string]string {
	if c.repository == "" {
		return nil
	}
	return map[string]string{"repo": c.repository}
}

func namespaceOf(name string, a Args) string {
	return cmp.Or(a.Namespace, namespacePrefix+cmp.Or(a.Name, name))
}

// className carries namespace and name, because a GatewayClass belongs to the cluster. Neither has a dot in it, so that no
// two gateways' names run into one another.
func className(name string, a Args) string {
	return namespaceOf(name, a) + "." + cmp.Or(a.Name, name)
}

// classLabels tell the gateway's own GatewayClass: without a selector each Traefik would serve every gateway of the cluster.
func classLabels(name string, a Args) map[string]string {
	return map[string]string{gatewayLabel: cmp.Or(a.Name, name), namespaceLabel: namespaceOf(name, a)}
}

func gatewaySpec(class string) gatewayv1.GatewaySpec {
	return gatewayv1.GatewaySpec{
		GatewayClassName: gatewayv1.ObjectName(class),
		Listeners: []gatewayv1.Listener{{
			Name:     Listener,
			Protocol: gatewayv1.HTTPProtocolType,
			// The port on which Traefik listens in its Pod, not the one that clients connect to.
			Port: chart.ListenerPort,
			AllowedRoutes: &gatewayv1.AllowedRoutes{
				Namespaces: &gatewayv1.RouteNamespaces{From: ptr.To(gatewayv1.NamespacesFromAll)},
			},
		}},
	}
}

// address is the load balancer's IP address or host name, or the ClusterIP of a Service that has none.
func address(spec, status map[string]any) (string, error) {
	balancer, _ := status["loadBalancer"].(map[string]any)
	ingress, _ := balancer["ingress"].([]any)
	for _, entry := range ingress {
		point, _ := entry.(map[string]any)
		for _, field := range []string{"ip", "hostname"} {
			if value, _ := point[field].(string); value != "" {
				return value, nil
			}
		}
	}
	if ip, _ := spec["clusterIP"].(string); ip != "" && ip != corev1.ClusterIPNone {
		return ip, nil
	}
	return "", errors.New("the gateway's Service has neither a load balancer's address nor a ClusterIP")
}
