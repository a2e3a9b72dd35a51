package placement

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
)

// site is one cluster while replicas are placed: one of the list, or one that only the memory knows.
type site struct {
	name    string
	request Request
	// before is how many replicas ran on it, and own how many do so far.
	before, own int
	// holds is how many replicas may stay on it, takes how many it may have where new ones come. holds is never below takes.
	holds, takes int
	// evicts says why nothing may stay on it, closes why nothing new may come; its pools decide where both are empty.
	evicts, closes []string
	// room is what its pools have. It is not used for a request without devices.
	room room
	// lost is how many it may not keep, for this cause. removed and added are what shrink and fill did.
	lost, removed, added int
	cause                string
}

// survey looks at each cluster, and at those that are gone, by name.
func survey(r Request, clusters []Cluster, placed map[string]int) []*site {
	byName := map[string]*site{}
	for name, replicas := range placed {
		if replicas > 0 {
			byName[name] = &site{name: name, request: r, evicts: []string{"it is not among the clusters"}}
		}
	}
	for _, c := range clusters {
		byName[c.Name] = look(r, c)
	}
	var sites []*site
	for _, name := range sortedKeys(byName) {
		s := byName[name]
		s.before, s.own = placed[name], placed[name]
		sites = append(sites, s)
	}
	return sites
}

// look finds how many replicas one cluster holds and takes.
func look(r Request, c Cluster) *site {
	s := &site{name: c.Name, request: r}
	if c.Drain {
		s.evicts = append(s.evicts, "it is drained")
	}
	if r.NodesPerReplica > 1 && !c.LeaderWorkerSet {
		s.evicts = append(s.evicts, fmt.Sprintf("it has no LeaderWorkerSet, which replicas of %d nodes need", r.NodesPerReplica))
	}
	s.evicts = append(s.evicts, r.Placement.unmatched(c.Labels)...)
	s.evicts = append(s.evicts, r.Placement.untolerated("", c.Taints, corev1.TaintEffectNoExecute)...)
	s.closes = r.Placement.untolerated("", c.Taints, corev1.TaintEffectNoSchedule)
	s.room = room{holds: math.MaxInt, takes: math.MaxInt}
	if len(r.Devices) > 0 {
		s.room = roomFor(r, c.Pools)
	}
	limit := cmp.Or(r.Placement.MaxPerCluster, math.MaxInt)
	if len(s.evicts) == 0 {
		s.holds = min(s.room.holds, limit)
	}
	if len(s.evicts)+len(s.closes) == 0 {
		s.takes = min(s.room.takes, limit)
	}
	return s
}

// keep leaves on the cluster what may stay there.
func (s *site) keep() {
	if s.own <= s.holds {
		return
	}
	s.lost, s.own = s.own-s.holds, s.holds
	if s.cause = sentence(s.evicts); s.cause == "" {
		s.cause = s.full(s.room.short)
	}
}

// lacks says why the cluster takes no more than it has; empty where it does.
func (s *site) lacks() string {
	switch {
	case len(s.evicts)+len(s.closes) > 0:
		return sentence(slices.Concat(s.evicts, s.closes))
	case s.own < s.takes:
		return ""
	}
	return s.full(slices.Concat(s.room.short, s.room.closed))
}

// full says why the cluster has no room for more than it has; pools says what is wrong with its pools.
func (s *site) full(pools []string) string {
	if limit := s.request.Placement.MaxPerCluster; limit > 0 && s.own >= limit {
		return fmt.Sprintf("maxPerCluster is %d", limit)
	}
	var texts []string
	if s.own > 0 {
		texts = append(texts, s.room.taken(s.request, s.own))
	}
	texts = append(texts, pools...)
	if len(texts) == 0 {
		texts = append(texts, "no pool declares "+join(sortedKeys(s.request.PerNode())))
	}
	return sentence(texts)
}

// reason says why the cluster has what it has.
func (s *site) reason() string {
	var text string
	switch {
	case s.lost+s.removed > 0:
		return s.loss()
	case s.added > 0 && s.before > 0:
		text = fmt.Sprintf("keeps %s and gets %d more", count(s.before, "replica"), s.added)
	case s.added > 0:
		text = "gets " + count(s.added, "replica")
	case s.own > 0:
		text = "keeps its " + count(s.own, "replica")
	case s.lacks() == "":
		return "has room, but no replica is left to place"
	default:
		return s.refusal()
	}
	if s.added == 1 {
		text += ", since no cluster with room had fewer"
	} else if s.added > 1 {
		text += ", each when no cluster with room had fewer"
	}
	if lacks := s.lacks(); lacks != "" {
		text += "; takes no more: " + lacks
	}
	return text
}

// loss says why the cluster has fewer than it had.
func (s *site) loss() string {
	var causes []string
	if s.lost > 0 {
		causes = append(causes, s.cause)
	}
	if s.removed > 0 {
		causes = append(causes, "fewer are asked for, and no cluster had more")
	}
	gone := s.lost + s.removed
	share := fmt.Sprintf("%d of its %s", gone, count(s.before, "replica"))
	if gone == s.before {
		share = "its " + count(gone, "replica")
	}
	return fmt.Sprintf("gives up %s: %s", share, strings.Join(causes, "; then "))
}

// refusal says what the cluster lacks for more replicas.
func (s *site) refusal() string {
	switch {
	case s.own == 0:
		return "takes none: " + s.lacks()
	case s.added > 0:
		return fmt.Sprintf("has room for %s: %s", count(s.own, "replica"), s.lacks())
	}
	return fmt.Sprintf("keeps its %s; takes no more: %s", count(s.own, "replica"), s.lacks())
}

// doesNotFit is the fault of a request for which the clusters have no room.
func doesNotFit(r Request, sites []*site) fault.List {
	fit := total(sites)
	text := fmt.Sprintf("%d of %d fit", fit, r.Replicas)
	if len(sites) == 0 {
		text += ", since there is no cluster"
	} else {
		text += " ("
		for i, s := range sites {
			if i > 0 {
				text += "; "
			}
			text += s.name + ": " + s.lacks()
		}
		text += ")"
	}
	if fit > 0 {
		text += fmt.Sprintf("; write %d, or add what is missing", fit)
	} else {
		text += "; add a cluster that takes them"
	}
	var faults fault.List
	faults.Add("replicas", text, "clusters", "devices", "nodesPerReplica", "placement")
	return faults
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// sentence is several statements in one.
func sentence(texts []string) string { return strings.Join(texts, ", and ") }

// join is a list in a sentence.
func join(texts []string) string { return strings.Join(texts, " and ") }
