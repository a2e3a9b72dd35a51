package child

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestAFailureOfAClusterNamesTheCluster would catch a failure after which nobody knows which cluster, or whose right, it is about; and an advice
// that takes the place of the child's own.
func TestAFailureOfAClusterNamesTheCluster(t *testing.T) {
	own := func(failure string) string {
		if failure == "conflict" {
			return "own"
		}
		return ""
	}
	for failure, want := range map[string]string{
		"configured Kubernetes cluster is unreachable: unable to load schema information from the API server: i/o timeout": "The cluster east does not answer",
		"can't update Helm Release with unreachable cluster: Unauthorized":                                                 "or refuses its kubeconfig",
		`deployments.apps "small" is forbidden: User "limited" cannot patch resource`:                                      "kubeconfig for the cluster east lacks the right",
		"conflict": "own",
		`pods "small" is forbidden: exceeded quota`: "",
	} {
		given := Owner{}.On(nil, "east").orOnCluster(own)(failure)
		if want == "" {
			assert.Empty(t, given, failure)
		}
		assert.Contains(t, given, want, failure)
	}
	assert.NotEmpty(t, Owner{}.On(nil, "east").orOnCluster(nil)("unreachable"))
}
