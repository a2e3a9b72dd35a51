package placement

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
)

// Bind is what Pods need to run on nodes of the pools that fit the request. It is nil where the devices alone tell these from the
// cluster's other pools: the terms follow the pools' labels, and another term replaces all Pods.
func (r Request) Bind(c Cluster) *corev1.Affinity {
	fit, others := r.sort(c.Pools)
	if len(fit) == 0 || len(others) == 0 {
		return nil
	}
	var terms []corev1.NodeSelectorTerm
	for _, p := range fit {
		var requirements []corev1.NodeSelectorRequirement
		for _, key := range sortedKeys(p.Labels) {
			requirements = append(requirements, corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOpIn, Values: []string{p.Labels[key]}})
		}
		terms = append(terms, corev1.NodeSelectorTerm{MatchExpressions: requirements})
	}
	return &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms},
	}}
}

// CheckBinding finds pools that fit the request, and whose labels others of the cluster at path have, too.
func (r Request) CheckBinding(path string, c Cluster) fault.List {
	var faults fault.List
	fit, others := r.sort(c.Pools)
	for _, p := range fit {
		for _, other := range others {
			if !labels.SelectorFromSet(p.Labels).Matches(labels.Set(other.Labels)) {
				continue
			}
			i := slices.IndexFunc(c.Pools, func(of Pool) bool { return of.Name == p.Name })
			faults.Add(fault.Index(path+".pools", i)+".labels", fmt.Sprintf("do not tell the nodes of pool %s from those of pool %s, which have %s, too; "+
				"write a label that only the nodes of pool %s have", p.Name, other.Name, join(sortedKeys(r.PerNode())), p.Name), path, "devices")
		}
	}
	return faults
}

// sort gives the pools that fit the request, and the others that the scheduler could take for them: it counts devices, and knows neither their
// types nor their memory. Both are in the order of their names.
func (r Request) sort(pools []Pool) (fit, others []Pool) {
	for _, p := range slices.SortedFunc(slices.Values(pools), func(a, b Pool) int { return strings.Compare(a.Name, b.Name) }) {
		switch {
		case !p.has(r) || len(p.few(r)) > 0:
		case len(p.unlike(r)) > 0:
			others = append(others, p)
		default:
			fit = append(fit, p)
		}
	}
	return fit, others
}
