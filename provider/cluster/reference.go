package cluster

import (
	"fmt"

	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/placement"
	"github.com/modelplane/pulumi-modelplane/provider/internal/target"
)

// Reference is a cluster as a deployment takes it. All of it is known in preview: what is not, the deployment takes from the
// resources whose URNs it names.
type Reference struct {
	Facts       placement.Cluster `pulumi:"facts" json:"facts"`
	Gateway     GatewayReference  `pulumi:"gateway" json:"gateway"`
	GatewayURN  *string           `pulumi:"gatewayUrn,optional" json:"gatewayUrn,omitempty"`
	URL         *string           `pulumi:"url,optional" json:"url,omitempty"`
	ProviderURN *string           `pulumi:"providerUrn,optional" json:"providerUrn,omitempty"`
}

// Annotate describes the type for the schema.
func (r *Reference) Annotate(at infer.Annotator) {
	at.SetToken("index", "ClusterReference")
	at.Describe(r, "A cluster as a ModelDeployment takes it: the output `cluster` of an InferenceCluster. Pass it on as it is; later "+
		"versions add to it.")
	at.Describe(&r.Facts, "What placements look at.")
	at.Describe(&r.Gateway, "The cluster's own Gateway, which leads to the models on it.")
	at.Describe(&r.GatewayURN, "The URN of that Gateway in this stack, from which the URL is taken. Required, unless `url` is given.")
	at.Describe(&r.URL, "The URL of that Gateway, without a path, for a cluster of another stack.")
	at.Describe(&r.ProviderURN, "The URN of the Kubernetes provider for the cluster in this stack. Default: the provider of the deployment.")
}

// GatewayReference is a Gateway and one of its listeners.
type GatewayReference struct {
	Name      string `pulumi:"name" json:"name"`
	Namespace string `pulumi:"namespace" json:"namespace"`
	Listener  string `pulumi:"listener" json:"listener"`
}

// Annotate describes the type for the schema.
func (g *GatewayReference) Annotate(at infer.Annotator) {
	at.SetToken("index", "ClusterGatewayReference")
	at.Describe(g, "A Gateway on a workload cluster, and one of its listeners.")
	at.Describe(&g.Name, "The name of the Gateway.")
	at.Describe(&g.Namespace, "The namespace of the Gateway.")
	at.Describe(&g.Listener, "The name of the listener.")
}

// Check finds what is wrong with a reference at path, which may have been written by hand.
func (r Reference) Check(path string, faults *fault.List) {
	*faults = append(*faults, r.Facts.Check(path+".facts")...)
	faults.AddErr(path+".gateway.name", names.Existing(r.Gateway.Name))
	faults.AddErr(path+".gateway.namespace", names.Namespace(r.Gateway.Namespace))
	faults.AddErr(path+".gateway.listener", names.Existing(r.Gateway.Listener))
	switch {
	case r.URL != nil:
		_, err := target.ParseListener(*r.URL)
		faults.AddErr(path+".url", err)
	case r.GatewayURN == nil:
		faults.Add(path+".url", "is required, unless gatewayUrn is given: the URL of the cluster's Gateway, without a path", path+".gatewayUrn")
	}
}

// CheckStack finds URNs of other stacks, which the program's own stack, of this project and name, cannot look up.
func (r Reference) CheckStack(path, project, stack string, faults *fault.List) {
	if r.URL == nil && r.GatewayURN != nil {
		faults.AddErr(path+".gatewayUrn", ofStack(*r.GatewayURN, project, stack))
	}
	if r.ProviderURN != nil {
		faults.AddErr(path+".providerUrn", ofStack(*r.ProviderURN, project, stack))
	}
}

// ofStack refuses a URN that no resource of the stack has.
func ofStack(text, project, stack string) error {
	parsed, err := urn.Parse(text)
	if err != nil {
		return fmt.Errorf("%q is not a URN; pass on the output cluster of an InferenceCluster", text)
	}
	if string(parsed.Project()) != project || string(parsed.Stack()) != stack {
		return fmt.Errorf("is of the stack %s of the project %s; for a cluster of another stack, leave it out, and write url, and the cluster's "+
			"kubeconfig into kubeconfigs", parsed.Stack(), parsed.Project())
	}
	return nil
}
