package gateway

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/helm"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/target"
)

const (
	// Listener is the name of the listener that routes attach to.
	Listener = "http"
	// HTTPSListener is the one that they attach to where the gateway has HTTPS.
	HTTPSListener = "https"
	// repository is where the published chart comes from.
	repository = "https://traefik.github.io/charts"

	gatewayLabel   = "modelplane/gateway"
	namespaceLabel = "modelplane/gateway-namespace"
)

// plan is all that is decided about a gateway, except the chart.
type plan struct {
	identity meta.Identity
	settings chart.Settings
	// publicURL is the URL that the user states; nil where the address decides.
	publicURL    *string
	namespaces   gatewayv1.RouteNamespaces
	allowAnyPath bool
	// https is nil where the gateway has none.
	https *secured
}

// check finds every fault of a gateway's arguments.
func check(name string, a Args) fault.List {
	p, faults := decide(a.OrOwn(name), a.Metadata, a.Serving)
	p, more := p.withHTTPS(a.Secure)
	faults = append(faults, more...)
	p, more = p.withOperating(a.Operating)
	faults = append(faults, more...)
	_, more = p.withProxied(a.Proxied)
	faults = append(faults, more...)
	a.CheckOwn(name, &faults)
	checkNamespace(a, &faults)
	checkChart(a.Source, &faults)
	checkHTTPSChart(a.Source, a.Secure, &faults)
	checkObservability(a.Observability, a.Source, &faults)
	checkSharing(a.SharedLimits, &faults)
	return append(faults, names.Metadata(a.Labels, a.Annotations)...)
}

// checkNamespace refuses to create a namespace that is never the gateway's to make.
func checkNamespace(a Args, faults *fault.List) {
	if ptr.Deref(a.CreateNamespace, false) && (a.Namespace == "default" || strings.HasPrefix(a.Namespace, "kube-")) {
		faults.Add("namespace", fmt.Sprintf("is %s, which every cluster has; choose another, or leave createNamespace out", a.Namespace))
	}
}

func checkChart(s Source, faults *fault.List) {
	if s.Chart == nil {
		return
	}
	addProblems(chart.Check(s.Chart.Values), faults)
	for _, problem := range chart.CheckVersion(s.Chart.Values, ptr.Deref(s.Chart.TraefikVersion, "")) {
		faults.Add("chart."+problem.Path, problem.Message, "chart.traefikVersion")
	}
	switch given := ptr.Deref(s.Chart.Repository, ""); {
	case s.Chart.Repository != nil && helm.IsComplete(s.chart().Name):
		faults.Add("chart.repository", "is given, but chart.name is an OCI reference or a path, which needs none; leave one out", "chart.name")
	case helm.IsOCI(given):
		faults.Add("chart.repository", fmt.Sprintf("is an OCI registry, which Helm takes as the chart's name alone; leave it out and set "+
			"chart.name to %q", strings.TrimRight(given, "/")+"/"+s.chart().Name), "chart.name")
	}
}

func addProblems(problems []chart.Problem, faults *fault.List, dependsOn ...string) {
	for _, problem := range problems {
		faults.Add("chart."+problem.Path, problem.Message, dependsOn...)
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

func decide(identity meta.Identity, metadata meta.Metadata, s Serving) (plan, fault.List) {
	var faults fault.List
	if s.Replicas < 1 || s.Replicas > maxReplicas {
		faults.Addf("replicas", "%d is outside 1 to %d", s.Replicas, maxReplicas)
	}
	if s.Port < 1 || s.Port > 65535 {
		faults.Addf("port", "%d is outside 1 to 65535", s.Port)
	}
	service := ptr.Deref(s.Service, Service{})
	serviceType := ptr.Deref(service.Type, LoadBalancer)
	if service.LoadBalancerClass != nil && serviceType != LoadBalancer {
		faults.Add("service.loadBalancerClass", fmt.Sprintf("is given for a Service of the type %s; only a LoadBalancer has one",
			serviceType), "service.type")
	}
	p := plan{identity: identity, namespaces: s.AllowedNamespaces.Routes("allowedNamespaces", &faults), allowAnyPath: s.AllowAnyPath}
	p.publicURL = decidePublicURL(s.PublicURL, &faults)
	for i, text := range service.LoadBalancerSourceRanges {
		_, err := target.ParseRange(text)
		faults.AddErr(fault.Index("service.loadBalancerSourceRanges", i), err)
	}
	if len(service.LoadBalancerSourceRanges) > 0 && serviceType != LoadBalancer {
		faults.Add("service.loadBalancerSourceRanges", fmt.Sprintf("is given for a Service of the type %s; only a LoadBalancer has them",
			serviceType), "service.type")
	}
	if service.ExternalTrafficPolicy != nil && serviceType == ClusterIP {
		faults.Add("service.externalTrafficPolicy", "is given for a Service of the type ClusterIP, which nobody outside of the cluster reaches; "+
			"leave it out", "service.type")
	}
	p.settings = chart.Settings{
		FullName:           identity.Name,
		Namespace:          identity.Namespace,
		Middleware:         p.entryPointName(),
		InnerMiddleware:    p.innerName(),
		GatewayClassLabels: p.classLabels(),
		ExposedPort:        int32(s.Port),
		Replicas:           int32(s.Replicas),
		ServiceType:        string(serviceType),
		ServiceAnnotations: service.Annotations,
		LoadBalancerClass:  ptr.Deref(service.LoadBalancerClass, ""),
		SourceRanges:       service.LoadBalancerSourceRanges,
		Labels:             metadata.Labels,
		Annotations:        metadata.Annotations,
		Clients:            chart.Clients{TrafficPolicy: string(ptr.Deref(service.ExternalTrafficPolicy, ""))},
	}
	return p, faults
}

// decidePublicURL takes a URL without a path, as services append theirs.
func decidePublicURL(text *string, faults *fault.List) *string {
	if text == nil {
		return nil
	}
	u, err := target.ParseListener(*text)
	if err != nil {
		faults.AddErr("publicUrl", err)
		return nil
	}
	return ptr.To(u.String())
}

// values are the chart's values: ours, and the user's over them.
func (p plan) values(s Source) map[string]any {
	if s.Chart == nil {
		return chart.Values(p.settings)
	}
	p.settings.TraefikVersion = ptr.Deref(s.Chart.TraefikVersion, "")
	if most := bodyMemory(memoryLimit(s.Chart.Values)); most > 0 {
		p.settings.Operations.BodyMemory = most
	}
	return chart.Merge(chart.Values(p.settings), s.Chart.Values)
}

// entryPointName is the name of the Middleware that every request passes first.
func (p plan) entryPointName() string { return p.identity.Name + "-entry-point" }

func (p plan) name() string          { return p.identity.Name }
func (p plan) namespaceName() string { return p.identity.Namespace }

// className carries namespace and name, because a GatewayClass belongs to the cluster. Neither has a dot in it, so two
// gateways never get the same class name.
func (p plan) className() string { return p.identity.Namespace + "." + p.identity.Name }

// classLabels tell the gateway's own GatewayClass: without a selector each Traefik would serve every gateway of the cluster.
func (p plan) classLabels() map[string]string {
	return map[string]string{gatewayLabel: p.identity.Name, namespaceLabel: p.identity.Namespace}
}

// url is the gateway's base URL without a path.
func (p plan) url(address string) string {
	if p.publicURL != nil {
		return *p.publicURL
	}
	if p.https != nil {
		return p.https.url(p.https.host(address))
	}
	return p.httpURL(address)
}

// clusterURL is the same for clients inside the cluster, which connect to the Service. It is empty where they would have to come by
// HTTPS, and no certificate holds the Service's name.
func (p plan) clusterURL() string {
	service := fmt.Sprintf("%s.%s.svc", p.identity.Name, p.identity.Namespace)
	switch {
	case p.https == nil || p.https.plain() == Serve:
		return p.httpURL(service)
	case p.https.isFor(service):
		return p.https.url(service)
	default:
		return ""
	}
}

func (p plan) httpURL(host string) string {
	return target.ListenerURL(target.HTTP, host, int(p.settings.ExposedPort))
}

// internalBalancers are the annotations with which a cloud's load balancer gets an address of the private network.
var internalBalancers = map[string]string{
	"service.beta.kubernetes.io/aws-load-balancer-internal":       "true",
	"service.beta.kubernetes.io/aws-load-balancer-scheme":         "internal",
	"service.beta.kubernetes.io/azure-load-balancer-internal":     "true",
	"networking.gke.io/load-balancer-type":                        "Internal",
	"cloud.google.com/load-balancer-type":                         "Internal",
	"service.beta.kubernetes.io/oci-load-balancer-internal":       "true",
	"service.beta.kubernetes.io/openstack-internal-load-balancer": "true",
}

// isPublic says whether the internet can reach the gateway at its address, as far as that can be told.
func (p plan) isPublic(address string) bool {
	if p.settings.ServiceType != string(LoadBalancer) || p.https.asksAll() {
		return false
	}
	for key, value := range internalBalancers {
		if strings.EqualFold(p.settings.ServiceAnnotations[key], value) || strings.EqualFold(p.settings.Annotations[key], value) {
			return false
		}
	}
	everybody := func(text string) bool { return strings.HasSuffix(text, "/0") }
	if ranges := p.settings.SourceRanges; len(ranges) > 0 && !slices.ContainsFunc(ranges, everybody) {
		return false
	}
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address != "localhost" // which Docker Desktop gives
	}
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !sharedAddresses.Contains(ip)
}

// sharedAddresses are those of providers' own networks (RFC 6598).
var sharedAddresses = netip.MustParsePrefix("100.64.0.0/10")

// traefikVersion is what the user states instead of the image's tag.
func (s Source) traefikVersion() string {
	if s.Chart == nil {
		return chart.TraefikVersion(nil, "")
	}
	return chart.TraefikVersion(s.Chart.Values, ptr.Deref(s.Chart.TraefikVersion, ""))
}

// chart is where Helm finds the chart.
func (s Source) chart() helm.Chart {
	source := helm.Chart{Name: "traefik", Version: chart.DefaultVersion, Repository: repository}
	if s.Chart == nil {
		return source
	}
	source.Name = s.Chart.Name
	source.Version = ptr.Deref(s.Chart.Version, source.Version)
	source.Repository = ptr.Deref(s.Chart.Repository, source.Repository)
	if helm.IsComplete(source.Name) {
		source.Repository = ""
	}
	return source
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
