package traffic

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stream opens a stream of a service, and gives its first line and what ends it.
func (p *pairs) stream(t *testing.T, service string, header http.Header) (first string, leave context.CancelFunc) {
	ctx, leave := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.urls[service]+"/stream", strings.NewReader(hello))
	require.NoError(t, err)
	request.Header = header
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	t.Cleanup(func() { leave(); _ = response.Body.Close() })
	first, err = bufio.NewReader(response.Body).ReadString('\n')
	require.NoError(t, err)
	return first, leave
}

// streamsAreUnderWay would catch a stream that counts no longer once it has begun, one that counts for ever because its client has left, a caller who pays
// for another, and a server that goes on for a client that has left.
func streamsAreUnderWay(t *testing.T, p *pairs) {
	p.candidate.set(fails) // its copies of streams end at once
	defer p.candidate.set(well)
	status := func(key string) int {
		return p.ask(t, http.MethodPost, "chat", "/chat/completions", bearer(key), hello).status
	}
	p.stream(t, "chat", bearer(aliceKey))
	_, leave := p.stream(t, "chat", bearer(aliceKey))
	for range 3 {
		assert.Equal(t, http.StatusTooManyRequests, status(aliceKey))
	}
	assert.Equal(t, http.StatusOK, status(bobNew), "another caller")
	gone := p.own.gone() + p.other.gone()
	leave()
	assert.Eventually(t, func() bool { return status(aliceKey) == http.StatusOK }, 5*time.Second, 50*time.Millisecond, "its client has left")
	assert.Eventually(t, func() bool { return p.own.gone()+p.other.gone() > gone }, 5*time.Second, 20*time.Millisecond, "the server is not told")
	select {
	case p.own.finish <- true:
	case p.other.finish <- true:
	}
	assert.Eventually(t, func() bool {
		_, leave := p.stream(t, "chat", bearer(aliceKey))
		defer leave()
		return status(aliceKey) == http.StatusOK
	}, 5*time.Second, 50*time.Millisecond, "it has ended")
}

// teamsAreUnderWay would catch a limit by a header that counts teams together, or counts nobody.
func teamsAreUnderWay(t *testing.T, p *pairs) {
	status := func(team string) int {
		return p.ask(t, http.MethodPost, "crews", "/chat/completions", with("X-Team", team), hello).status
	}
	_, leave := p.stream(t, "crews", with("X-Team", "blue"))
	assert.Equal(t, http.StatusTooManyRequests, status("blue"))
	assert.Equal(t, http.StatusOK, status("red"))
	leave()
	assert.Eventually(t, func() bool { return status("blue") == http.StatusOK }, 5*time.Second, 50*time.Millisecond, "its client has left")
}

// silentBackends would catch a request that counts twice because two backends were asked, and goes on counting for the one that was left.
func silentBackends(t *testing.T, p *pairs) {
	at := p.at(t, p.home(t, aliceKey))
	at.set(silent)
	defer at.set(well)
	for range 5 {
		got := p.ask(t, http.MethodPost, "chat", "/chat/completions", bearer(aliceKey), hello)
		require.Equal(t, http.StatusOK, got.status, got.body)
		assert.NotEqual(t, at.name, got.header.Get("X-Server"))
	}
	time.Sleep(2 * time.Second)
}

func (p *pairs) at(t *testing.T, name string) *played {
	t.Helper()
	for _, server := range []*played{p.own, p.other} {
		if server.name == name {
			return server
		}
	}
	t.Fatalf("no server %q has answered", name)
	return nil
}

// home is the server that answers a caller.
func (p *pairs) home(t *testing.T, key string) string {
	t.Helper()
	got := p.ask(t, http.MethodPost, "chat", "/chat/completions", bearer(key), hello)
	require.Equal(t, http.StatusOK, got.status, got.body)
	return got.header.Get("X-Server")
}

// callersComeHome would catch a caller who loses requests with its backend, or who stays away although that is back.
func callersComeHome(t *testing.T, p *pairs) {
	for _, key := range []string{aliceKey, bobNew} {
		before := p.home(t, key)
		home := p.at(t, before)
		home.set(fails)
		for range 4 {
			assert.NotEqual(t, before, p.home(t, key))
		}
		asked := home.count()
		p.home(t, key)
		assert.Equal(t, asked, home.count(), "it is out")
		home.set(well)
		time.Sleep(2100 * time.Millisecond)
		for range 4 {
			assert.Equal(t, before, p.home(t, key))
		}
	}
}

// hangingMirror would catch a copy that counts as its caller's request under way.
func hangingMirror(t *testing.T, p *pairs) {
	p.candidate.set(hangs)
	defer p.candidate.set(well)
	for range 6 {
		began := time.Now()
		p.home(t, aliceKey)
		assert.Less(t, time.Since(began), time.Second)
	}
}

// upgrade asks to switch protocols.
func (p *pairs) upgrade(t *testing.T, method, path, headers, body string) (net.Conn, *bufio.Reader, *http.Response) {
	t.Helper()
	u, err := url.Parse(p.urls["chat"])
	require.NoError(t, err)
	connection, err := net.Dial("tcp", net.JoinHostPort(u.Hostname(), "80"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	require.NoError(t, connection.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = fmt.Fprintf(connection, "%s %s%s HTTP/1.1\r\nHost: gw\r\n%s\r\n%s", method, u.Path, path, headers, body)
	require.NoError(t, err)
	reader := bufio.NewReader(connection)
	response, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	return connection, reader, response
}

// guardedSockets would catch a WebSocket without a key, one that shows a server the caller's, one that counts no longer once it has been switched, and one
// that is opened at a mirror, where it would stay.
func guardedSockets(t *testing.T, p *pairs) {
	const socket = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	const key = "Authorization: Bearer " + aliceKey + "\r\n"
	copied, seen := p.candidate.count(), p.own.count()+p.other.count()
	_, _, refused := p.upgrade(t, http.MethodGet, "/socket", socket, "")
	assert.Equal(t, http.StatusUnauthorized, refused.StatusCode)
	assert.Equal(t, seen, p.own.count()+p.other.count())
	var open []net.Conn
	for i := range 2 {
		connection, reader, response := p.upgrade(t, http.MethodGet, "/socket", socket+key, "")
		require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
		_, err := fmt.Fprintf(connection, "message %d\n", i)
		require.NoError(t, err)
		line, err := reader.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprintf("message %d\n", i), line)
		open = append(open, connection)
	}
	_, _, third := p.upgrade(t, http.MethodGet, "/socket", socket+key, "")
	assert.Equal(t, http.StatusTooManyRequests, third.StatusCode, "two are under way")
	require.NoError(t, open[0].Close())
	assert.Eventually(t, func() bool {
		return p.ask(t, http.MethodPost, "chat", "/chat/completions", bearer(aliceKey), hello).status == http.StatusOK
	}, 5*time.Second, 50*time.Millisecond)
	require.NoError(t, open[1].Close())
	for _, server := range []*played{p.own, p.other} {
		for _, r := range server.requests(0) {
			assert.NotContains(t, fmt.Sprint(r.Header), aliceKey)
		}
	}
	for _, r := range p.candidate.requests(copied) {
		assert.NotEqual(t, "/v1/socket", r.URL.Path, "a mirror has a WebSocket")
	}
}

// upgradesKeepTheirBody would catch a body that is lost because its request offers another protocol, as Java's client does with each.
func upgradesKeepTheirBody(t *testing.T, p *pairs) {
	for _, offered := range []string{"h2c", "websocket", "TLS/1.3"} {
		headers := fmt.Sprintf("Authorization: Bearer %s\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: %s\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"+
			"Content-Type: application/json\r\nContent-Length: %d\r\n", aliceKey, offered, len(hello))
		connection, _, response := p.upgrade(t, http.MethodPost, "/chat/completions", headers, hello)
		got, err := io.ReadAll(io.LimitReader(response.Body, int64(len(hello))))
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, response.StatusCode, offered)
		assert.JSONEq(t, hello, string(got), offered)
		require.NoError(t, connection.Close())
	}
}
