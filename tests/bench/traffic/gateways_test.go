package traffic

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
)

// runEnvoy is Envoy with a weighted route over the servers and one rewrite for both, as it has none for each.
func runEnvoy(b *bench) way {
	var clusters, weights strings.Builder
	for i, server := range b.quick() {
		host, port, _ := strings.Cut(server, ":")
		fmt.Fprintf(&clusters, `
  - {name: c%[1]d, type: STATIC, load_assignment: {cluster_name: c%[1]d, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: %[2]s, port_value: %[3]s}}}}]}]}}`, i, host, port)
		fmt.Fprintf(&weights, "{name: c%d, weight: 1, request_headers_to_add: [{header: {key: Authorization, value: Bearer %s}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]}, ", i, callerKey)
	}
	config := b.file("envoy.yaml", fmt.Sprintf(`static_resources:
  listeners:
  - address: {socket_address: {address: 0.0.0.0, port_value: 8081}}
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
`, weights.String(), clusters.String()))
	w := way{name: "envoy", url: "http://" + b.podAddress() + ":8081/default/chat/v1"}
	require.NoError(b, b.runGateway(&w, "envoy", "-c", config, "--concurrency", "2", "--log-level", "error"))
	return w
}

func (b *bench) quick() []string {
	return []string{b.servers.addresses["quick0"], b.servers.addresses["quick1"]}
}

// runRivals are the other gateways for models that are installed, with the quick servers.
func runRivals(b *bench) []way {
	liteLLM := func(b *bench, folder string) (way, error) { return runLiteLLM(b, folder, "m", b.quick()) }
	return append(b.rival("litellm", liteLLM), b.rival("portkey", runPortkey)...)
}

// rival is another gateway for models, where it is installed in the folder that MODELPLANE_RIVALS names and starts. Why it is not there is in a file.
func (b *bench) rival(name string, run func(b *bench, folder string) (way, error)) []way {
	folder := filepath.Join(os.Getenv("MODELPLANE_RIVALS"), name)
	version, err := os.ReadFile(filepath.Join(folder, "version"))
	if err != nil {
		why, _ := os.ReadFile(filepath.Join(folder, "absent"))
		b.Absent[name] = "It could not be installed: " + strings.TrimSpace(string(why))
		return nil
	}
	w, err := run(b, folder)
	if err != nil {
		w.signal(syscall.SIGKILL)
		b.Absent[name] = "It did not start: " + strings.ReplaceAll(err.Error(), "\n", "; ")
		return nil
	}
	b.Versions[name] = strings.TrimSpace(string(version))
	return []way{w}
}

// runLiteLLM is LiteLLM's proxy with a process for each core, which asks callers for a key and has a deployment of a model on each server. Clients call
// the model m, and the servers model.
func runLiteLLM(b *bench, folder, model string, servers []string) (way, error) {
	text := "model_list:\n"
	for _, server := range servers {
		text += fmt.Sprintf("- {model_name: m, litellm_params: {model: 'openai/%s', api_base: 'http://%s/v1', api_key: '%s', weight: 1}}\n", model, server, callerKey)
	}
	config := b.file("litellm.yaml", text+"general_settings: {master_key: "+callerKey+"}\n")
	w := way{name: "litellm", url: "http://" + b.podAddress() + ":4000/v1"}
	err := b.runGateway(&w, filepath.Join(folder, "bin/litellm"), "--config", config, "--host", "0.0.0.0", "--port", "4000", "--num_workers", "2")
	return w, err
}

// runPortkey is Portkey's gateway, whose configuration comes with each request. It asks callers for no key.
func runPortkey(b *bench, folder string) (way, error) {
	var targets []map[string]any
	for _, server := range b.quick() {
		targets = append(targets, map[string]any{"provider": "openai", "api_key": callerKey, "custom_host": "http://" + server + "/v1", "weight": 0.5})
	}
	config, err := json.Marshal(map[string]any{"strategy": map[string]any{"mode": "loadbalance"}, "targets": targets})
	if err != nil {
		return way{}, err
	}
	w := way{name: "portkey", url: "http://" + b.podAddress() + ":8787/v1", header: http.Header{"X-Portkey-Config": {string(config)}}}
	err = b.runGateway(&w, "node", filepath.Join(folder, "node_modules/@portkey-ai/gateway/build/start-server.js"), "--headless", "--port=8787")
	return w, err
}

// runGateway runs a gateway in the network of the gateway's Pod, so that its requests take the same way, until the run ends. It gives why it does not answer.
func (b *bench) runGateway(w *way, command ...string) error {
	log := filepath.Join(b.TempDir(), w.name+".log")
	output, err := os.Create(log)
	require.NoError(b, err)
	defer output.Close()
	network := fmt.Sprintf("--net=/proc/%d/ns/net", b.traefik())
	gateway := exec.Command("nsenter", append([]string{network}, command...)...)
	gateway.Stdout, gateway.Stderr = output, output
	gateway.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	gateway.Env = append(os.Environ(), "LITELLM_LOCAL_MODEL_COST_MAP=True", "LITELLM_LOG=ERROR", "TRUSTED_CUSTOM_HOSTS="+strings.ReplaceAll(strings.Join(b.quick(), ","), ":8000", ""))
	if err := gateway.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- gateway.Wait() }()
	w.processes = gateway.Process.Pid
	b.Cleanup(func() { w.signal(syscall.SIGKILL) })
	var last sent
	for began := time.Now(); time.Since(began) < 3*time.Minute; time.Sleep(200 * time.Millisecond) {
		last = load{url: w.url, header: w.header}.send(http.DefaultClient)
		if last.isAnswered() {
			return nil
		}
		select {
		case err := <-ended:
			return errors.Join(err, lastLine(log))
		default:
		}
	}
	if last.err != nil {
		return errors.Join(last.err, lastLine(log))
	}
	return errors.Join(fmt.Errorf("it answered %d", last.status), lastLine(log))
}

// lastLine is the last thing that a program has printed.
func lastLine(log string) error {
	text, err := os.ReadFile(log)
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return errors.New(strings.Join(strings.Fields(lines[len(lines)-1]), " "))
}
