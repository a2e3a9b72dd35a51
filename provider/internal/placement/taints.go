package placement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/klog/v2"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
)

// Taint keeps replicas away that do not tolerate it, as a node's taint does in Kubernetes
// (https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/).
type Taint struct {
	// Key is the taint's key, with the syntax of a label's key.
	Key string `pulumi:"key" json:"key"`
	// Value is the taint's value, with the syntax of a label's value. Default: empty.
	Value string `pulumi:"value,optional" json:"value,omitempty"`
	// Effect is NoSchedule, which leaves what is there and lets nothing new in, or NoExecute, which also moves what is there.
	Effect corev1.TaintEffect `pulumi:"effect" json:"effect"`
}

// Toleration lets replicas run in spite of taints, as a Pod's toleration does in Kubernetes.
type Toleration struct {
	// Key is the key of the taints that are tolerated. Default: empty, which is every key and needs the operator Exists.
	Key string `pulumi:"key,optional" json:"key,omitempty"`
	// Operator is Equal, where the taint's value must be the value here, or Exists, where any value will do. Default: Equal.
	// Lt and Gt are refused: Kubernetes has them behind a feature gate that is off.
	Operator corev1.TolerationOperator `pulumi:"operator,optional" json:"operator,omitempty"`
	// Value is what Equal compares with. Default: empty. Exists takes none.
	Value string `pulumi:"value,optional" json:"value,omitempty"`
	// Effect is the effect of the taints that are tolerated: NoSchedule or NoExecute. Default: empty, which is both.
	Effect corev1.TaintEffect `pulumi:"effect,optional" json:"effect,omitempty"`
}

// effects are those that placement can obey: preferring is no decision.
var effects = []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute}

// checkTaints finds the faults of the taints at path by the rules for a node's
// (https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/apis/core/validation/validation.go#L7209).
func checkTaints(path string, taints []Taint, faults *fault.List) {
	type identity struct {
		key    string
		effect corev1.TaintEffect
	}
	seen := map[identity]bool{}
	for i, t := range taints {
		at := fault.Index(path, i)
		checkTaintKey(at+".key", t.Key, faults)
		checkLabelValue(at+".value", t.Value, faults)
		if !slices.Contains(effects, t.Effect) {
			faults.Addf(at+".effect", "%q is not an effect of a taint here; write NoSchedule, which lets nothing new in, or NoExecute, "+
				"which also moves what is there", t.Effect)
		}
		if id := (identity{t.Key, t.Effect}); seen[id] {
			faults.Addf(at, "has the key and effect of another taint in the list; write each pair once")
		} else {
			seen[id] = true
		}
	}
}

// Check finds the faults of the toleration at path by the rules for a Pod's
// (https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/apis/core/validation/validation.go#L4362).
func (t Toleration) Check(path string, faults *fault.List) {
	if t.Key != "" {
		checkTaintKey(path+".key", t.Key, faults)
	}
	switch t.Operator {
	case corev1.TolerationOpExists:
		if t.Value != "" {
			faults.Addf(path+".value", "is given, but Exists tolerates any value; leave it out, or write the operator Equal")
		}
	case "", corev1.TolerationOpEqual:
		if t.Key == "" {
			faults.Addf(path+".key", "is empty; write the key of the taint, or the operator Exists, which then tolerates every taint")
		}
		checkLabelValue(path+".value", t.Value, faults)
	default:
		faults.Addf(path+".operator", "%q is not an operator here; write Equal or Exists", t.Operator)
	}
	if t.Effect != "" && !slices.Contains(effects, t.Effect) {
		faults.Addf(path+".effect", "%q is not an effect of a taint here; write NoSchedule or NoExecute, or leave it out for both", t.Effect)
	}
}

// OfPod is the toleration as Pods have it.
func (t Toleration) OfPod() corev1.Toleration {
	return corev1.Toleration{Key: t.Key, Operator: cmp.Or(t.Operator, corev1.TolerationOpEqual), Value: t.Value, Effect: t.Effect}
}

func checkTaintKey(path, key string, faults *fault.List) {
	if problems := validation.IsQualifiedName(key); len(problems) > 0 {
		faults.Addf(path, "%q is not the key of a taint: %s", key, strings.Join(problems, "; "))
	}
}

// untolerated says which taints of this effect the rules do not tolerate; whose is written before each.
func (r Rules) untolerated(whose string, taints []Taint, effect corev1.TaintEffect) []string {
	var texts []string
	for _, t := range taints {
		if t.Effect == effect && !r.tolerate(t) {
			taint := corev1.Taint{Key: t.Key, Value: t.Value, Effect: t.Effect}
			texts = append(texts, fmt.Sprintf("%staint %s is not tolerated", whose, taint.ToString()))
		}
	}
	slices.Sort(texts)
	return texts
}

func (r Rules) tolerate(t Taint) bool {
	taint := corev1.Taint{Key: t.Key, Value: t.Value, Effect: t.Effect}
	return slices.ContainsFunc(r.Tolerations, func(t Toleration) bool {
		toleration := t.OfPod()
		return toleration.ToleratesTaint(klog.Logger{}, &taint, false)
	})
}
