package placement

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// table is the cases as docs/placement.md shows them: a row for each cluster, with the request in the first.
func table(cases []goldenCase) string {
	var text strings.Builder
	text.WriteString("| Request | Cluster | Ran | Runs | Why |\n|---|---|---|---|---|\n")
	for _, c := range cases {
		request := fmt.Sprintf("**%s** %s", c.in.Case, requestText(c.in.Request))
		if c.out.Fault != "" {
			request += fmt.Sprintf(" Refused: `%s`", c.out.Fault)
		}
		for _, name := range slices.Sorted(maps.Keys(c.out.Reasons)) {
			cluster := fmt.Sprintf("`%s`", name)
			i := slices.IndexFunc(c.in.Clusters, func(cl Cluster) bool { return cl.Name == name })
			if i >= 0 {
				cluster += clusterText(c.in.Clusters[i])
			}
			fmt.Fprintf(&text, "| %s | %s | %d | %d | %s |\n",
				request, cluster, c.in.Placed[name], c.out.Replicas[name], c.out.Reasons[name])
			request = ""
		}
	}
	return text.String()
}

// requestText is a request in few words.
func requestText(r Request) string {
	parts := []string{count(r.Replicas, "replica")}
	if r.NodesPerReplica > 1 {
		parts[0] += fmt.Sprintf(" of %d nodes", r.NodesPerReplica)
	}
	var devices []string
	for _, d := range r.Devices {
		text := strings.TrimSpace(fmt.Sprintf("%d %s %s", d.Count, d.name(), d.Type))
		if d.MinMemory != "" {
			text += " of " + d.MinMemory
		}
		if len(d.Selectors) > 0 {
			text += " with selectors"
		}
		devices = append(devices, text)
	}
	if len(devices) > 0 {
		parts[0] += " with " + join(devices)
	}
	for _, key := range slices.Sorted(maps.Keys(r.Placement.MatchLabels)) {
		parts = append(parts, key+"="+r.Placement.MatchLabels[key])
	}
	for _, e := range r.Placement.MatchExpressions {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Key, e.Operator, strings.Join(e.Values, ", "))))
	}
	for _, toleration := range r.Placement.Tolerations {
		parts = append(parts, fmt.Sprintf("tolerates %s=%s", toleration.Key, toleration.Value))
	}
	if r.Placement.MaxPerCluster > 0 {
		parts = append(parts, fmt.Sprintf("maxPerCluster %d", r.Placement.MaxPerCluster))
	}
	return strings.Join(parts, "; ") + "."
}

// clusterText is a cluster's facts in few words, after its name.
func clusterText(c Cluster) string {
	var parts []string
	if c.Drain {
		parts = append(parts, "drain")
	}
	if c.LeaderWorkerSet {
		parts = append(parts, "LeaderWorkerSet")
	}
	for _, key := range slices.Sorted(maps.Keys(c.Labels)) {
		parts = append(parts, key+"="+c.Labels[key])
	}
	parts = append(parts, taintTexts(c.Taints)...)
	for _, p := range c.Pools {
		text := fmt.Sprintf("pool %s: %s", p.Name, count(p.Nodes, "node"))
		var devices []string
		for _, d := range p.Devices {
			devices = append(devices, strings.Join(strings.Fields(fmt.Sprintf("%d %s %s %s", d.Count, d.name(), d.Type, d.Memory)), " "))
		}
		if len(devices) > 0 {
			text += " with " + join(devices)
		}
		parts = append(parts, strings.Join(append([]string{text}, taintTexts(p.Taints)...), ", "))
	}
	if len(parts) == 0 {
		return ""
	}
	return "; " + strings.Join(parts, "; ")
}

func taintTexts(taints []Taint) []string {
	var texts []string
	for _, t := range taints {
		taint := corev1.Taint{Key: t.Key, Value: t.Value, Effect: t.Effect}
		texts = append(texts, "taint "+taint.ToString())
	}
	return texts
}
