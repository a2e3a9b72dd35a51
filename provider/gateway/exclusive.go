package gateway

import (
	"fmt"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// The keys of what keeps the class for the gateway.
const (
	exclusiveKey = "admission policy"
	enforcedKey  = "admission policy's binding"
)

// exclusiveChildren have the API server keep the class for the gateway. Both are called as the class is, whose name no other gateway has.
func exclusiveChildren(in Inputs, identified value.Value[plan], class child.Field) []child.Child {
	omit := !in.Install.Now().ExclusiveClass
	return []child.Child{
		{
			Key: exclusiveKey, Kind: kube.AdmissionPolicy, Omit: omit, Name: class, Owned: true, Advice: adviseOnPolicy,
			Fields: child.Fields{"spec": child.From(identified, plan.admissionPolicy)},
		},
		{
			Key: enforcedKey, Kind: kube.AdmissionPolicyBinding, Omit: omit, After: []string{exclusiveKey}, Name: class, Owned: true, Advice: adviseOnPolicy,
			Fields: child.Fields{"spec": child.From(identified, func(p plan) admissionv1.ValidatingAdmissionPolicyBindingSpec {
				return admissionv1.ValidatingAdmissionPolicyBindingSpec{
					PolicyName: p.className(), ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
				}
			})},
		},
	}
}

// admissionPolicy refuses a Gateway of the class that is not one of the gateway's own. Traefik would serve it, whatever namespace it is in.
func (p plan) admissionPolicy() admissionv1.ValidatingAdmissionPolicySpec {
	return admissionv1.ValidatingAdmissionPolicySpec{
		FailurePolicy: ptr.To(admissionv1.Fail),
		// With every default of the API spelt out, so that nothing is rewritten.
		MatchConstraints: &admissionv1.MatchResources{
			ResourceRules: []admissionv1.NamedRuleWithOperations{{
				RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
					Rule: admissionv1.Rule{
						APIGroups: []string{gatewayv1.GroupName}, APIVersions: []string{"*"}, Resources: []string{"gateways"}, Scope: ptr.To(admissionv1.AllScopes),
					},
				},
			}},
			MatchPolicy: ptr.To(admissionv1.Equivalent), NamespaceSelector: &metav1.LabelSelector{}, ObjectSelector: &metav1.LabelSelector{},
		},
		Validations: []admissionv1.Validation{{
			Expression: fmt.Sprintf("object.spec.gatewayClassName != '%s' || object.metadata.namespace == '%s' && object.metadata.name in ['%s', '%s']",
				p.className(), p.namespaceName(), p.name(), p.innerName()),
			Message: fmt.Sprintf("the GatewayClass %s is for the Gateway %s in the namespace %s alone", p.className(), p.name(), p.namespaceName()),
			Reason:  ptr.To(metav1.StatusReasonForbidden),
		}},
	}
}

// adviseOnPolicy says who owns the policy, or what it needs.
func adviseOnPolicy(failure string) string {
	if child.HeldByAnother(failure) {
		return "This ValidatingAdmissionPolicy or its binding belongs to another stack or program, and it was left as it is. Choose another name or namespace for " +
			"this gateway, or destroy the other one first."
	}
	if !strings.Contains(failure, "the apiVersion for this resource does not exist") && !strings.Contains(failure, "no matches for kind") &&
		!strings.Contains(failure, "forbidden") {
		return ""
	}
	return "exclusiveClass needs Kubernetes 1.30 or newer, and the right to make a ValidatingAdmissionPolicy and its binding (docs/rbac.yaml). Without both, leave " +
		"it out, and let nobody else create Gateways."
}
