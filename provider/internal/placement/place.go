// Package placement decides which clusters run a model's replicas, and how many each. It is a pure function with memory: it is
// given what runs where, and keeps every replica where it is unless there is a cause to move it.
//
// Devices are counted as the clusters' pools declare them, and only those that this model takes: what else runs on a cluster is
// not known here. So a replica that is placed may still be Pending, where others have taken the devices.
package placement

import (
	"cmp"
	"maps"
	"slices"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
)

// Decision says what runs where, and why.
type Decision struct {
	// Replicas has the number of replicas on each cluster, by the cluster's name. A cluster without any is left out.
	Replicas map[string]int `pulumi:"replicas" json:"replicas"`
	// Reasons says for each cluster, by its name, why it has as many replicas as it has: a sentence whose subject is the cluster.
	Reasons map[string]string `pulumi:"reasons" json:"reasons"`
}

// Place decides where a request's replicas run, given the clusters and what runs where: the number of replicas by the name of
// the cluster. Every fault leaves that as it is. If what is asked for does not fit, the reasons say what each cluster lacks.
func Place(request Request, clusters []Cluster, placed map[string]int) (Decision, fault.List) {
	if faults := check(request, clusters, placed); len(faults) > 0 {
		return Decision{Replicas: maps.Clone(placed)}, faults
	}
	sites := survey(request, clusters, placed)
	for _, s := range sites {
		s.keep()
	}
	shrink(sites, request.Replicas)
	fill(sites, request.Replicas)
	if total(sites) < request.Replicas {
		return Decision{Replicas: maps.Clone(placed), Reasons: reasons(sites, (*site).refusal)}, doesNotFit(request, sites)
	}
	return Decision{Replicas: replicas(sites), Reasons: reasons(sites, (*site).reason)}, nil
}

// shrink takes replicas away while there are more than wanted: one at a time from the cluster with the most, of those from the
// last by name. This undoes what fill does.
func shrink(sites []*site, wanted int) {
	for surplus := total(sites) - wanted; surplus > 0; surplus-- {
		most := slices.MaxFunc(sites, func(a, b *site) int {
			return cmp.Or(cmp.Compare(a.own, b.own), cmp.Compare(a.name, b.name))
		})
		most.own--
		most.removed++
	}
}

// fill adds replicas until there are as many as wanted, or no cluster takes more: one at a time to the cluster with the fewest, of
// those to the first by name.
func fill(sites []*site, wanted int) {
	for missing := wanted - total(sites); missing > 0; missing-- {
		open := slices.DeleteFunc(slices.Clone(sites), func(s *site) bool { return s.own >= s.takes })
		if len(open) == 0 {
			return
		}
		fewest := slices.MinFunc(open, func(a, b *site) int {
			return cmp.Or(cmp.Compare(a.own, b.own), cmp.Compare(a.name, b.name))
		})
		fewest.own++
		fewest.added++
	}
}

func total(sites []*site) int {
	sum := 0
	for _, s := range sites {
		sum += s.own
	}
	return sum
}

func replicas(sites []*site) map[string]int {
	placed := map[string]int{}
	for _, s := range sites {
		if s.own > 0 {
			placed[s.name] = s.own
		}
	}
	return placed
}

func reasons(sites []*site, reason func(*site) string) map[string]string {
	all := map[string]string{}
	for _, s := range sites {
		all[s.name] = reason(s)
	}
	return all
}
