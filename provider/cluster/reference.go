package cluster

import (
	"fmt"

	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/placement"
	"github.com/modelplane/pulumi-modelplane/provider/internal/target"
)

// Reference is a cluster as a deployment takes it. All of it is known in preview: what is not, the deployment takes from the
// resources whose URNs it names.
type Reference struct {
	Facts   placement.Cluster `pulumi:"facts" json:"facts"`
	Gateway GatewayReference  `pulumi:"gateway" json:"gateway"`
	// Serving is not of its own type, since Pulumi's YAML passes no enum of an output on to an input.
	Serving     *string `pulumi:"serving,optional" json:"serving,omitempty"`
	GatewayURN  *string `pulumi:"gatewayUrn,optional" json:"gatewayUrn,omitempty"`
	ProviderURN *string `pulumi:"providerUrn,optional" json:"providerUrn,omitempty"`
	KeyURN      *string `pulumi:"keyUrn,optional" json:"keyUrn,omitempty"`
	CAURN       *string `pulumi:"caUrn,optional" json:"caUrn,omitempty"`
}

// Annotate describes the type for the schema.
func (r *Reference) Annotate(at infer.Annotator) {
	at.SetToken("index", "ClusterReference")
	at.Describe(r, "A cluster as a ModelDeployment takes it: the output `cluster` of an InferenceCluster. Pass it on as it is; later "+
		"versions add to it.")
	at.Describe(&r.Facts, "What placements look at.")
	at.Describe(&r.Gateway, "The cluster's own Gateway, which leads to the models on it.")
	at.Describe(&r.Serving, "What models on the cluster are served by: `Plain` or `KServe`. Default: `Plain`.")
	at.Describe(&r.GatewayURN, "The URN of that Gateway in this stack, from which the URL is taken. Required, unless `connections` has the cluster.")
	at.Describe(&r.ProviderURN, "The URN of the Kubernetes provider for the cluster in this stack. Default: the provider of the deployment.")
	at.Describe(&r.KeyURN, "The URN of the Secret in this stack with the key that the Gateway takes. Default: it takes requests without one.")
	at.Describe(&r.CAURN, "The URN of the Secret in this stack with the certificates of the authorities that are trusted for the Gateway. Default: "+
		"the system's roots.")
}

// IsKServe says whether KServe serves the models on the cluster.
func (r Reference) IsKServe() bool { return ptr.Deref(r.Serving, "") == string(KServe) }

// GatewayReference is a Gateway and one of its listeners.
type GatewayReference struct {
	Name      string  `pulumi:"name" json:"name"`
	Namespace string  `pulumi:"namespace" json:"namespace"`
	Listener  string  `pulumi:"listener" json:"listener"`
	HostName  *string `pulumi:"hostName,optional" json:"hostName,omitempty"`
}

// Annotate describes the type for the schema.
func (g *GatewayReference) Annotate(at infer.Annotator) {
	at.SetToken("index", "ClusterGatewayReference")
	at.Describe(g, "A Gateway on a workload cluster, and one of its listeners.")
	at.Describe(&g.Name, "The name of the Gateway.")
	at.Describe(&g.Namespace, "The namespace of the Gateway.")
	at.Describe(&g.Listener, "The name of the listener.")
	at.Describe(&g.HostName, "The host name that its certificate is verified for. Default: it speaks plain HTTP.")
}

// Check finds what is wrong with a reference at path, which may have been written by hand.
func (r Reference) Check(path string, faults *fault.List) {
	*faults = append(*faults, r.Facts.Check(path+".facts")...)
	if serving := ServingForm(ptr.Deref(r.Serving, string(Plain))); serving != Plain && serving != KServe {
		faults.Addf(path+".serving", "%q is not one of Plain, KServe", string(serving))
	}
	faults.AddErr(path+".gateway.name", names.Existing(r.Gateway.Name))
	faults.AddErr(path+".gateway.namespace", names.Namespace(r.Gateway.Namespace))
	faults.AddErr(path+".gateway.listener", names.Existing(r.Gateway.Listener))
	if r.Gateway.HostName != nil {
		_, err := target.ParseHostname(*r.Gateway.HostName)
		faults.AddErr(path+".gateway.hostName", err)
	}
}

// CheckStack finds what a deployment in this project and stack cannot look up.
func (r Reference) CheckStack(path, project, stack string, faults *fault.List) {
	for name, urn := range map[string]*string{"gatewayUrn": r.GatewayURN, "providerUrn": r.ProviderURN, "keyUrn": r.KeyURN, "caUrn": r.CAURN} {
		if urn != nil {
			faults.AddErr(path+"."+name, ofStack(*urn, r.Facts.Name, project, stack))
		}
	}
}

// ofStack refuses a URN that no resource of the stack has.
func ofStack(text, cluster, project, stack string) error {
	parsed, err := urn.Parse(text)
	if err != nil {
		return fmt.Errorf("%q is not a URN; pass on the output cluster of an InferenceCluster", text)
	}
	if string(parsed.Project()) != project || string(parsed.Stack()) != stack {
		return fmt.Errorf("is of the stack %s of the project %s; for a cluster of another stack, write the output connection of its "+
			"InferenceCluster into connections[%q]", parsed.Stack(), parsed.Project(), cluster)
	}
	return nil
}
