package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/load"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// TestALaggingReplicaDropsNothing would catch a change that relies on all replicas of the gateway seeing it at once: one of the
// two is stopped for 0.9 s of every second. The servers refuse one another's path and key, and a key that was taken back.
func TestALaggingReplicaDropsNothing(t *testing.T) {
	first := harness.Serve(t, modelserver.Options{Name: "first", Address: ":8000", BasePath: "/v1", Keys: []string{"first-0"}})
	second := harness.Serve(t, modelserver.Options{Name: "second", Address: ":8000", BasePath: "/openai/v1", Keys: []string{"second"}})
	open := harness.Serve(t, modelserver.Options{Name: "open", Address: ":8000", BasePath: "/v1"})
	atFirst := fmt.Sprintf("url: 'http://%s/v1', apiKey: '${key}'", first.Address())
	atSecond := fmt.Sprintf("url: 'http://%s/openai/v1', apiKey: '${key}'", second.Address())
	unkeyed := fmt.Sprintf("url: 'http://%s/v1'", open.Address())
	program := func(keyed string) string {
		return service(t, "lagging", map[string]string{"keyed": keyed, "open": unkeyed}, "keyed=1", "open=1")
	}
	s := harness.NewStack(t, "lagging")
	s.SetSecret(t, "key", "first-0")
	url := s.MustUp(t, program(atFirst))["url"].(string)
	lag(t)

	run := load.Start(context.Background(), load.Config{URL: url, RatePerSecond: 100, Workers: 16, MaxRequests: 60_000, MaxDuration: 10 * time.Minute})
	require.NoError(t, run.WaitFor(t.Context(), 100))
	for range 2 {
		s.SetSecret(t, "key", "second")
		mustUp(t, s, program(atSecond))
		s.SetSecret(t, "key", "first-0")
		mustUp(t, s, program(atFirst))
	}
	for i := 1; i <= 2; i++ {
		before, next := fmt.Sprintf("first-%d", i-1), fmt.Sprintf("first-%d", i)
		first.SetKeys(before, next)
		s.SetSecret(t, "key", next)
		mustUp(t, s, program(atFirst))
		// Once up has ended, the new key is in use everywhere, and the owner takes the old one back.
		first.SetKeys(next)
	}
	mustUp(t, s, service(t, "lagging", map[string]string{"open": unkeyed}, "open=1"))
	mustUp(t, s, program(atFirst))
	require.NoError(t, run.WaitFor(t.Context(), 200))
	report := run.Stop()
	require.NoError(t, report.Err())
	t.Logf("%d requests, none failed", report.Total)
	for _, backend := range []string{"first", "second", "open"} {
		assert.Positive(t, report.ByBackend[backend], backend)
	}
}

// lag stops one of the replicas for 0.9 s of every second, until the test ends.
func lag(t testing.TB) {
	t.Helper()
	replica := traefiks(t)[0]
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			_ = syscall.Kill(replica, syscall.SIGSTOP)
			select {
			case <-stop:
			case <-time.After(900 * time.Millisecond):
			}
			_ = syscall.Kill(replica, syscall.SIGCONT)
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-stopped })
}

// traefiks are the processes of the gateway's Pods, which the plane runs.
func traefiks(t testing.TB) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	var found []int
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(bytes.ToLower(line), []byte("--providers.kubernetesgateway.labelselector=modelplane/gateway=gw")) {
			continue
		}
		process, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		require.NoError(t, err)
		found = append(found, process)
	}
	require.Len(t, found, 2, "replicas of the gateway")
	return found
}
