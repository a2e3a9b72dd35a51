// Package bench measures how long pulumi up takes with this package, beside the same objects written by hand, and how large the
// state is. It asserts nothing; make bench prints it.
package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

func TestMain(m *testing.M) { harness.Main(m) }

// checkpoints has Pulumi write its state after each step, as it does for its users.
var checkpoints = map[string]string{stack.SkipCheckpoints: "false"}

// BenchmarkGateway is a gateway with three endpoints and a service: the first up, one that changes nothing, and the state.
func BenchmarkGateway(b *testing.B) {
	chart, err := filepath.Abs("../charts/traefik")
	require.NoError(b, err)
	program := func(installCRDs bool) string {
		return fmt.Sprintf(`name: bench
runtime: yaml
resources:
  gateway: {type: 'modelplane:ModelGateway', properties: {installCrds: %t, chart: {name: '%s'}}}
%s  chat:
    type: modelplane:ModelService
    properties:
      gateway: ${gateway.gateway}
      backends: [{endpoint: '${e0.backend}'}, {endpoint: '${e1.backend}'}, {endpoint: '${e2.backend}'}]
`, installCRDs, chart, endpoints(3, ""))
	}
	for _, c := range []struct {
		name        string
		installCRDs bool
		set         func(*stack.Stack)
	}{
		{"AsItIs", true, keepLog},
		{"WithoutPulumisLog", true, func(*stack.Stack) {}},
		{"WithoutCRDs", false, keepLog},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := newStack(b, checkpoints)
			c.set(s)
			for b.Loop() {
				first := up(b, s, program(c.installCRDs))
				b.ReportMetric(first.Seconds(), "first-s")
				b.ReportMetric(up(b, s, program(c.installCRDs)).Seconds(), "again-s")
				b.ReportMetric(float64(len(s.State(b)))/1e6, "state-MB")
			}
		})
	}
}

// BenchmarkEndpoints is a hundred endpoints beside their objects written by hand: a Service and an EndpointSlice each. They
// have no Middleware, since a program in YAML cannot write one.
func BenchmarkEndpoints(b *testing.B) {
	for name, env := range map[string]map[string]string{"AsItIs": checkpoints, "WithoutCheckpoints": nil} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s := newStack(b, env)
				ours := up(b, s, "name: bench\nruntime: yaml\nresources:\n"+endpoints(100, "forwardCaller: true"))
				objects := byHand(b, s)
				require.NoError(b, s.Destroy().Err)
				hand := up(b, newStack(b, env), objects)
				b.ReportMetric(ours.Seconds(), "ours-s")
				b.ReportMetric(hand.Seconds(), "hand-s")
				b.ReportMetric(ours.Seconds()/hand.Seconds(), "ratio")
			}
		})
	}
}

func newStack(b *testing.B, env map[string]string) *stack.Stack {
	all := map[string]string{"KUBECONFIG": harness.Plane.Kubeconfig()}
	for name, value := range env {
		all[name] = value
	}
	return stack.New(b, "bench", all)
}

// keepLog has Pulumi keep its log of every property, as it does for its users.
func keepLog(s *stack.Stack) { _ = os.Remove(s.AutomaticLog()) }

// up is how long an up takes that must succeed.
func up(b *testing.B, s *stack.Stack, program string) time.Duration {
	s.Write(b, program)
	began := time.Now()
	result := s.Up()
	took := time.Since(began)
	require.NoError(b, result.Err, result.Output)
	return took
}

func endpoints(count int, property string) string {
	var all strings.Builder
	for i := range count {
		fmt.Fprintf(&all, "  e%d: {type: 'modelplane:ModelEndpoint', properties: {url: 'http://10.98.7.%d:8000/v1', %s}}\n", i, i+1, property)
	}
	return all.String()
}

// byHand is a program with the objects that are in the stack, each a resource of Pulumi's Kubernetes package.
func byHand(b *testing.B, s *stack.Stack) string {
	var state apitype.DeploymentV3
	require.NoError(b, json.Unmarshal(s.Export(b).Deployment, &state))
	resources := map[string]any{}
	for _, r := range state.Resources {
		if strings.HasPrefix(string(r.Type), "kubernetes:") {
			resources[fmt.Sprint("r", len(resources))] = map[string]any{"type": r.Type, "properties": r.Inputs}
		}
	}
	require.NotEmpty(b, resources)
	text, err := json.Marshal(map[string]any{"name": "bench", "runtime": "yaml", "resources": resources})
	require.NoError(b, err)
	return string(text)
}
