package placement

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"pgregory.net/rapid"
)

// situation is what Place is given.
type situation struct {
	request  Request
	clusters []Cluster
	placed   map[string]int
}

// drawSituation draws few and small values, so that clusters are full, tied and unsuitable often, and often enough are not.
func drawSituation(t *rapid.T) situation {
	s := situation{request: drawRequest(t), placed: map[string]int{}}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		if often(t, "has cluster "+name) {
			s.clusters = append(s.clusters, drawCluster(t, name))
		}
	}
	for _, name := range []string{"a", "b", "c", "d", "gone"} {
		if n := rapid.IntRange(-3, 5).Draw(t, "placed on "+name); n > 0 {
			s.placed[name] = n
		}
	}
	return s
}

func drawRequest(t *rapid.T) Request {
	r := Request{
		Replicas:        rapid.IntRange(0, 12).Draw(t, "replicas"),
		NodesPerReplica: rapid.SampledFrom([]int{1, 1, 1, 1, 2, 3}).Draw(t, "nodesPerReplica"),
	}
	for range rapid.SampledFrom([]int{0, 1, 1, 1, 2, 2}).Draw(t, "device requests") {
		d := DeviceRequest{
			Resource:  rapid.SampledFrom([]string{"nvidia.com/gpu", "nvidia.com/gpu", "rdma/ib", ""}).Draw(t, "resource"),
			Count:     rapid.IntRange(1, 3).Draw(t, "count"),
			MinMemory: rapid.SampledFrom([]string{"", "", "", "", "", "40Gi", "80Gi"}).Draw(t, "minMemory"),
			Type:      rapid.SampledFrom([]string{"", "", "", "", "", "H100"}).Draw(t, "type"),
		}
		if d.Resource == "" {
			d.DeviceClass = "gpu.nvidia.com"
		}
		r.Devices = append(r.Devices, d)
	}
	if rapid.Bool().Draw(t, "wants a region") {
		r.Placement.MatchLabels = map[string]string{"region": "us"}
	}
	if rapid.Bool().Draw(t, "wants another tier") {
		r.Placement.MatchExpressions = []LabelRequirement{{Key: "tier", Operator: "NotIn", Values: []string{"spot"}}}
	}
	for _, key := range []string{"shut", "evict"} {
		if seldom(t, "tolerates "+key) {
			r.Placement.Tolerations = append(r.Placement.Tolerations, Toleration{Key: key, Operator: corev1.TolerationOpExists})
		}
	}
	r.Placement.MaxPerCluster = rapid.SampledFrom([]int{0, 0, 1, 2, 4}).Draw(t, "maxPerCluster")
	return r
}

func drawCluster(t *rapid.T, name string) Cluster {
	c := Cluster{Name: name, Taints: drawTaints(t), Drain: seldom(t, "drain")}
	c.Labels = map[string]string{"region": rapid.SampledFrom([]string{"us", "us", "us", "us", "us", "eu"}).Draw(t, "region")}
	if seldom(t, "spot") {
		c.Labels["tier"] = "spot"
	}
	c.LeaderWorkerSet = often(t, "has LeaderWorkerSet")
	for _, pool := range []string{"p", "q", "r"} {
		if often(t, "has pool "+pool) {
			c.Pools = append(c.Pools, drawPool(t, pool))
		}
	}
	return c
}

func drawPool(t *rapid.T, name string) Pool {
	p := Pool{Name: name, Taints: drawTaints(t), Nodes: rapid.IntRange(0, 3).Draw(t, "nodes")}
	for _, d := range []Device{{Resource: "nvidia.com/gpu"}, {Resource: "rdma/ib"}, {DeviceClass: "gpu.nvidia.com"}} {
		if seldom(t, "lacks "+d.name()) {
			continue
		}
		d.Count = rapid.IntRange(1, 8).Draw(t, "count")
		d.Memory = rapid.SampledFrom([]string{"", "40Gi", "80Gi", "141Gi"}).Draw(t, "memory")
		d.Type = rapid.SampledFrom([]string{"", "H100", "H100", "A100"}).Draw(t, "type")
		p.Devices = append(p.Devices, d)
	}
	return p
}

func drawTaints(t *rapid.T) []Taint {
	var taints []Taint
	if seldom(t, "shut") {
		taints = append(taints, Taint{Key: "shut", Effect: corev1.TaintEffectNoSchedule})
	}
	if seldom(t, "evict") {
		taints = append(taints, Taint{Key: "evict", Effect: corev1.TaintEffectNoExecute})
	}
	return taints
}

func often(t *rapid.T, label string) bool { return !seldom(t, label) }

func seldom(t *rapid.T, label string) bool { return rapid.IntRange(0, 5).Draw(t, label) == 5 }

// bounds are how many replicas each cluster may keep and, where new ones come, have, worked out in another way than Place does: by
// putting one replica after the other onto the nodes.
type bounds struct{ holds, takes map[string]int }

func boundsOf(s situation) bounds {
	b := bounds{holds: map[string]int{}, takes: map[string]int{}}
	for _, c := range s.clusters {
		matches := (s.request.Placement.MatchLabels == nil || c.Labels["region"] == "us") &&
			(s.request.Placement.MatchExpressions == nil || c.Labels["tier"] != "spot")
		spans := s.request.NodesPerReplica == 1 || c.LeaderWorkerSet
		if c.Drain || !matches || !spans || hasTaint(s.request, c.Taints, "evict") {
			continue
		}
		b.holds[c.Name] = fitting(s.request, c.Pools, "evict")
		if !hasTaint(s.request, c.Taints, "shut") {
			b.takes[c.Name] = fitting(s.request, c.Pools, "evict", "shut")
		}
	}
	return b
}

// fitting is how many replicas fit on the pools that have none of these taints.
func fitting(r Request, pools []Pool, taints ...string) int {
	most := 100 // more than any situation has
	if r.Placement.MaxPerCluster > 0 {
		most = r.Placement.MaxPerCluster
	}
	if len(r.Devices) == 0 {
		return most
	}
	n := 0
	for _, p := range pools {
		if hasTaint(r, p.Taints, taints...) {
			continue
		}
		nodes := make([]map[string]int, p.Nodes)
		for i := range nodes {
			nodes[i] = map[string]int{}
			for _, d := range p.Devices {
				nodes[i][d.Resource+d.DeviceClass] = d.Count
			}
		}
		for n < most && putReplica(r, p, nodes) {
			n++
		}
	}
	return n
}

// putReplica puts one replica onto nodes that have what it needs; false if there are none.
func putReplica(r Request, p Pool, nodes []map[string]int) bool {
	var chosen []map[string]int
	for _, node := range nodes {
		if len(chosen) < r.NodesPerReplica && putPart(r, p, node) {
			chosen = append(chosen, node)
		}
	}
	if r.NodesPerReplica > 1 {
		for _, node := range chosen {
			clear(node)
		}
	}
	return len(chosen) == r.NodesPerReplica
}

func putPart(r Request, p Pool, node map[string]int) bool {
	left := maps.Clone(node)
	for _, d := range r.Devices {
		name := d.Resource + d.DeviceClass
		left[name] -= d.Count
		i := slices.IndexFunc(p.Devices, func(has Device) bool { return has.Resource+has.DeviceClass == name })
		if left[name] < 0 || i < 0 || d.Type != "" && d.Type != p.Devices[i].Type {
			return false
		}
		if d.MinMemory != "" {
			if p.Devices[i].Memory == "" {
				return false
			}
			has, wants := resource.MustParse(p.Devices[i].Memory), resource.MustParse(d.MinMemory)
			if has.Cmp(wants) < 0 {
				return false
			}
		}
	}
	maps.Copy(node, left)
	return true
}

// hasTaint says whether there is a taint of one of these keys that the request does not tolerate.
func hasTaint(r Request, taints []Taint, keys ...string) bool {
	return slices.ContainsFunc(taints, func(taint Taint) bool {
		tolerated := slices.ContainsFunc(r.Placement.Tolerations, func(t Toleration) bool { return t.Key == taint.Key })
		return slices.Contains(keys, taint.Key) && !tolerated
	})
}
