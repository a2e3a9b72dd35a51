package traffic

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// names asks for each name, for another one, and for none.
func (s *secure) names(t *testing.T, other string) {
	for name, serial := range map[string]string{secureName: s.serial, secureOther: other} {
		leaf, err := s.handshake(name, nil)
		require.NoError(t, err, name)
		assert.Equal(t, serial, leaf.SerialNumber.String(), name)
	}
	for _, name := range []string{"", "other.test", "secure.test", "x." + secureName} {
		_, err := s.handshake(name, func(c *tls.Config) { c.InsecureSkipVerify = true })
		assert.ErrorContains(t, err, "unrecognized name", "%q", name)
	}
}

func (s *secure) redirects(t *testing.T, plain, url string) {
	client := s.client(nil)
	host := strings.Replace(plain, s.address, secureName, 1)
	response, err := client.Post(host+"/chat/completions?a=b%2Fc", "application/json", strings.NewReader(`{"model":"m","messages":[{"role":"user","content":"Hi"}]}`))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusPermanentRedirect, response.StatusCode)
	assert.Equal(t, url+"/chat/completions?a=b%2Fc", response.Header.Get("Location"))
	before := s.server.Count()
	client.CheckRedirect = nil
	response, err = client.Post(host+"/chat/completions", "application/json", strings.NewReader(`{"model":"m","messages":[{"role":"user","content":"Hi"}]}`))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusOK, response.StatusCode, "a client that follows still posts")
	assert.Equal(t, before+1, s.server.Count(), "what came by plain HTTP went on to the server")
}

// versions has clients speak no newer version of TLS than each.
func (s *secure) versions(t *testing.T, oldest uint16) {
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
		_, err := s.handshake(secureName, func(c *tls.Config) {
			c.MinVersion, c.MaxVersion = tls.VersionTLS10, version //nolint:gosec // what an old client speaks
			c.Certificates = s.clientCertificates
		})
		if version < oldest {
			assert.ErrorContains(t, err, "protocol version", tls.VersionName(version))
		} else {
			assert.NoError(t, err, tls.VersionName(version))
		}
	}
}

func (s *secure) guarded(t *testing.T, url string) {
	response, body := s.get(s.client(nil), url+"/models")
	assert.Equal(t, http.StatusOK, response.StatusCode, body)
	assert.Equal(t, "HTTP/2.0", response.Proto)
	before := s.server.Count()
	response, body = s.get(s.client(nil), url+"/..%2Fmetrics")
	assert.Equal(t, http.StatusBadRequest, response.StatusCode, body)
	assert.Equal(t, before, s.server.Count(), "a path with a dot segment came to the server")
	for _, http2 := range []bool{true, false} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.authority.Pool()}, ForceAttemptHTTP2: http2}}
		times, err := tokenTimes(client, url)
		require.NoError(t, err)
		require.Greater(t, len(times), 3)
		assert.Greater(t, times[len(times)-1].Sub(times[0]), 200*time.Millisecond, "the tokens came at once (HTTP/2: %t)", http2)
		client.CloseIdleConnections()
	}
}

// tokenTimes asks for a streamed answer, and says when each of its events came.
func tokenTimes(client *http.Client, url string) (times []time.Time, err error) {
	response, err := client.Post(url+"/chat/completions", "application/json",
		strings.NewReader(`{"model":"m","stream":true,"messages":[{"role":"user","content":"write"}]}`))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	last, lines := "", bufio.NewScanner(response.Body)
	for lines.Scan() {
		if lines.Text() != "" {
			last = lines.Text()
			times = append(times, time.Now())
		}
	}
	if last != "data: [DONE]" {
		return nil, fmt.Errorf("status %s; the stream ended with %q: %w", response.Status, last, lines.Err())
	}
	return times, nil
}
