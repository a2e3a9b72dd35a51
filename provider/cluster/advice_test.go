package cluster

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
)

// TestAFailureIsFollowedByWhatToDo would catch an advice that does not fit its failure, and one for a failure that says enough itself.
func TestAFailureIsFollowedByWhatToDo(t *testing.T) {
	p := plan{identity: meta.Identity{}.OrOwn("east")}
	onRollout := func(installsCRDs bool) func(plan, string) string {
		return func(p plan, failure string) string { return adviseOnRollout(installsCRDs, p, failure) }
	}
	for name, c := range map[string]struct {
		advice        func(plan, string) string
		failure, want string
	}{
		"a release of the same name": {adviseOnRelease, "cannot re-use a name that is still in use", "The namespace modelplane-east has a Helm release east already"},
		"certificates": {
			adviseOnRelease, "failed pre-install: 1 error occurred:\n\t* timed out waiting for the condition", "kubectl describe pods -n modelplane-east -l app=certgen",
		},
		"a chart that is broken": {adviseOnRelease, "parse error", ""},
		"no node":                {onRollout(true), "'envoy-gateway' timed out waiting to be Ready", "control-plane=envoy-gateway, and kubectl logs -n modelplane-east deployment/envoy-gateway."},
		"no CRDs":                {onRollout(false), "'envoy-gateway' timed out waiting to be Ready", "lacks a CRD of the Gateway API's standard channel, 1.5.1 or newer"},
		"no Deployment":          {onRollout(true), `deployments "envoy-gateway" not found`, ""},
		"no address":             {adviseOnGateway, "timed out waiting for the condition", "owning-gateway-name=east"},
		"a Gateway of another stack": {
			adviseOnGateway, `conflict with "pulumi-kubernetes-1": .metadata.labels.modelplane/owner`, "The Gateway east in the namespace modelplane-east of the cluster east",
		},
		"a Gateway and no rights": {adviseOnGateway, "forbidden", ""},
	} {
		given := c.advice(p, c.failure)
		if c.want == "" {
			assert.Empty(t, given, name)
		}
		assert.Contains(t, given, c.want, name)
	}
}
