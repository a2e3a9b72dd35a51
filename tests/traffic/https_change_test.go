package traffic

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// renewed has another tool renew its certificate in place, under load.
func (s *secure) renewed(t *testing.T) {
	url := fmt.Sprintf("https://%s:%d/default/chat/v1", secureOther, securePort)
	run := s.load(url, nil)
	require.NoError(t, run.WaitFor(t.Context(), 50))
	serial := s.keepCertificate(secureOther)
	assert.Eventually(t, func() bool {
		leaf, err := s.handshake(secureOther, nil)
		return err == nil && leaf.SerialNumber.String() == serial
	}, 20*time.Second, 100*time.Millisecond)
	require.NoError(t, run.WaitFor(t.Context(), 50))
	require.NoError(t, run.Stop().Err())
}

// rotated has the program write a new certificate three times, under load, with new connections each time, while one of the two replicas of
// Traefik runs a third of the time.
func (s *secure) rotated(t *testing.T, url string) {
	s.lag(t)
	run := s.load(url, nil)
	require.NoError(t, run.WaitFor(t.Context(), 100))
	for range 3 {
		s.issue()
		s.stack.Write(t, s.program(s.both()))
		require.NoError(t, s.stack.Preview().Err)
		s.up(s.both())
		for range 20 { // each replica is asked
			leaf, err := s.handshake(secureName, nil)
			require.NoError(t, err)
			assert.Equal(t, s.serial, leaf.SerialNumber.String(), "up has ended, but the old certificate is in use")
		}
	}
	require.NoError(t, run.WaitFor(t.Context(), 100))
	report := run.Stop()
	require.NoError(t, report.Err())
	t.Logf("%d requests on new connections during three rotations, none failed", report.Total)
}

// lag has one replica of Traefik run for a third of every half second, to the end of the test.
func (s *secure) lag(t *testing.T) {
	processes, err := filepath.Glob("/proc/[0-9]*/root")
	require.NoError(t, err)
	for _, root := range processes {
		folder, err := os.Readlink(root)
		if err != nil || !strings.HasPrefix(folder, harness.Plane.PodsDir()) {
			continue
		}
		command, err := os.ReadFile(filepath.Join(filepath.Dir(root), "cmdline"))
		if err != nil || !strings.Contains(string(command), "--entryPoints.websecure.address") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(root)))
		require.NoError(t, err)
		process, err := os.FindProcess(pid)
		require.NoError(t, err)
		done, ended := make(chan struct{}), make(chan struct{})
		t.Cleanup(func() { close(done); <-ended })
		go func() {
			defer close(ended)
			for {
				_ = process.Signal(syscall.SIGSTOP)
				time.Sleep(350 * time.Millisecond)
				_ = process.Signal(syscall.SIGCONT)
				select {
				case <-done:
					return
				case <-time.After(150 * time.Millisecond):
				}
			}
		}()
		return
	}
	require.Fail(t, "no process of Traefik is found")
}

// clients has the gateway ask for certificates, of one authority and then of another, and closes plain HTTP.
func (s *secure) clients(t *testing.T, url string) {
	first, second := newAuthority(t), newAuthority(t)
	up := func(authorities string) {
		s.up(fmt.Sprintf("certificates: [%s], hostnames: [%s], http: 'Off', minVersion: TLS13, clientCertificates: {caCertificate: %q}",
			s.own(), secureName, authorities))
	}
	certificate := func(ca *modelserver.CA) func(*tls.Config) {
		issued, err := ca.Issue([]string{"client"}, nil)
		require.NoError(t, err)
		return func(c *tls.Config) { c.Certificates = []tls.Certificate{*issued} }
	}
	of := map[*modelserver.CA]func(*tls.Config){first: certificate(first), second: certificate(second), s.authority: certificate(s.authority)}
	accepted := func(who string, ca *modelserver.CA, want bool) {
		t.Helper()
		var change func(*tls.Config)
		if ca != nil {
			change = func(c *tls.Config) {
				of[ca](c)
				// Go's client shows no certificate of an authority that the server does not name.
				only := &c.Certificates[0]
				c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return only, nil }
			}
		}
		_, err := s.handshake(secureName, change)
		if want {
			assert.NoError(t, err, who)
		} else {
			assert.ErrorContains(t, err, "tls: ", who)
		}
	}
	up(string(first.PEM()))
	accepted("nobody's", nil, false)
	accepted("the first authority's", first, true)
	accepted("another authority's", second, false)
	accepted("the authority of the gateway's own certificate", s.authority, false)
	s.clientCertificates = []tls.Certificate{}
	config := &tls.Config{}
	of[first](config)
	s.clientCertificates = config.Certificates
	s.versions(t, tls.VersionTLS13)
	s.clientCertificates = nil
	_, err := net.DialTimeout("tcp", net.JoinHostPort(s.address, fmt.Sprint(plainPort)), 2*time.Second)
	assert.Error(t, err, "the port of plain HTTP is open")

	run := s.load(url, of[first])
	require.NoError(t, run.WaitFor(t.Context(), 50))
	up(string(first.PEM()) + string(second.PEM()))
	require.NoError(t, run.WaitFor(t.Context(), 50))
	require.NoError(t, run.Stop().Err())
	run = s.load(url, of[second])
	require.NoError(t, run.WaitFor(t.Context(), 50))
	up(string(second.PEM()))
	require.NoError(t, run.WaitFor(t.Context(), 50))
	require.NoError(t, run.Stop().Err())
	accepted("the first authority's", first, false)
	accepted("the second authority's", second, true)

	apply(t, harness.NewCluster(t), "v1", "Secret", "modelplane-secure", "clients", map[string]any{"stringData": map[string]any{"ca.crt": string(first.PEM())}})
	s.up(fmt.Sprintf("certificates: [%s], hostnames: [%s], http: 'Off', minVersion: TLS13, clientCertificates: {caSecretRef: {name: clients}, optional: true}",
		s.own(), secureName))
	accepted("nobody's", nil, true)
	accepted("the first authority's", first, true)
	accepted("the second authority's", second, false)
}

func newAuthority(t testing.TB) *modelserver.CA {
	t.Helper()
	ca, err := modelserver.NewCA()
	require.NoError(t, err)
	return ca
}
