package plugin_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// addresses are what the plugin finds out about clients' addresses.
type addresses struct {
	parse  func([]string) ([]netip.Prefix, error)
	client func(*http.Request, []netip.Prefix) netip.Addr
}

// inEveryEngineOfAddresses runs a test once for each engine.
func inEveryEngineOfAddresses(t *testing.T, run func(t *testing.T, of addresses)) {
	t.Run("compiled", func(t *testing.T) { run(t, addresses{plugin.ParseRanges, plugin.ClientAddress}) })
	t.Run("interpreted", func(t *testing.T) {
		var of addresses
		of.parse = symbol[func([]string) ([]netip.Prefix, error)](t, "plugin.parseRanges")
		of.client = symbol[func(*http.Request, []netip.Prefix) netip.Addr](t, "plugin.clientAddress")
		run(t, of)
	})
}

// proxies are the load balancers that a gateway trusts in these tests.
var proxies = []string{"10.0.0.0/8", "2001:db8:aaaa::/48", "192.0.2.7/32"}

// TestTheClientIsFoundBehindProxies would catch an address that a client has made up, one that a proxy writes in another
// form than others, and a client with two addresses, each with limits of its own.
func TestTheClientIsFoundBehindProxies(t *testing.T) {
	const balancer = "10.0.0.9:41002"
	cases := map[string]struct {
		connection string
		forwarded  []string
		want       string
	}{
		"no proxy":                          {"203.0.113.5:50000", nil, "203.0.113.5"},
		"no proxy, and a header":            {"203.0.113.5:50000", []string{"198.51.100.1"}, "203.0.113.5"},
		"no proxy, and a proxy's address":   {"203.0.113.5:50000", []string{"10.0.0.1"}, "203.0.113.5"},
		"one proxy":                         {balancer, []string{"203.0.113.5"}, "203.0.113.5"},
		"a proxy of one address":            {"192.0.2.7:1", []string{"203.0.113.5"}, "203.0.113.5"},
		"beside a proxy of one address":     {"192.0.2.8:1", []string{"203.0.113.5"}, "192.0.2.8"},
		"an invented one":                   {balancer, []string{"198.51.100.1, 203.0.113.5"}, "203.0.113.5"},
		"invented ones in another line":     {balancer, []string{"198.51.100.1, 10.0.0.1", "203.0.113.5"}, "203.0.113.5"},
		"an invented chain of proxies":      {balancer, []string{"198.51.100.1, 10.0.0.1, 203.0.113.5, 10.3.4.5"}, "203.0.113.5"},
		"two proxies":                       {balancer, []string{"203.0.113.5,10.3.4.5"}, "203.0.113.5"},
		"spaces and tabs":                   {balancer, []string{" \t203.0.113.5\t , 10.3.4.5 "}, "203.0.113.5"},
		"a port":                            {balancer, []string{"203.0.113.5:43210"}, "203.0.113.5"},
		"IPv6":                              {balancer, []string{"2001:DB8:0:0::5"}, "2001:db8::5"},
		"IPv6 with a port":                  {balancer, []string{"[2001:db8::5]:443"}, "2001:db8::5"},
		"IPv6 with a zone":                  {balancer, []string{"fe80::5%eth0"}, "fe80::5"},
		"IPv6 proxies":                      {"[2001:db8:aaaa::1]:443", []string{"203.0.113.5, 2001:db8:aaaa:ffff::2"}, "203.0.113.5"},
		"an IPv6 proxy with a zone":         {"[2001:db8:aaaa::1%eth0]:443", []string{"203.0.113.5"}, "203.0.113.5"},
		"IPv4 written as IPv6":              {balancer, []string{"::ffff:203.0.113.5"}, "203.0.113.5"},
		"a proxy's IPv4 written as IPv6":    {"[::ffff:10.0.0.9]:41002", []string{"203.0.113.5, ::ffff:10.0.0.3"}, "203.0.113.5"},
		"proxies alone":                     {balancer, []string{"10.0.0.1, 10.0.0.2"}, "10.0.0.9"},
		"no header":                         {balancer, nil, "10.0.0.9"},
		"an empty header":                   {balancer, []string{""}, "10.0.0.9"},
		"commas":                            {balancer, []string{",, ,"}, "10.0.0.9"},
		"a name":                            {balancer, []string{"unknown"}, "10.0.0.9"},
		"a client's name":                   {balancer, []string{"198.51.100.1, client.example"}, "10.0.0.9"},
		"a number with a leading zero":      {balancer, []string{"203.0.113.05"}, "10.0.0.9"},
		"a short form":                      {balancer, []string{"127.1"}, "10.0.0.9"},
		"a range":                           {balancer, []string{"203.0.113.0/24"}, "10.0.0.9"},
		"two with a space":                  {balancer, []string{"203.0.113.5 198.51.100.1"}, "10.0.0.9"},
		"odd bytes":                         {balancer, []string{"198.51.100.1, \x00203.0.113.5\xff"}, "10.0.0.9"},
		"digits of another script":          {balancer, []string{"٢٠٣.0.113.5"}, "10.0.0.9"},
		"odd bytes further left":            {balancer, []string{"\x00\xff, ::, %, [, 203.0.113.5"}, "203.0.113.5"},
		"a chain as long as is followed":    {balancer, []string{"203.0.113.5" + strings.Repeat(", 10.0.0.1", 15)}, "203.0.113.5"},
		"a chain longer than is followed":   {balancer, []string{"203.0.113.5" + strings.Repeat(", 10.0.0.1", 16)}, "10.0.0.9"},
		"a connection without a port":       {"203.0.113.5", nil, "203.0.113.5"},
		"a connection that has no address":  {"@", []string{"203.0.113.5"}, ""},
		"no connection":                     {"", []string{"203.0.113.5"}, ""},
		"a connection from everything at 0": {"0.0.0.0:1", []string{"203.0.113.5"}, "0.0.0.0"},
	}
	inEveryEngineOfAddresses(t, func(t *testing.T, of addresses) {
		trusted, err := of.parse(proxies)
		require.NoError(t, err)
		for name, c := range cases {
			request := httptest.NewRequest(http.MethodPost, "/", nil)
			request.RemoteAddr = c.connection
			request.Header["X-Forwarded-For"] = c.forwarded
			got := of.client(request, trusted)
			if c.want == "" {
				assert.False(t, got.IsValid(), "%s: %s", name, got)
				continue
			}
			assert.Equal(t, netip.MustParseAddr(c.want), got, name)
		}
	})
}

// TestNoHeaderIsBelievedWithoutProxies would catch a gateway that trusts what it was not told to.
func TestNoHeaderIsBelievedWithoutProxies(t *testing.T) {
	inEveryEngineOfAddresses(t, func(t *testing.T, of addresses) {
		trusted, err := of.parse(nil)
		require.NoError(t, err)
		request := httptest.NewRequest(http.MethodPost, "/", nil)
		request.RemoteAddr = "127.0.0.1:1"
		request.Header["X-Forwarded-For"] = []string{"203.0.113.5"}
		assert.Equal(t, netip.MustParseAddr("127.0.0.1"), of.client(request, trusted))
	})
}

// TestALongHeaderCostsNothing would catch a header with which a client keeps the gateway busy.
func TestALongHeaderCostsNothing(t *testing.T) {
	inEveryEngineOfAddresses(t, func(t *testing.T, of addresses) {
		trusted, err := of.parse(proxies)
		require.NoError(t, err)
		request := httptest.NewRequest(http.MethodPost, "/", nil)
		request.RemoteAddr = "10.0.0.9:1"
		request.Header["X-Forwarded-For"] = []string{strings.Repeat("10.0.0.1,", 100_000)}
		began := time.Now()
		for range 100 {
			of.client(request, trusted)
		}
		assert.Less(t, time.Since(began), 5*time.Second, "100 requests")
	})
}

// TestRangesThatMeanNothingAreRefused would catch a range that is believed to trust a proxy and never does.
func TestRangesThatMeanNothingAreRefused(t *testing.T) {
	inEveryEngineOfAddresses(t, func(t *testing.T, of addresses) {
		for _, text := range []string{"", "10.0.0.1", "10.0.0.0/33", "10.0.0.0/-1", "fe80::%eth0/64", "::ffff:10.0.0.0/104", "proxy.example/8"} {
			_, err := of.parse([]string{"10.0.0.0/8", text})
			assert.ErrorContains(t, err, "range 2", text)
		}
	})
}

// BenchmarkClientAddress says what it costs a request: one range and one address, as behind one load balancer.
func BenchmarkClientAddress(b *testing.B) {
	for name, find := range map[string]func(*http.Request, []netip.Prefix) netip.Addr{
		"compiled": plugin.ClientAddress, "interpreted": symbol[func(*http.Request, []netip.Prefix) netip.Addr](b, "plugin.clientAddress"),
	} {
		b.Run(name, func(b *testing.B) {
			request := httptest.NewRequest(http.MethodPost, "/", nil)
			request.RemoteAddr = "10.0.0.9:1"
			request.Header["X-Forwarded-For"] = []string{"203.0.113.5"}
			trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
			for b.Loop() {
				find(request, trusted)
			}
		})
	}
}
