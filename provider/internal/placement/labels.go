package placement

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
)

// LabelRequirement is a condition for a label, with the fields of a LabelSelectorRequirement of Kubernetes
// (https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.36/#labelselectorrequirement-v1-meta).
type LabelRequirement struct {
	// Key is the label's key.
	Key string `pulumi:"key" json:"key"`
	// Operator is In, where the value must be one of the values; NotIn, where it must be none of them, and the label may be
	// missing; Exists, where the label must be there; or DoesNotExist.
	Operator metav1.LabelSelectorOperator `pulumi:"operator" json:"operator"`
	// Values are what In and NotIn compare with: one or more. The other operators take none.
	Values []string `pulumi:"values,optional" json:"values,omitempty"`
}

func (l LabelRequirement) check(path string, faults *fault.List) {
	if problems := validation.IsQualifiedName(l.Key); len(problems) > 0 {
		faults.Addf(path+".key", "%q is not the key of a label: %s", l.Key, strings.Join(problems, "; "))
	}
	switch l.Operator {
	case metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn:
		if len(l.Values) == 0 {
			faults.Addf(path+".values", "is empty; write the values that %s compares with", l.Operator)
		}
	case metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist:
		if len(l.Values) > 0 {
			faults.Addf(path+".values", "is given, but %s looks at the key alone; leave it out, or write In or NotIn", l.Operator)
		}
	default:
		faults.Addf(path+".operator", "%q is not an operator; write In, NotIn, Exists or DoesNotExist", l.Operator)
	}
	for i, value := range l.Values {
		checkLabelValue(fault.Index(path+".values", i), value, faults)
	}
}

func checkLabelValue(path, value string, faults *fault.List) {
	if problems := validation.IsValidLabelValue(value); len(problems) > 0 {
		faults.Addf(path, "%q is not the value of a label: %s", value, strings.Join(problems, "; "))
	}
}

// unmatched says which of the rules' conditions a cluster's labels do not meet.
func (r Rules) unmatched(of map[string]string) []string {
	selector := metav1.LabelSelector{MatchLabels: r.MatchLabels}
	for _, e := range r.MatchExpressions {
		selector.MatchExpressions = append(selector.MatchExpressions,
			metav1.LabelSelectorRequirement{Key: e.Key, Operator: e.Operator, Values: e.Values})
	}
	parsed, err := metav1.LabelSelectorAsSelector(&selector)
	if err != nil {
		return []string{err.Error()} // check has refused it already
	}
	requirements, _ := parsed.Requirements()
	var unmet []string
	for _, requirement := range requirements {
		if !requirement.Matches(labels.Set(of)) {
			unmet = append(unmet, unmetText(requirement, of))
		}
	}
	slices.Sort(unmet)
	return slices.Compact(unmet)
}

func unmetText(requirement labels.Requirement, of map[string]string) string {
	key, values := requirement.Key(), requirement.Values().List()
	value, has := of[key]
	switch requirement.Operator() {
	case selection.DoesNotExist:
		return fmt.Sprintf("it has the label %s", key)
	case selection.NotIn:
		return fmt.Sprintf("label %s is %s, which is excluded", key, shown(value))
	}
	switch {
	case !has && len(values) == 0:
		return fmt.Sprintf("it has no label %s", key)
	case !has:
		return fmt.Sprintf("it has no label %s, which must be %s", key, alternatives(values))
	}
	return fmt.Sprintf("label %s is %s, not %s", key, shown(value), alternatives(values))
}

func alternatives(values []string) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = shown(value)
	}
	return strings.Join(texts, " or ")
}

// shown is a label's value in a sentence.
func shown(value string) string {
	if value == "" {
		return "empty"
	}
	return value
}
