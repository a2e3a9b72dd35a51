package crds

import (
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
