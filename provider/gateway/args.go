package gateway

import (
	"github.com/pulumi/pulumi-go-provider/infer"

	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
)

// Args are the inputs of a [ModelGateway], in the parts that become known together.
type Args struct {
	Install
	Source
	Serving
	Secure
	Observe
	Sharing
	Operating
	Proxied
	meta.Identity
	meta.Metadata
}

// Annotate describes the inputs for the schema.
func (a *Args) Annotate(at infer.Annotator) {
	at.Describe(&a.Name, "The name of the Gateway, the Helm release and what it makes. Up to 53 characters (RFC 1035, and the "+
		"length of a Helm release), 52 with the default `namespace`. Default: the Pulumi name.")
	at.Describe(&a.Namespace, "The gateway's namespace, which must exist and is never deleted. Default: `modelplane-<name>`, "+
		"which is the gateway's own: it is created with the gateway, and deleted with it and everything in it.")
	at.Describe(&a.Labels, "Labels for all objects of the gateway, except the CRDs.")
	at.Describe(&a.Annotations, "Annotations for all objects of the gateway, except the CRDs.")
}

// Install says what the gateway needs and is to create. It decides which children there are.
type Install struct {
	CreateNamespace *bool `pulumi:"createNamespace,optional" plain:"true"`
	InstallCRDs     bool  `pulumi:"installCrds,optional" plain:"true"`
	ExclusiveClass  bool  `pulumi:"exclusiveClass,optional" plain:"true"`
}

// Annotate describes the inputs for the schema.
func (i *Install) Annotate(at infer.Annotator) {
	at.Describe(&i.CreateNamespace, "Whether to create the namespace. Default: true without `namespace`, and false with it. A "+
		"`namespace` that is created stays when the gateway is destroyed, because others may use it by then. With false, the "+
		"default namespace must exist, too.")
	at.Describe(&i.InstallCRDs, "Whether to install the CRDs that Traefik watches: seven of the Gateway API (1.6.3, "+
		"standard channel) and Traefik's own. They stay in the cluster when the gateway is destroyed, because deleting them would delete every route in it. Default: true. "+
		"Set it to false where another tool holds them in another version.")
	at.SetDefault(&i.InstallCRDs, true)
	at.Describe(&i.ExclusiveClass, "Whether the API server refuses every other Gateway of the gateway's class, which could take its ports, certificates and paths. "+
		"Needs Kubernetes 1.30 or newer, and the right to make a ValidatingAdmissionPolicy. Default: false.")
	at.SetDefault(&i.ExclusiveClass, false)
}

// Source is where Traefik comes from. It is a separate part, since its values may be secret.
type Source struct {
	Chart *Chart `pulumi:"chart,optional"`
}

// Annotate describes the input for the schema.
func (s *Source) Annotate(at infer.Annotator) {
	at.Describe(&s.Chart, "The Helm chart that Traefik comes from. Default: the published chart, 41.3.0, with Traefik v3.7.13.")
}

// Serving says how the gateway is reached, and by whom.
type Serving struct {
	Replicas          int                     `pulumi:"replicas,optional"`
	Service           *Service                `pulumi:"service,optional"`
	Port              int                     `pulumi:"port,optional"`
	PublicURL         *string                 `pulumi:"publicUrl,optional"`
	AllowedNamespaces *meta.AllowedNamespaces `pulumi:"allowedNamespaces,optional"`
	AllowAnyPath      bool                    `pulumi:"allowAnyPath,optional"`
}

// Annotate describes the inputs for the schema.
func (s *Serving) Annotate(at infer.Annotator) {
	at.Describe(&s.Replicas, "How many replicas of Traefik run: 1 to 1,000. Default: 2. Leave it out with `autoscaling`.")
	at.SetDefault(&s.Replicas, defaultReplicas)
	at.Describe(&s.Service, "How the gateway is reached from outside.")
	at.Describe(&s.Port, "The port that clients connect to, from 1 to 65535. Default: 80.")
	at.SetDefault(&s.Port, 80)
	at.Describe(&s.PublicURL, "The URL that clients use, without a path, where something in front of the gateway decides it: a load "+
		"balancer that ends TLS, or a DNS name. Scheme http or https. The outputs `url` of the gateway and of its services begin with "+
		"it. Default: `http://`, the address and the port; with `https`, `https://`, the first host name and its port.")
	at.Describe(&s.AllowedNamespaces, "The namespaces whose routes may attach to the gateway. Whoever may create an HTTPRoute in one of "+
		"them can serve any path of the gateway. Default: all.")
	at.Describe(&s.AllowAnyPath, "Whether a ModelService may have a `path` outside of `/<its namespace>/`. A service of another "+
		"namespace may then have the same path. Default: false.")
	at.SetDefault(&s.AllowAnyPath, false)
}

// Chart is where Traefik comes from.
type Chart struct {
	Repository     *string        `pulumi:"repository,optional"`
	Name           string         `pulumi:"name,optional"`
	Version        *string        `pulumi:"version,optional"`
	Values         map[string]any `pulumi:"values,optional"`
	TraefikVersion *string        `pulumi:"traefikVersion,optional"`
}

// Annotate describes the type for the schema.
func (c *Chart) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewayChart")
	at.Describe(c, "The Helm chart that Traefik comes from.")
	at.Describe(&c.Repository, "The chart's repository, an HTTP URL that needs no password. Default: "+
		"`https://traefik.github.io/charts`; none where `name` is an OCI reference or a path.")
	at.Describe(&c.Name, "The chart's name in the repository, an OCI reference (`oci://…`), or the path of a folder or archive "+
		"(absolute, or starting with `.`). Default: `traefik`.")
	at.SetDefault(&c.Name, "traefik")
	at.Describe(&c.Version, "The chart's version. Default: 41.3.0.")
	at.Describe(&c.Values, "Values for the chart, merged deeply over those that the gateway computes. What you set wins; "+
		"`additionalArguments`, `env` and `ports.web.http.middlewares` are added to ours. A value that would break routing or show "+
		"keys is refused. Null does not reach Helm.")
	at.Describe(&c.TraefikVersion, "The version of Traefik in the image, for an image whose tag does not tell it. Traefik older "+
		"than 3.7.13 is refused: it does not start with the gateway's settings, or has known security holes.")
}

// Service is the Kubernetes Service in front of Traefik.
type Service struct {
	Type                     *ServiceType      `pulumi:"type,optional"`
	Annotations              map[string]string `pulumi:"annotations,optional"`
	LoadBalancerClass        *string           `pulumi:"loadBalancerClass,optional"`
	LoadBalancerSourceRanges []string          `pulumi:"loadBalancerSourceRanges,optional"`
	ExternalTrafficPolicy    *TrafficPolicy    `pulumi:"externalTrafficPolicy,optional"`
}

// Annotate describes the type for the schema.
func (s *Service) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewayService")
	at.Describe(s, "The Kubernetes Service in front of Traefik.")
	at.Describe(&s.Type, "The Service's type. Default: `LoadBalancer`.")
	at.SetDefault(&s.Type, LoadBalancer)
	at.Describe(&s.Annotations, "Annotations for the Service alone, such as those that a cloud's load balancer reads.")
	at.Describe(&s.LoadBalancerClass, "Which load balancer serves it. Default: the cluster's own choice.")
	at.Describe(&s.LoadBalancerSourceRanges, "The IP ranges from which clients may connect, in CIDR notation (`10.0.0.0/8`), where the "+
		"cluster's load balancer supports that. Default: every address.")
	at.Describe(&s.ExternalTrafficPolicy, "To which Pods a node sends connections from outside of the cluster. With `Local` the gateway sees the "+
		"client's own address, where the load balancer keeps it. Default: the cluster's, which is `Cluster`.")
}

// ServiceType is the type of a Service.
type ServiceType string

// The types of Service that a gateway can have.
const (
	LoadBalancer ServiceType = "LoadBalancer"
	ClusterIP    ServiceType = "ClusterIP"
	NodePort     ServiceType = "NodePort"
)

// Values lists the types for the schema.
func (ServiceType) Values() []infer.EnumValue[ServiceType] {
	return []infer.EnumValue[ServiceType]{
		{Name: "LoadBalancer", Value: LoadBalancer, Description: "An address from the cluster's load balancer."},
		{Name: "ClusterIP", Value: ClusterIP, Description: "An address inside the cluster only."},
		{Name: "NodePort", Value: NodePort, Description: "An address inside the cluster, and a port on every node."},
	}
}

// Annotate describes the type for the schema.
func (t *ServiceType) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewayServiceType")
	at.Describe(t, "The type of a Kubernetes Service.")
}
