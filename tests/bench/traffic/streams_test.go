package traffic

import (
	"net/http"
	"sync"

	"github.com/modelplane/pulumi-modelplane/tests/bench/figures"
)

// streams asks for many event streams at once, of the model server itself and through the gateway in turn.
func streams(b *bench) {
	count := either(b, 200, 50)
	urls := map[string]string{"servers": "http://" + b.servers.addresses["stream"] + "/v1"}
	for _, name := range []string{byPlain, byFronted} {
		urls[name] = b.direct("stream-" + name)
	}
	for round := range either(b, 4, 1) {
		for _, name := range []string{"servers", byPlain, byFronted} {
			s := figures.Streams{Way: name, Round: round, Streams: count, Chunks: count * b.servers.chunks}
			var late []float64
			for _, one := range streamsAtOnce(b, urls[name], count) {
				late = append(late, one.late...)
			}
			s.Lost = s.Chunks - len(late)
			s.Late = figures.Percentiles(late)
			b.Streams = append(b.Streams, s)
		}
	}
}

func streamsAtOnce(b *bench, url string, count int) []streamed {
	transport := &http.Transport{MaxIdleConnsPerHost: count}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	all := make([]streamed, count)
	var readers sync.WaitGroup
	for i := range all {
		readers.Go(func() { all[i] = stream(b.Context(), client, url) })
	}
	readers.Wait()
	return all
}
