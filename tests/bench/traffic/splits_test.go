package traffic

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/modelplane/pulumi-modelplane/tests/bench/figures"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

// weightSets are those of the splits: halves, canaries, large numbers, primes, and many backends.
var weightSets = [][]int{
	{1, 1},
	{2, 1},
	{80, 20},
	{90, 10},
	{99, 1},
	{999, 1},
	{9999, 1},
	{1000000, 999999},
	{1, 1, 1},
	{50, 30, 20},
	{70, 20, 10},
	{98, 1, 1},
	{7, 11, 13},
	{1, 10, 100},
	{40, 30, 20, 10},
	{1, 2, 3, 4},
	{97, 1, 1, 1},
	{1, 1, 1, 1, 1},
	{31, 29, 23, 19, 17},
	{64, 32, 16, 8, 4, 2, 1},
}

// splits counts who answers, for each set of weights.
func splits(b *bench) {
	sets := weightSets[:either(b, len(weightSets), 3)]
	requests := either(b, 10_000, 500)
	var text strings.Builder
	for i := range splitServers {
		text.WriteString(harness.ModelEndpoint(fmt.Sprint("s", i), fmt.Sprintf("url: 'http://%s/v1'", b.servers.addresses[fmt.Sprint("split", i)])))
	}
	for i, weights := range sets {
		var backends []string
		for j, weight := range weights {
			backends = append(backends, fmt.Sprintf("{endpoint: '${s%d.backend}', weight: %d}", j, weight))
		}
		for way, more := range map[string]string{byPlain: "", byFronted: ", failover: {}"} {
			text.WriteString(harness.Resource("modelplane:ModelService", fmt.Sprintf("split-%s-%d", way, i),
				fmt.Sprintf("gateway: '${gw.gateway}', backends: [%s]%s", strings.Join(backends, ", "), more), ""))
		}
	}
	b.up(text.String())
	for i, weights := range sets {
		for _, way := range []string{byPlain, byFronted} {
			b.Splits = append(b.Splits, split(b.direct(fmt.Sprintf("split-%s-%d", way, i)), way, weights, requests))
		}
	}
}

func split(url, way string, weights []int, requests int) figures.Split {
	var begun atomic.Int64
	all := load{url: url, connections: 16}.while(func() bool { return begun.Add(1) <= int64(requests) })
	s := figures.Split{Way: way, Weights: weights, Counts: make([]int, len(weights)), Requests: len(all)}
	for _, one := range all {
		server, err := strconv.Atoi(one.server)
		if !one.isAnswered() || err != nil || server >= len(weights) {
			s.Failed++
			continue
		}
		s.Counts[server]++
	}
	return s
}
