package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

// callerKey is the key of the one caller.
const callerKey = "sk-bench-0123456789abcdef"

// BenchmarkTraffic is what a request costs on its way through a gateway: by the plain weighted route with a key for the server, by one that asks callers for keys and
// counts them, and by the front, beside Envoy with the same servers and one common rewrite, and beside the servers themselves. All take turns in one run, since only
// the ratios tell anything on a machine that does other things too.
func BenchmarkTraffic(b *testing.B) {
	chart, err := filepath.Abs("../charts/traefik")
	require.NoError(b, err)
	servers := []string{serveQuick(b), serveQuick(b)}
	s := newStack(b, nil)
	s.SetSecret(b, "key", callerKey)
	service := func(name, properties string) string {
		return fmt.Sprintf("  %s: {type: 'modelplane:ModelService', properties: {gateway: '${gateway.gateway}', backends: [{endpoint: '${e0.backend}'}, {endpoint: '${e1.backend}'}]%s}}\n", name, properties)
	}
	program := fmt.Sprintf(`name: bench
runtime: yaml
config: {key: {type: string, secret: true}}
resources:
  gateway: {type: 'modelplane:ModelGateway', properties: {replicas: 1, chart: {name: '%s'}}}
  callers: {type: 'modelplane:ModelCallers', properties: {keys: [{name: bench, key: '${key}'}]}}
  e0: {type: 'modelplane:ModelEndpoint', properties: {url: 'http://%s/v1', apiKey: '${key}'}}
  e1: {type: 'modelplane:ModelEndpoint', properties: {url: 'http://%s/v1', apiKey: '${key}'}}
`, chart, servers[0], servers[1]) +
		service("plain", "") +
		service("asked", ", auth: {callers: '${callers.callers}'}, limits: {requests: [{by: Caller, requests: 1000000, seconds: 1}]}") +
		service("fronted", ", auth: {callers: '${callers.callers}'}, failover: {}") +
		"outputs: {plain: '${plain.url}', asked: '${asked.url}', fronted: '${fronted.url}'}\n"
	outputs := s.MustUp(b, program)
	ways := map[string]string{"servers": "http://" + servers[0] + "/v1", "envoy": runEnvoy(b, servers)}
	for name, url := range outputs {
		ways[name] = url.(string)
	}
	names := []string{"servers", "envoy", "plain", "asked", "fronted"}
	latencies, rates := map[string][]time.Duration{}, map[string][]float64{}
	for b.Loop() {
		// Several short turns of each, so that all meet the same machine.
		for range 8 {
			for _, name := range names {
				took, _ := ask(b, ways[name], 1, time.Second)
				latencies[name] = append(latencies[name], took...)
				many, elapsed := ask(b, ways[name], 16, time.Second)
				rates[name] = append(rates[name], float64(len(many))/elapsed.Seconds())
			}
		}
	}
	for _, name := range names {
		slices.Sort(latencies[name])
		slices.Sort(rates[name])
		p50 := latencies[name][len(latencies[name])/2]
		b.ReportMetric(float64(p50.Microseconds())/1000, name+"-p50-ms")
		b.ReportMetric(rates[name][len(rates[name])/2], name+"-req/s")
	}
}

// serveQuick is a server that answers at once, and its address.
func serveQuick(b *testing.B) string {
	b.Helper()
	address := harness.FreeAddress(b, localplane.Free4).String() + ":8000"
	server := &http.Server{Addr: address, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { //nolint:gosec // it serves one benchmark
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"}}]}`)
	})}
	go server.ListenAndServe() //nolint:errcheck // returns when the benchmark ends
	b.Cleanup(func() { _ = server.Close() })
	return address
}

// runEnvoy is Envoy with a weighted route over the servers and one rewrite for both, and the base URL.
func runEnvoy(b *testing.B, servers []string) string {
	b.Helper()
	binary, err := exec.LookPath("envoy")
	require.NoError(b, err, "build it with make tools")
	var clusters, weights strings.Builder
	for i, server := range servers {
		host, port, _ := strings.Cut(server, ":")
		fmt.Fprintf(&clusters, `
  - {name: c%[1]d, type: STATIC, load_assignment: {cluster_name: c%[1]d, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: %[2]s, port_value: %[3]s}}}}]}]}}`, i, host, port)
		fmt.Fprintf(&weights, "{name: c%d, weight: 1, request_headers_to_add: [{header: {key: Authorization, value: Bearer %s}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]}, ", i, callerKey)
	}
	address := harness.FreeAddress(b, localplane.Free4).String()
	config := filepath.Join(b.TempDir(), "envoy.yaml")
	require.NoError(b, os.WriteFile(config, fmt.Appendf(nil, `static_resources:
  listeners:
  - address: {socket_address: {address: %s, port_value: 8080}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: bench
          http_filters: [{name: envoy.filters.http.router, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]
          route_config:
            virtual_hosts:
            - {name: all, domains: ['*'], routes: [{match: {prefix: /default/chat/v1}, route: {prefix_rewrite: /v1, weighted_clusters: {clusters: [%s]}}}]}
  clusters:%s
`, address, weights.String(), clusters.String()), 0o600))
	ctx, stop := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, binary, "-c", config, "--concurrency", "2", "--log-level", "error")
	command.Stderr = os.Stderr
	require.NoError(b, command.Start())
	b.Cleanup(func() { stop(); _ = command.Wait() })
	url := "http://" + address + ":8080/default/chat/v1"
	require.Eventually(b, func() bool {
		response, err := http.Get(url + "/models")
		if err == nil {
			_ = response.Body.Close()
		}
		return err == nil && response.StatusCode == http.StatusOK
	}, 10*time.Second, 50*time.Millisecond)
	return url
}

// ask sends requests one after another on each of so many connections, and gives how long each took.
func ask(b *testing.B, url string, connections int, span time.Duration) ([]time.Duration, time.Duration) {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var all []time.Duration
	began := time.Now()
	var senders sync.WaitGroup
	for range connections {
		senders.Go(func() {
			var took []time.Duration
			for time.Since(began) < span {
				request, _ := http.NewRequest(http.MethodPost, url+"/chat/completions", strings.NewReader(`{"model":"m","messages":[{"role":"user","content":"Hello"}]}`))
				request.Header.Set("Authorization", "Bearer "+callerKey)
				request.Header.Set("Content-Type", "application/json")
				at := time.Now()
				response, err := client.Do(request)
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				if response.StatusCode != http.StatusOK {
					b.Errorf("%s answered %s", url, response.Status)
					return
				}
				took = append(took, time.Since(at))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
		})
	}
	senders.Wait()
	return all, time.Since(began)
}
