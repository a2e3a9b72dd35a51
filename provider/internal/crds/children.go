package crds

import (
	"strings"

	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
)

// Children install CRDs, which outlive the component: deleting one would delete every object of its kind in the cluster. Prefix starts
// their Pulumi names. All components write CRDs under one field manager, so that only what another tool holds in another version
// is a conflict. A CRD is never updated, because Pulumi updates CRDs by overwriting what is there, whoever holds it: each version is a
// separate resource, and a change that refresh has found is left alone.
func Children(all []CRD, prefix string, advice func(string) string) []child.Child {
	children := make([]child.Child, len(all))
	for i, crd := range all {
		metadata, _ := crd.Object["metadata"].(map[string]any)
		children[i] = child.Child{
			Key: crd.Name, Kind: kube.CRDPatch, Bare: true, Keep: true,
			ResourceName: prefix + "-" + crd.Name + "-" + crd.Version,
			Name:         child.Fixed(crd.Name), Annotations: child.Fixed(metadata["annotations"]),
			Fields:        child.Fields{"spec": child.Fixed(crd.Object["spec"])},
			IgnoreChanges: []string{"metadata", "spec"}, Advice: advice,
		}
	}
	return children
}

// Advise says what to do if the cluster has a CRD in another version, or does not let anyone change it. Instead says how to go on
// without installing CRDs.
func Advise(failure, instead string) string {
	switch {
	case strings.Contains(failure, "conflict"):
		return "Another tool holds this CRD in another version, and it was left as it is. " + instead
	case strings.Contains(failure, "denied"), strings.Contains(failure, "forbidden"):
		return "The cluster does not let this CRD be written: a policy protects it, or the user of the kubeconfig has no right to. " + instead
	default:
		return ""
	}
}
