package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/modelplane/pulumi-modelplane/tests/load"
)

// barWidth is how long the bar of a whole is.
const barWidth = 24

// silent is printed for a path or a host that is not known.
const silent = "–"

// table shows each way by which requests reached a backend, with the share that its backend was to get and the share that
// took this way. A backend that is reached in two ways has two lines.
func table(shares []share, report load.Report) string {
	lines := [][]string{{"BACKEND", "PATH AT THE BACKEND", "HOST", "ASKED", "GOT"}}
	accepted := report.Total - report.Failed
	ways := byBackend(report.ByWay)
	for _, share := range shares {
		asked := fmt.Sprintf("%.0f %%", 100*share.Share)
		if len(ways[share.Endpoint]) == 0 {
			lines = append(lines, append([]string{share.Endpoint, silent, silent, asked}, got(0, accepted)...))
		}
		for _, way := range ways[share.Endpoint] {
			lines = append(lines, append([]string{share.Endpoint, way.Path, way.Host, asked}, got(report.ByWay[way], accepted)...))
		}
		delete(ways, share.Endpoint)
	}
	for _, backend := range slices.Sorted(maps.Keys(ways)) {
		for _, way := range ways[backend] {
			name, asked := backend, "0 %"
			if backend == "" {
				name, asked = "not told", silent
			}
			lines = append(lines, append([]string{name, cmp.Or(way.Path, silent), cmp.Or(way.Host, silent), asked}, got(report.ByWay[way], accepted)...))
		}
	}
	return align(lines, 3, 4)
}

// byBackend are the ways to each backend, in order.
func byBackend(ways map[load.Way]int) map[string][]load.Way {
	sorted := slices.SortedFunc(maps.Keys(ways), func(a, b load.Way) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Host, b.Host))
	})
	backends := map[string][]load.Way{}
	for _, way := range sorted {
		backends[way.Backend] = append(backends[way.Backend], way)
	}
	return backends
}

// got is a share of the answers, as a number and as a bar.
func got(count, of int) []string {
	share := 0.0
	if of > 0 {
		share = float64(count) / float64(of)
	}
	return []string{fmt.Sprintf("%.1f %%", 100*share), strings.Repeat("█", int(share*barWidth+0.5))}
}

// placement shows how many replicas each cluster runs, and where they are reached.
func placement(o outputs) string {
	lines := [][]string{{"CLUSTER", "REPLICAS", "BASE URL ON THE CLUSTER"}}
	for _, placed := range o.Placement {
		lines = append(lines, []string{placed.Cluster, fmt.Sprint(placed.Replicas), o.URLs[placed.Cluster]})
	}
	return align(lines)
}

// align puts cells into columns, those of these columns to the right.
func align(lines [][]string, numbers ...int) string {
	widths := map[int]int{}
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var text strings.Builder
	for _, line := range lines {
		var columns []string
		for i, cell := range line {
			width := widths[i]
			if !slices.Contains(numbers, i) {
				width = -width
			}
			columns = append(columns, fmt.Sprintf("%*s", width, cell))
		}
		text.WriteString(strings.TrimRight(strings.Join(columns, "   "), " ") + "\n")
	}
	return text.String()
}
