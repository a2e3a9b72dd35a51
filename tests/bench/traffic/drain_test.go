package traffic

import (
	"net/http"
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

// drain replaces the gateway's Pod, as kubectl rollout restart does, while it serves streams that outlast the time in which it still takes requests.
// Half of them are fronted. They come through the load balancer, as the next Pod has another address.
func drain(b *bench) {
	const count = 64
	old := b.traefik()
	all := make([]streamed, count)
	transport := &http.Transport{MaxIdleConnsPerHost: count}
	defer transport.CloseIdleConnections()
	var readers sync.WaitGroup
	for i := range all {
		url := b.urls["long-"+[]string{byPlain, byFronted}[i%2]]
		readers.Go(func() { all[i] = stream(b.Context(), &http.Client{Transport: transport}, url) })
	}
	var isOver atomic.Bool
	short := make(chan []sent, 2)
	for _, name := range []string{byPlain, byFronted} {
		go func() {
			short <- load{url: b.urls[name], connections: 8, every: 40 * time.Millisecond}.while(func() bool { return !isOver.Load() })
		}()
	}
	time.Sleep(2 * time.Second)
	patch := `{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"` + time.Now().Format(time.RFC3339) + `"}}}}}`
	_, err := harness.NewCluster(b).Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}).Namespace("modelplane-gw").
		Patch(b.Context(), "gw", types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
	require.NoError(b, err)
	signalled := b.whenDeleted(old)
	readers.Wait()
	require.Eventually(b, func() bool { return !isRunning(old) }, time.Minute, 20*time.Millisecond, "the old Traefik does not end")
	gone := time.Now()
	isOver.Store(true)
	d := &figures.Drain{Streams: count, Chunks: count * b.servers.longChunks, Gone: gone.Sub(signalled).Seconds()}
	for _, one := range all {
		if !one.isWhole {
			d.Cut++
		}
		d.Lost += b.servers.longChunks - len(one.late)
		d.Longest = max(d.Longest, one.ended.Sub(signalled).Seconds())
	}
	for range 2 {
		for _, one := range <-short {
			d.Requests++
			if !one.isAnswered() {
				d.Failed++
			}
		}
	}
	b.Drain = d
}

// whenDeleted waits until a Pod of the gateway is being deleted, which is when its process is told to end.
func (b *bench) whenDeleted(int) time.Time {
	b.Helper()
	pods := harness.NewCluster(b).Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace("modelplane-gw")
	require.Eventually(b, func() bool {
		list, err := pods.List(b.Context(), metav1.ListOptions{})
		require.NoError(b, err)
		for _, pod := range list.Items {
			if pod.GetDeletionTimestamp() != nil {
				return true
			}
		}
		return false
	}, time.Minute, 50*time.Millisecond, "no Pod is replaced")
	return time.Now()
}
