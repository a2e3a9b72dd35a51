package gateway

import "github.com/pulumi/pulumi-go-provider/infer"

// Args are the inputs of a [ModelGateway].
type Args struct {
	Name            string            `pulumi:"name,optional" plain:"true"`
	Namespace       string            `pulumi:"namespace,optional"`
	CreateNamespace *bool             `pulumi:"createNamespace,optional" plain:"true"`
	InstallCRDs     bool              `pulumi:"installCrds,optional" plain:"true"`
	Chart           *Chart            `pulumi:"chart,optional"`
	Replicas        int               `pulumi:"replicas,optional"`
	Service         *Service          `pulumi:"service,optional"`
	Port            int               `pulumi:"port,optional"`
	Labels          map[string]string `pulumi:"labels,optional"`
	Annotations     map[string]string `pulumi:"annotations,optional"`
}

// Annotate describes the inputs for the schema.
func (a *Args) Annotate(at infer.Annotator) {
	at.Describe(&a.Name, "The name of the Gateway, the Helm release and what it makes. Up to 53 characters (RFC 1035, and the "+
		"length of a Helm release), 52 with the default `namespace`. Default: the Pulumi name.")
	at.Describe(&a.Namespace, "The gateway's namespace, which must exist and is never deleted. Default: `modelplane-<name>`, "+
		"which is the gateway's own: it is created with the gateway and deleted with it, and with all that is in it.")
	at.Describe(&a.CreateNamespace, "Whether to create the namespace. Default: true without `namespace`, and false with it. A "+
		"`namespace` that is created stays when the gateway is destroyed, because others may use it by then. With false, the "+
		"default namespace must exist, too.")
	at.Describe(&a.InstallCRDs, "Whether to install the CRDs of the Gateway API (1.6.3, standard channel) and of Traefik. They "+
		"stay in the cluster when the gateway is destroyed, because deleting them would delete every route in it. Default: true. "+
		"Set it to false where another tool holds them in another version.")
	at.SetDefault(&a.InstallCRDs, true)
	at.Describe(&a.Chart, "The Helm chart that Traefik comes from. Default: the published chart, 41.3.0, with Traefik v3.7.13.")
	at.Describe(&a.Replicas, "How many Traefiks run: 1 to 1,000. Default: 2.")
	at.SetDefault(&a.Replicas, 2)
	at.Describe(&a.Service, "How the gateway is reached from outside.")
	at.Describe(&a.Port, "The port that clients connect to, from 1 to 65535. Default: 80.")
	at.SetDefault(&a.Port, 80)
	at.Describe(&a.Labels, "Labels for all objects of the gateway, but for the CRDs.")
	at.Describe(&a.Annotations, "Annotations for all objects of the gateway, but for the CRDs.")
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
	at.Describe(&c.Repository, "The chart's repository. Default: `https://traefik.github.io/charts`; none where `name` is an "+
		"OCI reference or a path.")
	at.Describe(&c.Name, "The chart's name in the repository, an OCI reference (`oci://…`), or the path of a folder or archive "+
		"(absolute, or starting with `.`). Default: `traefik`.")
	at.SetDefault(&c.Name, "traefik")
	at.Describe(&c.Version, "The chart's version. Default: 41.3.0.")
	at.Describe(&c.Values, "Values for the chart, merged deeply over those that the gateway computes. What you set wins; "+
		"`additionalArguments` are added to ours. A value that would break routing is refused.")
	at.Describe(&c.TraefikVersion, "The version of Traefik in the image, for an image whose tag does not tell it. Traefik older "+
		"than 3.7.11 is refused: it loses or mixes up the rewrites of weighted backends.")
}

// Service is the Kubernetes Service in front of Traefik.
type Service struct {
	Type              *ServiceType      `pulumi:"type,optional"`
	Annotations       map[string]string `pulumi:"annotations,optional"`
	LoadBalancerClass *string           `pulumi:"loadBalancerClass,optional"`
}

// Annotate describes the type for the schema.
func (s *Service) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewayService")
	at.Describe(s, "The Kubernetes Service in front of Traefik.")
	at.Describe(&s.Type, "The Service's type. Default: `LoadBalancer`.")
	at.SetDefault(&s.Type, LoadBalancer)
	at.Describe(&s.Annotations, "Annotations for the Service alone, such as those that a cloud's load balancer reads.")
	at.Describe(&s.LoadBalancerClass, "Which load balancer is to serve it. Default: the cluster's own choice.")
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
