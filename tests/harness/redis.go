package harness

import (
	"net"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

// Redis is a Redis server with an address of its own.
type Redis struct {
	Address  string
	password string
	folder   string
	stop     func()
}

// NewRedis starts a real server, if the tools have one, and an embedded one otherwise.
func NewRedis(t testing.TB, password string) *Redis {
	t.Helper()
	r := &Redis{Address: net.JoinHostPort(FreeAddress(t, localplane.Free4).String(), "6379"), password: password, folder: t.TempDir()}
	r.Start(t)
	t.Cleanup(func() { r.Stop() })
	return r
}

// Start starts it, also again, with what it has kept.
func (r *Redis) Start(t testing.TB) {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Log("there is no redis-server; an embedded one takes its place")
		server := miniredis.NewMiniRedis()
		server.RequireAuth(r.password)
		require.NoError(t, server.StartAddr(r.Address))
		r.stop = server.Close
		return
	}
	host, port, err := net.SplitHostPort(r.Address)
	require.NoError(t, err)
	command := exec.Command(program, "--bind", host, "--port", port, "--requirepass", r.password, "--dir", r.folder, "--appendonly", "yes",
		"--logfile", filepath.Join(r.folder, "log"))
	require.NoError(t, command.Start())
	r.stop = func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	}
	require.Eventually(t, func() bool {
		connection, err := net.DialTimeout("tcp", r.Address, time.Second)
		if err == nil {
			_ = connection.Close()
		}
		return err == nil
	}, 10*time.Second, 20*time.Millisecond, "Redis does not start; see %s", r.folder)
}

// Stop ends it at once.
func (r *Redis) Stop() { r.stop() }
