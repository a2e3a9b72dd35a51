// Package traffic measures what a gateway costs its requests and how it bears failures, beside other gateways in the same run. make bench-traffic and
// make bench-models run it and make docs/benchmarks of what it has measured.
package traffic

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/provider"
	"github.com/modelplane/pulumi-modelplane/tests/bench/figures"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

func TestMain(m *testing.M) { harness.Main(m) }

// callerKey is the key of the one caller, and of the model servers.
const callerKey = "sk-bench-0123456789abcdef"

// bench is one run.
type bench struct {
	*testing.B
	*figures.Figures

	stack *stack.Stack
	// isQuick makes everything short, to try the run out: its figures mean nothing.
	isQuick bool
	urls    map[string]string
	servers *servers
}

// BenchmarkTraffic measures everything but models by name, and writes it to the file that MODELPLANE_FIGURES names.
func BenchmarkTraffic(t *testing.B) {
	b := begin(t, "traefik", "envoy")
	b.up(b.services())
	b.measure(
		part{"latency", latency}, part{"streams", streams}, part{"faults", faults}, part{"memory", memory}, part{"drain", drain}, part{"splits", splits},
	)
}

// begin is a run that measures these programs, beside others.
func begin(t *testing.B, programs ...string) *bench {
	if os.Getenv("MODELPLANE_FIGURES") == "" {
		t.Skip("MODELPLANE_FIGURES does not name the file that the figures go to; make bench-traffic and make bench-models set it, and take a quarter of an hour")
	}
	b := &bench{B: t, isQuick: os.Getenv("QUICK") != "", Figures: &figures.Figures{
		Began: time.Now().UTC().Truncate(time.Second), Machine: machine(t), Versions: versions(t, programs), Absent: map[string]string{},
	}}
	b.servers = serve(b)
	b.stack = stack.New(t, "bench", map[string]string{"KUBECONFIG": harness.Plane.Kubeconfig()})
	b.stack.SetSecret(t, "key", callerKey)
	return b
}

// part is a part of a run.
type part struct {
	name string
	run  func(*bench)
}

// measure runs the parts, or those that ONLY names, and writes their figures.
func (b *bench) measure(parts ...part) {
	for _, p := range parts {
		if only := os.Getenv("ONLY"); only != "" && !strings.Contains(only, p.name) {
			continue
		}
		at := time.Now()
		p.run(b)
		b.Logf("%s took %v", p.name, time.Since(at).Round(time.Second))
	}
	b.Minutes = time.Since(b.Began).Minutes()
	require.NoError(b, b.Write(os.Getenv("MODELPLANE_FIGURES")))
}

// either is long in a run whose figures count, and quick in one that is tried out.
func either[T any](b *bench, long, quick T) T {
	if b.isQuick {
		return quick
	}
	return long
}

func machine(t *testing.B) figures.Machine {
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	require.NoError(t, err)
	total, err := strconv.ParseFloat(procField(t, "/proc/meminfo", "MemTotal"), 64)
	require.NoError(t, err)
	busy, err := os.ReadFile("/proc/loadavg")
	require.NoError(t, err)
	load, err := strconv.ParseFloat(strings.Fields(string(busy))[0], 64)
	require.NoError(t, err)
	return figures.Machine{
		CPU: procField(t, "/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(), MemoryGB: total / (1 << 20),
		Kernel: strings.TrimSpace(string(kernel)), Go: runtime.Version(), Load: load,
	}
}

// procField is a field of a file of the kernel's, without its unit.
func procField(t *testing.B, file, name string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if label, value, _ := strings.Cut(line, ":"); strings.TrimSpace(label) == name {
			return strings.TrimSuffix(strings.TrimSpace(value), " kB")
		}
	}
	require.Fail(t, "no such field", "%s in %s", name, file)
	return ""
}

// numbered finds a version in what a program prints.
var numbered = regexp.MustCompile(`\d+\.\d+\.\d+`)

func versions(t *testing.B, programs []string) map[string]string {
	all := map[string]string{"modelplane": provider.Version}
	asked := map[string]string{"traefik": "version", "envoy": "--version"}
	for _, name := range programs {
		output, err := exec.Command(name, asked[name]).Output() //nolint:gosec // the run's own
		require.NoError(t, err, "build it with make tools")
		all[name] = numbered.FindString(string(output))
	}
	return all
}

// file is a file of the run's own.
func (b *bench) file(name, content string) string {
	path := filepath.Join(b.TempDir(), name)
	require.NoError(b, os.WriteFile(path, []byte(content), 0o600))
	return path
}
