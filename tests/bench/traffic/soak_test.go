package traffic

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/modelplane/pulumi-modelplane/tests/bench/figures"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

const (
	soakServices = 50
	soakKeys     = 5000
	// changesEvery is as often as Traefik takes a new configuration.
	changesEvery = 100 * time.Millisecond
)

// soak changes a gateway's configuration all the while, with requests under way. What it builds anew each time, it must let go.
func soak(b *bench) {
	b.up(b.soakServices(), countsTokens)
	s := &figures.Soak{Services: soakServices, Keys: soakKeys}
	over, end := context.WithCancel(b.Context())
	defer end()
	var others sync.WaitGroup
	defer others.Wait()
	answers := make(chan []sent, soakServices)
	for i := range soakServices {
		// Each has a caller of its own, from the first to the last key.
		l := (&promise{asked: serversModel}).load(way{
			url: b.direct(fmt.Sprint("soak", i)), header: http.Header{"Authorization": {"Bearer " + soakKey(i*(soakKeys-1)/(soakServices-1))}},
		}, calls[0])
		l.every = time.Second
		one := l.send(http.DefaultClient)
		require.NoError(b, one.err, "the first request to service %d", i)
		others.Go(func() {
			time.Sleep(l.every * time.Duration(i) / soakServices)
			answers <- l.while(func() bool { return over.Err() == nil })
		})
	}
	change := b.changer()
	var changes atomic.Int64
	others.Go(func() {
		ticker := time.NewTicker(changesEvery)
		defer ticker.Stop()
		for over.Err() == nil {
			change(changes.Add(1))
			<-ticker.C
		}
	})
	// At first its memory grows to what it needs.
	time.Sleep(either(b, 20*time.Second, 5*time.Second))
	before := changes.Load()
	began := time.Now()
	span := either(b, time.Minute, 15*time.Second)
	for time.Since(began) < span {
		s.Samples = append(s.Samples, b.sample(began))
		s.Changes = int(changes.Load() - before)
		time.Sleep(500 * time.Millisecond)
	}
	first, last := s.Samples[0], s.Samples[len(s.Samples)-1]
	s.Seconds, s.Reloads = last.At-first.At, int(last.Reloads-first.Reloads)
	end()
	others.Wait()
	var failed error
	var took []float64
	for range soakServices {
		for _, one := range <-answers {
			s.Requests++
			took = append(took, figures.Milliseconds(one.took()))
			if !one.isAnswered() {
				s.Failed++
				failed = one.fault()
			}
		}
	}
	slices.Sort(took)
	s.P50, s.P99 = figures.Percentile(took, 50), figures.Percentile(took, 99)
	b.Soak = s
	require.NoError(b, failed, "%d of %d requests", s.Failed, s.Requests)
	require.Positive(b, s.Requests)
	// A Traefik that takes no changes would be flat.
	require.GreaterOrEqual(b, float64(s.Reloads), s.Seconds, "reloads in %v seconds, of %d changes", s.Seconds, s.Changes)
	b.Logf("%d reloads in %.0f s; begin %+v, end %+v", s.Reloads, s.Seconds, s.Begin(), s.End())
}

func soakKey(i int) string { return fmt.Sprintf("sk-soak-%05d-0123456789", i) }

// soakServices are many services with the same many keys.
func (b *bench) soakServices() string {
	var keys []string
	for i := range soakKeys {
		keys = append(keys, fmt.Sprintf("{name: caller-%d, sha256: '%x'}", i, sha256.Sum256([]byte(soakKey(i)))))
	}
	text := harness.Resource("modelplane:ModelCallers", "many", "keys: ["+strings.Join(keys, ", ")+"]", "") +
		endpoint("p0", b.modelServers()[0], "apiKey: '${key}'")
	for i := range soakServices {
		text += service(fmt.Sprint("soak", i), "auth: {callers: '${many.callers}'}, "+limitsTokens, "p0")
	}
	return text
}

// changer is what changes the gateway's configuration: where a route that nobody else needs redirects to. Traefik does not reload for a change, such as that of an
// annotation, after which it would do the same.
func (b *bench) changer() func(n int64) {
	cluster := harness.NewCluster(b)
	cluster.Create(b, `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: changes, namespace: default}
spec:
  parentRefs: [{name: `+ours+`, namespace: modelplane-`+ours+`}]
  rules:
  - matches: [{path: {type: PathPrefix, value: /default/changes}}]
    filters: [{type: RequestRedirect, requestRedirect: {hostname: n0.example.com}}]
`)
	routes := cluster.Resource(schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"}).Namespace("default")
	return func(n int64) {
		patch := fmt.Sprintf(`[{"op":"replace","path":"/spec/rules/0/filters/0/requestRedirect/hostname","value":"n%d.example.com"}]`, n)
		if _, err := routes.Patch(context.Background(), "changes", types.JSONPatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
			b.Errorf("the route cannot be changed: %v", err)
		}
	}
}

// sample is what Traefik tells of itself now.
func (b *bench) sample(began time.Time) figures.Sample {
	b.Helper()
	text := b.scrape(ours)
	one := func(family string) float64 {
		b.Helper()
		value := harness.Figure(b, text, family)
		require.Positive(b, value, family)
		return value
	}
	return figures.Sample{
		At: time.Since(began).Seconds(), CPU: one("process_cpu_seconds_total"), Memory: one("process_resident_memory_bytes"),
		Goroutines: one("go_goroutines"), Reloads: one("traefik_config_reloads_total"),
	}
}
