package chart

const (
	// DefaultVersion is the version of the published chart that values are written for.
	DefaultVersion = "41.3.0"
	// DefaultTag is the Traefik that runs unless the user's values name another. The chart's own default does not
	// matter, so another chart version brings no other Traefik.
	DefaultTag = "v3.7.13"
	// ControllerName is the controller that every Traefik answers to. What tells gateways apart is the selector on
	// their GatewayClasses' labels (https://github.com/traefik/traefik/blob/v3.7.13/pkg/provider/kubernetes/gateway/kubernetes.go).
	ControllerName = "traefik.io/gateway-controller"
	// ListenerPort is the port of a Gateway's HTTP listener: the one on which Traefik listens in its Pod, which
	// need not be the one that clients connect to.
	ListenerPort = 8000
	// HTTPSListenerPort is the same of a Gateway's HTTPS listener.
	HTTPSListenerPort = 8443
	// MetricsPort is the port on which the published chart has Traefik show its figures.
	MetricsPort = 9100
	// PluginAnnotation is on the Pods and changes with the plugin's files: Traefik reads them when it starts, so each
	// version of the plugin needs new Pods.
	PluginAnnotation = "modelplane/plugin"
)

// Settings are what a gateway's values depend on.
type Settings struct {
	// FullName is the name of the Deployment, the Service and the ServiceAccount.
	FullName string
	// Namespace is where the chart is installed.
	Namespace string
	// Middleware is the Middleware in Namespace that every request passes first.
	Middleware string
	// InnerMiddleware is the Middleware in Namespace that keeps the inner entry point for the gateway itself.
	InnerMiddleware string
	// GatewayClassLabels are on the gateway's own GatewayClass and on no other.
	GatewayClassLabels map[string]string
	// ExposedPort is the port that clients connect to, from 1 to 65535.
	ExposedPort int32
	// HTTPS is nil where the gateway has none.
	HTTPS *HTTPS
	// Replicas is the number of Traefik's Pods, where it is fixed.
	Replicas int32
	// ServiceType is LoadBalancer, NodePort or ClusterIP.
	ServiceType string
	// ServiceAnnotations are on the Service alone.
	ServiceAnnotations map[string]string
	// LoadBalancerClass selects who provides the load balancer; "" leaves it to the cluster.
	LoadBalancerClass string
	// SourceRanges are the IP ranges that the load balancer takes connections from; none means all.
	SourceRanges []string
	// Labels are on all objects of the chart, except those that Helm and the chart set themselves.
	Labels map[string]string
	// Annotations are on the Deployment, the Service and the ServiceAccount.
	Annotations map[string]string
	// TraefikVersion is the version that the user states for an image whose tag does not tell it; "" otherwise.
	TraefikVersion string
	// Observability is what Traefik tells of its requests.
	Observability Observability
	Shared        Shared
	// Operations say how the Pods are run.
	Operations Operations
	// Clients say how clients' addresses are learned.
	Clients Clients
}
