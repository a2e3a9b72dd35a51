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

	"github.com/modelplane/pulumi-modelplane/tests/load"
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

// fronted asks the service whose backends the plugin chooses, for many answers that begin at once.
func (s *secure) fronted(t *testing.T, url string) {
	kept := strings.Replace(url, "/chat/", "/kept/", 1)
	response, body := s.get(s.client(nil), kept+"/models")
	require.Equal(t, http.StatusOK, response.StatusCode, body)
	requests := s.server.Requests()
	last := requests[len(requests)-1]
	assert.Equal(t, "https", last.Header.Get("X-Forwarded-Proto"), "the server does not learn what the client has used")
	assert.Equal(t, fmt.Sprintf("%s:%d", secureName, securePort), last.Header.Get("X-Forwarded-Host"))
	for _, service := range []string{url, kept} {
		report := load.Do(t.Context(), load.Config{
			URL: service, MaxRequests: 300, RatePerSecond: 300, Workers: 16, Transport: s.transport(nil),
			Body:   `{"model":"m","stream":true,"max_tokens":1,"messages":[{"role":"user","content":"` + strings.Repeat("long ", 4000) + `"}]}`,
			Accept: wholeStream,
		})
		assert.NoError(t, report.Err(), service)
	}
}

func wholeStream(response *http.Response, body []byte) error {
	if response.StatusCode != http.StatusOK || !strings.HasSuffix(string(body), "data: [DONE]\n\n") {
		return fmt.Errorf("status %s: the stream ended with %q", response.Status, body[max(0, len(body)-100):])
	}
	return nil
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
