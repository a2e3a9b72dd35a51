package traffic

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

// client sends requests as they are written, each on a connection of its own.
type client struct {
	o *operated
	// from is the address that it has, and to the one that it connects to.
	from, to netip.AddrPort
	// first is what it sends before the request.
	first string
}

// ask sends a request with these lines of headers, and gives the answer's status and what the server was sent. A request that no server saw
// has no headers. The status is 0 where there is no answer.
func (c client) ask(t *testing.T, service, headers string) (status int, seen http.Header) {
	t.Helper()
	before := c.o.open.Count()
	dialer := net.Dialer{Timeout: 5 * time.Second}
	if c.from.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(c.from)
	}
	connection, err := dialer.DialContext(t.Context(), "tcp", c.to.String())
	require.NoError(t, err)
	defer connection.Close()
	require.NoError(t, connection.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = io.WriteString(connection, c.first+"GET /default/"+service+"/v1/models HTTP/1.1\r\nHost: gateway.test\r\n"+headers+"Connection: close\r\n\r\n")
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		return 0, nil
	}
	_, _ = io.Copy(io.Discard, response.Body)
	require.NoError(t, response.Body.Close())
	if c.o.open.Count() == before {
		return response.StatusCode, nil
	}
	requests := c.o.open.Requests()
	return response.StatusCode, requests[len(requests)-1].Header
}

// balancer is a client of the plane's load balancer, which hides it from the gateway as any proxy does that passes connections on.
func (o *operated) balancer(t *testing.T) client {
	t.Helper()
	u, err := url.Parse(o.urls["gw"])
	require.NoError(t, err)
	address, err := netip.ParseAddr(u.Hostname())
	require.NoError(t, err)
	return client{o: o, to: netip.AddrPortFrom(address, 80)}
}

// pod is the same client at one Pod, since each Pod counts for itself. The plane's own address is the one that the gateway trusts.
func (o *operated) pod(t *testing.T) client {
	t.Helper()
	all := o.pods(t)
	return client{o: o, to: netip.AddrPortFrom(all[slices.Sorted(maps.Keys(all))[0]].address, 8000)}
}

// stranger is a client that nobody trusts, at a Pod.
func (o *operated) stranger(t *testing.T) client {
	t.Helper()
	c := o.pod(t)
	c.from = netip.AddrPortFrom(harness.FreeAddress(t, localplane.Free4), 0)
	return c
}

// spoofed is all that a client can write about who it is.
const spoofed = "X-Forwarded-For: 198.51.100.1, 203.0.113.5\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: made.up\r\nX-Forwarded-Port: 443\r\n" +
	"X-Real-Ip: 198.51.100.1\r\nX_Forwarded_For: 198.51.100.2\r\nX-Forwarded_For: 198.51.100.3\r\nX.Forwarded.For: 198.51.100.4\r\n" +
	"Forwarded: for=198.51.100.5\r\n"

// withoutProxies would catch a gateway that believes anybody unasked. It shows what the plane's load balancer leaves of the client.
func (o *operated) withoutProxies(t *testing.T) {
	node := harness.Plane.First().Node.String()
	status, seen := o.balancer(t).ask(t, "open", spoofed)
	require.Equal(t, http.StatusOK, status)
	assert.Equal(t, []string{node}, seen["X-Forwarded-For"], "the load balancer's address stands for all clients")
	requireUnspoofed(t, seen, node)
	stranger := o.stranger(t)
	status, seen = stranger.ask(t, "open", spoofed)
	require.Equal(t, http.StatusOK, status)
	requireUnspoofed(t, seen, stranger.from.Addr().String())
	status, _ = o.pod(t).withFirst("PROXY TCP4 203.0.113.9 10.0.0.1 4711 80\r\n").ask(t, "open", "")
	assert.Equal(t, http.StatusBadRequest, status, "the PROXY protocol that was not asked for")
}

func (c client) withFirst(first string) client {
	c.first = first
	return c
}

// requireUnspoofed lets a request have come from an address, whatever it said itself.
func requireUnspoofed(t *testing.T, seen http.Header, address string) {
	t.Helper()
	assert.Equal(t, []string{address}, seen["X-Forwarded-For"])
	assert.Equal(t, []string{address}, seen["X-Real-Ip"])
	assert.Equal(t, []string{"http"}, seen["X-Forwarded-Proto"])
	assert.Equal(t, []string{"gateway.test"}, seen["X-Forwarded-Host"])
	for _, name := range []string{"X_forwarded_for", "X-Forwarded_for", "X.forwarded.for"} {
		assert.NotContains(t, seen, name)
	}
}

// The beginning of a connection by the PROXY protocol, version 2 (https://www.haproxy.org/download/1.8/doc/proxy-protocol.txt): a
// signature, version and command, family, the length of what follows, and that.
const (
	signature = "\r\n\r\n\x00\r\nQUIT\n"
	fromIPv4  = signature + "\x21\x11\x00\x0c" + "\xcb\x00\x71\x09" + "\x0a\x00\x00\x01" + "\x12\x67\x00\x50"
	fromIPv6  = signature + "\x21\x21\x00\x24" + "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x09" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" + "\x12\x67\x00\x50"
	itself = signature + "\x20\x00\x00\x00"
)

// proxiesSay would catch a client whose address is lost behind proxies that are trusted, and what the first of them said about the request.
func (o *operated) proxiesSay(t *testing.T) {
	node := harness.Plane.First().Node.String()
	for name, c := range map[string]struct{ first, headers, forwarded string }{
		"nothing":                    {"", "", node},
		"a header":                   {"", "X-Forwarded-For: 198.51.100.1, 203.0.113.5\r\n", "198.51.100.1, 203.0.113.5, " + node},
		"headers":                    {"", "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.5\r\n", "198.51.100.1, 203.0.113.5, " + node},
		"PROXY":                      {"PROXY TCP4 203.0.113.9 10.0.0.1 4711 80\r\n", "", "203.0.113.9"},
		"PROXY, IPv6":                {"PROXY TCP6 2001:db8::9 2001:db8::1 4711 80\r\n", "", "2001:db8::9"},
		"PROXY of an unknown client": {"PROXY UNKNOWN\r\n", "", node},
		"PROXY 2":                    {fromIPv4, "", "203.0.113.9"},
		"PROXY 2, IPv6":              {fromIPv6, "", "2001:db8::9"},
		"PROXY 2 of itself":          {itself, "", node},
		"PROXY and a made-up header": {fromIPv4, spoofed, "203.0.113.9"},
	} {
		status, seen := o.balancer(t).withFirst(c.first).ask(t, "open", c.headers)
		require.Equal(t, http.StatusOK, status, name)
		assert.Equal(t, []string{c.forwarded}, seen["X-Forwarded-For"], name)
	}
	_, seen := o.balancer(t).ask(t, "open", "X-Forwarded-Proto: https\r\nX-Forwarded-Host: public.example\r\n")
	assert.Equal(t, []string{"https"}, seen["X-Forwarded-Proto"], "that of the first hop")
	assert.Equal(t, []string{"public.example"}, seen["X-Forwarded-Host"])
}

// nobodyElseDoes would catch a client that passes for another by a header or by the PROXY protocol, and bytes of either that stop the gateway.
func (o *operated) nobodyElseDoes(t *testing.T) {
	stranger := o.stranger(t)
	status, seen := stranger.ask(t, "open", spoofed)
	require.Equal(t, http.StatusOK, status)
	requireUnspoofed(t, seen, stranger.from.Addr().String())
	for _, first := range []string{"PROXY TCP4 203.0.113.9 10.0.0.1 4711 80\r\n", fromIPv4, itself} {
		status, seen := stranger.withFirst(first).ask(t, "open", spoofed)
		assert.Equal(t, http.StatusOK, status, "%q", first)
		requireUnspoofed(t, seen, stranger.from.Addr().String())
	}
	for _, broken := range []string{
		"PROXY TCP4 203.0.113.9\r\n", "PROXY TCP4 x y 1 2\r\n", "PROXY TCP4 203.0.113.9 10.0.0.1 99999 80\r\n", "PROXY \x00\xff\r\n",
		signature + "\x21\x11\x00\x01\x00", signature + "\x91\x11\x00\x0c", signature + "\x21\x11\xff\xff", "PROXY " + string(make([]byte, 200)),
		fromIPv4 + fromIPv4,
	} {
		status, seen := o.pod(t).withFirst(broken).ask(t, "open", "")
		assert.NotEqual(t, http.StatusOK, status, "%q", broken)
		assert.Nil(t, seen, "%q", broken)
	}
	// Connections that say nothing must not keep others waiting.
	for range 20 {
		connection, err := net.Dial("tcp", o.pod(t).to.String())
		require.NoError(t, err)
		defer connection.Close()
	}
	for _, c := range []client{stranger, o.pod(t)} {
		status, _ = c.ask(t, "open", "")
		assert.Equal(t, http.StatusOK, status, "the gateway goes on")
	}
}

// limitsGoByTheClient would catch an allowance or an entry that a client gets by making up an address, and one that the clients of a proxy
// share.
func (o *operated) limitsGoByTheClient(t *testing.T) {
	proxy, stranger := o.pod(t), o.stranger(t)
	header := func(addresses string) string { return "X-Forwarded-For: " + addresses + "\r\n" }
	for name, c := range map[string]struct {
		client  client
		headers func(i int) string
	}{
		"behind a proxy":        {proxy, func(i int) string { return header(fmt.Sprintf("198.51.100.%d, 203.0.113.5", i)) }},
		"another behind it":     {proxy, func(i int) string { return header(fmt.Sprintf("203.0.113.5, 203.0.113.6:%d", 1000+i)) }},
		"IPv6, in one network":  {proxy, func(i int) string { return header(fmt.Sprintf("2001:db8:0:7::%d", i)) }},
		"by the PROXY protocol": {proxy.withFirst(fromIPv4), func(i int) string { return header(fmt.Sprintf("198.51.100.%d", i)) }},
		"a stranger":            {stranger, func(i int) string { return header(fmt.Sprintf("203.0.113.%d", 100+i)) }},
	} {
		for i := range 5 {
			status, _ := c.client.ask(t, "counted", c.headers(i))
			want := http.StatusOK
			if i >= 3 {
				want = http.StatusTooManyRequests
			}
			assert.Equal(t, want, status, "%s: request %d", name, i)
		}
	}
	for name, c := range map[string]struct {
		client client
		header string
		want   int
	}{
		"behind a proxy":                     {proxy, header("203.0.113.5"), http.StatusOK},
		"by the PROXY protocol":              {proxy.withFirst(fromIPv4), "", http.StatusOK},
		"another behind a proxy":             {proxy, header("203.0.113.5, 198.51.100.1"), http.StatusForbidden},
		"a made-up one in the proxy's words": {proxy, header("203.0.113.5, unknown"), http.StatusForbidden},
		"a stranger":                         {stranger, header("203.0.113.5"), http.StatusForbidden},
		"the proxy itself":                   {proxy, "", http.StatusForbidden},
	} {
		status, _ := c.client.ask(t, "inside", c.header)
		assert.Equal(t, c.want, status, name)
	}
}
