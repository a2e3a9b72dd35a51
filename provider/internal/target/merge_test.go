package target

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Catches an address that is lost, or an order that changes from run to run and
// makes every update show a difference.
func TestMergeKeepsAddressesInTheirOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hosts := rapid.SliceOfNDistinct(ipv4Texts, 1, 20, rapid.ID).Draw(t, "hosts")
		urls := make([]URL, len(hosts))
		for i, host := range hosts {
			u, err := Parse("https://" + host + ":8443/v1")
			require.NoError(t, err)
			urls[i] = u
		}
		got, problems := Merge(urls)
		require.Empty(t, problems)
		require.Equal(t, Target{HTTPS, ipv4, hosts, 8443, "/v1"}, got)
	})
}

// Catches a mixture that one Service and one EndpointSlice cannot serve, and a
// message that leaves the user to look for the other side.
func TestMergeNamesBothSidesOfADifference(t *testing.T) {
	for _, c := range []struct {
		name     string
		urls     []string
		problems []Problem
	}{
		{"nothing to merge", nil, []Problem{{Whole, "is empty; write at least one URL"}}},
		{"schemes, whose default ports are not a second fault", []string{"http://a.example.com", "https://b.example.com"}, []Problem{
			{1, "has the scheme https, but the first URL has http; one endpoint has one, so make two endpoints of them"},
		}},
		{"ports", []string{"http://10.0.0.1:8000", "http://10.0.0.2:8001"}, []Problem{
			{1, "has the port 8001, but the first URL has 8000; one endpoint has one, so make two endpoints of them"},
		}},
		{"scheme and port", []string{"http://10.0.0.1:8000", "https://10.0.0.2"}, []Problem{
			{1, "has the scheme https, but the first URL has http; one endpoint has one, so make two endpoints of them"},
			{1, "has the port 443, but the first URL has 8000; one endpoint has one, so make two endpoints of them"},
		}},
		{"families", []string{"http://10.0.0.1", "http://[2001:db8::1]", "http://a.example.com"}, []Problem{
			{1, "has a host of the kind IPv6, but the first URL has IPv4; one endpoint has one, so make two endpoints of them"},
			{2, "has a host of the kind host name, but the first URL has IPv4; one endpoint has one, so make two endpoints of them"},
		}},
		{"base paths", []string{"http://10.0.0.1/v1", "http://10.0.0.2"}, []Problem{
			{1, "has the base path /, but the first URL has /v1; one endpoint has one, so make two endpoints of them"},
		}},
		{"the same server written twice", []string{"http://10.0.0.9", "http://a.example.com/v1", "http://A.example.com:80/v1/"}, []Problem{
			{1, "has a host of the kind host name, but the first URL has IPv4; one endpoint has one, so make two endpoints of them"},
			{1, "has the base path /v1, but the first URL has /; one endpoint has one, so make two endpoints of them"},
			{2, "has a host of the kind host name, but the first URL has IPv4; one endpoint has one, so make two endpoints of them"},
			{2, "has the base path /v1, but the first URL has /; one endpoint has one, so make two endpoints of them"},
			{2, "is the same server as URL 2 of the list; write each once"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, problems := Merge(parseAll(t, c.urls...))
			assert.Equal(t, c.problems, problems)
			assert.Zero(t, got, "no target is given if there are problems")
		})
	}
}

// Catches a slice that the API server refuses for its size, and one address too
// few.
func TestMergeTakesOneThousandAddressesAndNoMore(t *testing.T) {
	var texts []string
	for i := range MaxAddresses + 1 {
		texts = append(texts, fmt.Sprintf("http://10.0.%d.%d", i/250, i%250+1))
	}
	urls := parseAll(t, texts...)

	got, problems := Merge(urls[:MaxAddresses])
	require.Empty(t, problems)
	require.Len(t, got.Addresses, 1000)

	_, problems = Merge(urls)
	require.Equal(t, []Problem{{Whole, "holds 1001 URLs; one EndpointSlice takes 1000 at most, so split them over several endpoints"}}, problems)
}

// Catches a Host header guessed for IPs, which expect none, or taken from one of
// several names, which is wrong for the others.
func TestHostnameIsTheOneNameOrNone(t *testing.T) {
	for want, texts := range map[string][]string{
		"a.example.com": {"https://a.example.com"},
		"":              {"https://a.example.com", "https://b.example.com"},
	} {
		got, problems := Merge(parseAll(t, texts...))
		require.Empty(t, problems)
		assert.Equal(t, want, got.Hostname())
	}
	ip, problems := Merge(parseAll(t, "http://10.0.0.1"))
	require.Empty(t, problems)
	assert.Empty(t, ip.Hostname())
}

func parseAll(t *testing.T, texts ...string) []URL {
	t.Helper()
	urls := make([]URL, len(texts))
	for i, text := range texts {
		u, err := Parse(text)
		require.NoError(t, err, text)
		urls[i] = u
	}
	return urls
}
