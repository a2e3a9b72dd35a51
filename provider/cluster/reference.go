package cluster

import (
	"github.com/pulumi/pulumi-go-provider/infer"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/placement"
)

// Reference is a cluster as a deployment takes it. All of it is known in preview: what is not, the deployment takes from the
// resources whose URNs it names.
type Reference struct {
	Facts       placement.Cluster `pulumi:"facts" json:"facts"`
	Gateway     GatewayReference  `pulumi:"gateway" json:"gateway"`
	ProviderURN *string           `pulumi:"providerUrn,optional" json:"providerUrn,omitempty"`
}

// Annotate describes the type for the schema.
func (r *Reference) Annotate(at infer.Annotator) {
	at.SetToken("index", "ClusterReference")
	at.Describe(r, "A cluster as a ModelDeployment takes it: the output `cluster` of an InferenceCluster. Pass it on as it is; later "+
		"versions add to it.")
	at.Describe(&r.Facts, "What placements look at.")
	at.Describe(&r.Gateway, "The cluster's own Gateway, which leads to the models on it.")
	at.Describe(&r.ProviderURN, "The URN of the Kubernetes provider for the cluster in this stack. Default: the provider of the deployment.")
}

// GatewayReference is a Gateway and one of its listeners.
type GatewayReference struct {
	Name      string `pulumi:"name" json:"name"`
	Namespace string `pulumi:"namespace" json:"namespace"`
	Listener  string `pulumi:"listener" json:"listener"`
	Port      int    `pulumi:"port" json:"port"`
	URN       string `pulumi:"urn" json:"urn"`
}

// Annotate describes the type for the schema.
func (g *GatewayReference) Annotate(at infer.Annotator) {
	at.SetToken("index", "ClusterGatewayReference")
	at.Describe(g, "A Gateway on a workload cluster, and one of its listeners.")
	at.Describe(&g.Name, "The name of the Gateway.")
	at.Describe(&g.Namespace, "The namespace of the Gateway.")
	at.Describe(&g.Listener, "The name of the listener.")
	at.Describe(&g.Port, "The port of the listener, from 1 to 65535.")
	at.Describe(&g.URN, "The Gateway's URN in this stack, from which a deployment learns the address.")
}

// Check finds what is wrong with a reference at path, which may have been written by hand.
func (r Reference) Check(path string, faults *fault.List) {
	*faults = append(*faults, r.Facts.Check(path+".facts")...)
	faults.AddErr(path+".gateway.name", names.Existing(r.Gateway.Name))
	faults.AddErr(path+".gateway.namespace", names.Namespace(r.Gateway.Namespace))
	faults.AddErr(path+".gateway.listener", names.Existing(r.Gateway.Listener))
	if r.Gateway.Port < 1 || r.Gateway.Port > 65535 {
		faults.Addf(path+".gateway.port", "%d is outside 1 to 65535", r.Gateway.Port)
	}
}
