package meta

import (
	"fmt"

	"github.com/pulumi/pulumi-go-provider/infer"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
)

// AllowedNamespaces are the namespaces whose routes may attach to a gateway.
type AllowedNamespaces struct {
	From        *NamespacesFrom   `pulumi:"from,optional"`
	MatchLabels map[string]string `pulumi:"matchLabels,optional"`
}

// Annotate describes the type for the schema.
func (n *AllowedNamespaces) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewayAllowedNamespaces")
	at.Describe(n, "The namespaces whose routes may attach to a gateway.")
	at.Describe(&n.From, "Which namespaces these are. Default: `All`, or `Selector` with `matchLabels`.")
	at.Describe(&n.MatchLabels, "The labels that a namespace must have, for `Selector`. Every namespace carries its own name as "+
		"`kubernetes.io/metadata.name`.")
}

// NamespacesFrom says which namespaces are meant.
type NamespacesFrom string

// The namespaces that a gateway can allow (https://gateway-api.sigs.k8s.io/reference/spec/#fromnamespaces).
const (
	FromAll      NamespacesFrom = "All"
	FromSame     NamespacesFrom = "Same"
	FromSelector NamespacesFrom = "Selector"
)

// Values lists them for the schema.
func (NamespacesFrom) Values() []infer.EnumValue[NamespacesFrom] {
	return []infer.EnumValue[NamespacesFrom]{
		{Name: "All", Value: FromAll, Description: "Every namespace of the cluster."},
		{Name: "Same", Value: FromSame, Description: "The gateway's own namespace alone."},
		{Name: "Selector", Value: FromSelector, Description: "The namespaces that have certain labels."},
	}
}

// Annotate describes the type for the schema.
func (f *NamespacesFrom) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewayNamespacesFrom")
	at.Describe(f, "Which namespaces a gateway takes routes from.")
}

// Routes are the namespaces as a listener takes them: all where there is no input. Path is that of the input.
func (n *AllowedNamespaces) Routes(path string, faults *fault.List) gatewayv1.RouteNamespaces {
	if n == nil {
		return gatewayv1.RouteNamespaces{From: ptr.To(gatewayv1.NamespacesFromAll)}
	}
	from := ptr.Deref(n.From, "")
	switch {
	case from == "" && len(n.MatchLabels) > 0:
		from = FromSelector
	case from == "":
		from = FromAll
	case from == FromSelector && len(n.MatchLabels) == 0:
		faults.Add(path+".matchLabels", "is required with from: Selector; write the labels that a namespace must have", path+".from")
	case from != FromSelector && len(n.MatchLabels) > 0:
		faults.Add(path+".matchLabels", fmt.Sprintf("is given with from: %s; leave one of them out", from), path+".from")
	}
	namespaces := gatewayv1.RouteNamespaces{From: ptr.To(gatewayv1.FromNamespaces(from))}
	if from == FromSelector {
		namespaces.Selector = &metav1.LabelSelector{MatchLabels: n.MatchLabels}
		*faults = append(*faults, names.Selector(path+".matchLabels", n.MatchLabels)...)
	}
	return namespaces
}
