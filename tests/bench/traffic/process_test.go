package traffic

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
)

// traefik is the process of the gateway's Pod, which the plane runs. Of two it is the one that is not among those given.
func (b *bench) traefik(others ...int) int {
	b.Helper()
	found := 0
	require.Eventually(b, func() bool {
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, file := range files {
			line, err := os.ReadFile(file)
			process, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			isOther := len(others) > 0 && process == others[0]
			if err == nil && !isOther && bytes.Contains(bytes.ToLower(line), []byte("--providers.kubernetesgateway.labelselector=modelplane/gateway=gw")) {
				found = process
				return true
			}
		}
		return false
	}, 2*time.Minute, 50*time.Millisecond, "the gateway's process")
	return found
}

// memoryOf is a figure of a process's memory, in bytes: VmRSS or VmHWM.
func (b *bench) memoryOf(process int, field string) int64 {
	b.Helper()
	kilobytes, err := strconv.ParseInt(procField(b.B, "/proc/"+strconv.Itoa(process)+"/status", field), 10, 64)
	require.NoError(b, err)
	return kilobytes << 10
}

func isRunning(process int) bool { return syscall.Kill(process, 0) == nil }
