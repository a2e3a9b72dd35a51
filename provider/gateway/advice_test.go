package gateway

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
)

// conflict is how the Kubernetes plugin begins to report one.
const conflict = `The resource managed by field manager "modelplane" had an apply conflict: Apply failed with `

// TestAFailureIsFollowedByWhatToDo would catch an advice that does not fit its failure, one for a failure that says enough
// itself, and any that has Pulumi overwrite what another stack or tool holds.
func TestAFailureIsFollowedByWhatToDo(t *testing.T) {
	own, inTeam := plan{identity: meta.Identity{}.OrOwn("gw")}, plan{identity: meta.Identity{Name: "gw", Namespace: "team"}}
	about := func(advice func(plan, string) string, p plan) func(string) string {
		return func(failure string) string { return advice(p, failure) }
	}
	onCRDs := about(adviseOnCRDs, own)
	onGateway := func(installsCRDs bool) func(string) string {
		return func(failure string) string { return adviseOnGateway(installsCRDs, own, failure) }
	}
	for name, c := range map[string]struct {
		advice  func(failure string) string
		failure string
		want    string
	}{
		"a CRD of another tool": {
			onCRDs, conflict + `1 conflict: conflict with "helm" using apiextensions.k8s.io/v1: .spec.versions`,
			"Another tool holds this CRD",
		},
		"a CRD of a stack of before": {
			onCRDs, conflict + "1 conflict: conflict with \"pulumi-kubernetes-1\":\n- .spec.versions", "installCrds: false",
		},
		"a CRD that a policy protects": {
			onCRDs, `customresourcedefinitions.apiextensions.k8s.io "gateways.gateway.networking.k8s.io" is forbidden: ` +
				`ValidatingAdmissionPolicy 'guard' with binding 'guard' denied request: managed by the Ingress Operator`,
			"a policy protects it",
		},
		"a CRD that a webhook protects": {onCRDs, `admission webhook "guard" denied the request: no`, "a policy protects it"},
		"a CRD and a dead cluster":      {onCRDs, "connection refused", ""},

		"a namespace of another stack": {
			about(adviseOnNamespace, own), conflict + `1 conflict: conflict with "pulumi-kubernetes-1": .metadata.labels.modelplane/owner`,
			"The namespace modelplane-gw belongs to a gateway of another stack",
		},
		"a namespace that exists":       {about(adviseOnNamespace, own), `namespaces "modelplane-gw" already exists`, "another stack"},
		"a namespace with other labels": {about(adviseOnNamespace, inTeam), conflict + `1 conflict: .metadata.labels.tier`, "Leave createNamespace out"},
		"a namespace and no rights":     {about(adviseOnNamespace, own), `namespaces is forbidden`, ""},

		"an entry point of another stack": {
			about(adviseOnEntryPoint, inTeam), conflict + `1 conflict: conflict with "pulumi-kubernetes-1": .metadata.labels.modelplane/owner`,
			"The Middleware gw-entry-point in the namespace team belongs to a gateway of another stack",
		},
		"an entry point without a namespace": {about(adviseOnEntryPoint, inTeam), `namespaces "team" not found`, "createNamespace: true"},

		"a ServiceMonitor without its CRD": {
			about(adviseOnRelease, own), `no matches for kind "ServiceMonitor" in version "monitoring.coreos.com/v1"`, "Install the operator first",
		},
		"a release of the same name": {
			about(adviseOnRelease, inTeam), "cannot re-use a name that is still in use", "The namespace team has a Helm release gw already",
		},
		"a chart that is broken": {about(adviseOnRelease, inTeam), `configmaps "team" not found`, ""},

		"a policy in an old cluster": {
			adviseOnPolicy, "reported that the apiVersion for this resource does not exist", "Kubernetes 1.30 or newer",
		},
		"a policy and no rights": {
			adviseOnPolicy, `validatingadmissionpolicies.admissionregistration.k8s.io is forbidden: User "ci" cannot patch resource`, "docs/rbac.yaml",
		},
		"a policy of another stack": {
			adviseOnPolicy, conflict + `1 conflict: conflict with "pulumi-kubernetes-1": .metadata.labels.modelplane/owner`, "belongs to another stack",
		},
		"a policy and a dead cluster": {adviseOnPolicy, "connection refused", ""},

		"no address": {about(adviseOnAddress, own), "timed out waiting for the condition", "set another port"},
		"no rights":  {about(adviseOnAddress, own), "services is forbidden", ""},

		"a class of another stack": {
			onGateway(true), conflict + `1 conflict: conflict with "pulumi-kubernetes-1": .metadata.labels.modelplane/owner`,
			"belongs to another stack or program",
		},
		"CRDs that are too old": {
			onGateway(false), "timed out waiting for the condition", "tlsroutes.gateway.networking.k8s.io (v1)",
		},
		"no CRDs": {
			onGateway(false), "reported that the apiVersion for this resource does not exist", "1.5.1 or newer",
		},
		"CRDs of ours": {onGateway(true), "timed out waiting for the condition", ""},
	} {
		given := c.advice(c.failure)
		if c.want == "" {
			assert.Empty(t, given, name)
		}
		assert.Contains(t, given, c.want, name)
		assert.NotContains(t, given, "FORCE", name)
		assert.NotContains(t, given, "patchForce", name)
	}
}
