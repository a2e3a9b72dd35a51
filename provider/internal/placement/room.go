package placement

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// room is what a cluster's pools have for replicas of one request.
type room struct {
	// holds is how many replicas the pools have devices for, takes how many they do where new ones come. The two differ by pools with
	// a taint NoSchedule.
	holds, takes int
	// nodes and devices are what the pools of holds have, the devices by their names.
	nodes   int
	devices map[string]int
	// short says of each pool that holds nothing why not, closed of each that takes nothing new. Pools that have none of the devices
	// are left out.
	short, closed []string
}

// roomFor counts what a cluster's pools have for a request, which must ask for devices.
func roomFor(r Request, pools []Pool) room {
	counted := room{devices: map[string]int{}}
	for _, p := range slices.SortedFunc(slices.Values(pools), func(a, b Pool) int { return strings.Compare(a.Name, b.Name) }) {
		if !p.has(r) {
			continue
		}
		whose := fmt.Sprintf("pool %s's ", p.Name)
		short := append(p.short(r), r.Placement.untolerated(whose, p.Taints, corev1.TaintEffectNoExecute)...)
		if len(short) > 0 {
			counted.short = append(counted.short, short[0]) // one for each pool is enough for a sentence
			continue
		}
		fits := p.replicas(r)
		counted.holds += fits
		if closed := r.Placement.untolerated(whose, p.Taints, corev1.TaintEffectNoSchedule); len(closed) > 0 {
			counted.closed = append(counted.closed, closed[0])
		} else {
			counted.takes += fits
		}
		counted.nodes += p.Nodes
		for name := range r.PerNode() {
			counted.devices[name] += p.Nodes * p.device(name).Count
		}
	}
	return counted
}

// PerNode is how many devices of each name a replica needs on a node. Requests for the same devices add up.
func (r Request) PerNode() map[string]int {
	counts := map[string]int{}
	for _, d := range r.Devices {
		counts[d.name()] += d.Count
	}
	return counts
}

// device is the pool's entry for the devices of this name; the zero value where it has none.
func (p Pool) device(name string) Device {
	i := slices.IndexFunc(p.Devices, func(d Device) bool { return d.name() == name })
	if i < 0 {
		return Device{}
	}
	return p.Devices[i]
}

// has says whether the pool declares any of the devices that are asked for.
func (p Pool) has(r Request) bool {
	return slices.ContainsFunc(r.Devices, func(d DeviceRequest) bool { return p.device(d.name()).Count > 0 })
}

// replicas is how many replicas the pool's nodes have devices for; the pool must not be short of anything.
func (p Pool) replicas(r Request) int {
	if r.NodesPerReplica > 1 {
		return p.Nodes / r.NodesPerReplica
	}
	fit := maxCount
	for name, need := range r.PerNode() {
		fit = min(fit, p.device(name).Count/need)
	}
	return p.Nodes * fit
}

// short says what the pool is short of for even one replica.
func (p Pool) short(r Request) []string {
	texts := append(p.few(r), p.unlike(r)...)
	switch {
	case p.Nodes == 0:
		texts = append(texts, fmt.Sprintf("pool %s has no nodes", p.Name))
	case p.Nodes < r.NodesPerReplica:
		texts = append(texts, fmt.Sprintf("pool %s has %s, and a replica needs %d", p.Name, count(p.Nodes, "node"), r.NodesPerReplica))
	}
	return texts
}

// few says of which devices the pool's nodes have too few.
func (p Pool) few(r Request) []string {
	var texts []string
	need := r.PerNode()
	for _, name := range sortedKeys(need) {
		switch has := p.device(name).Count; {
		case has == 0:
			texts = append(texts, fmt.Sprintf("pool %s has no %s", p.Name, name))
		case has < need[name]:
			texts = append(texts, fmt.Sprintf("pool %s has %d %s on a node, and a replica needs %d", p.Name, has, name, need[name]))
		}
	}
	return texts
}

// unlike says how the pool's devices differ from those that are asked for.
func (p Pool) unlike(r Request) []string {
	var texts []string
	for _, d := range r.Devices {
		if has := p.device(d.name()); has.Count > 0 {
			texts = append(texts, d.unlike(p.Name, has)...)
		}
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

// unlike says how a pool's devices differ from those that are asked for.
func (d DeviceRequest) unlike(pool string, has Device) []string {
	var texts []string
	switch {
	case d.Type == "" || d.Type == has.Type:
	case has.Type == "":
		texts = append(texts, fmt.Sprintf("pool %s does not say which type of %s it has, and %s is asked for", pool, d.name(), d.Type))
	default:
		texts = append(texts, fmt.Sprintf("pool %s has %s of type %s, not %s", pool, d.name(), has.Type, d.Type))
	}
	if d.MinMemory == "" {
		return texts
	}
	if has.Memory == "" {
		return append(texts, fmt.Sprintf("pool %s does not say how much memory its %s have, and %s is asked for", pool, d.name(), d.MinMemory))
	}
	least, _ := parseMemory(d.MinMemory) // check has refused what is not a quantity
	memory, _ := parseMemory(has.Memory)
	if memory.Cmp(least) < 0 {
		texts = append(texts, fmt.Sprintf("pool %s has %s with %s of memory, and %s is asked for", pool, d.name(), has.Memory, d.MinMemory))
	}
	return texts
}

// taken says how many of the devices, or of the nodes where a replica spans several, this many replicas take.
func (c room) taken(r Request, replicas int) string {
	need := r.PerNode()
	names := sortedKeys(need)
	takes := count(replicas, "replica") + " of this model take"
	if replicas == 1 {
		takes += "s"
	}
	if r.NodesPerReplica > 1 {
		text := fmt.Sprintf("%s %d of %s with %s", takes, replicas*r.NodesPerReplica, count(c.nodes, "node"), join(names))
		if replicas == c.holds && replicas*r.NodesPerReplica < c.nodes {
			text += fmt.Sprintf(", and another needs %d of one pool", r.NodesPerReplica)
		}
		return text
	}
	var used, needs []string
	left := replicas == c.holds
	for _, name := range names {
		used = append(used, fmt.Sprintf("%d of %d %s", replicas*need[name], c.devices[name], name))
		needs = append(needs, fmt.Sprintf("%d %s", need[name], name))
		left = left && replicas*need[name] < c.devices[name]
	}
	text := takes + " " + join(used)
	if left {
		text += fmt.Sprintf(", and another needs %s on one node", join(needs))
	}
	return text
}
