package target

import (
	"net"
	"net/url"
	"regexp"
	"strings"

	"github.com/stretchr/testify/require"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"pgregory.net/rapid"
)

// The rules of those who read our values later, from their own sources.
var (
	// https://github.com/kubernetes-sigs/gateway-api/blob/v1.6.3/apis/v1/httproute_types.go#L541
	routePath = regexp.MustCompile(`^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$`)
	// https://github.com/kubernetes-sigs/gateway-api/blob/v1.6.3/apis/v1/shared_types.go#L628
	routeHostname = regexp.MustCompile(`^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	// https://github.com/kubernetes-sigs/gateway-api/blob/v1.6.3/apis/v1/shared_types.go#L641
	preciseHostname = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
)

// requireEndpointSliceAddress asks as the API server does:
// https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/apis/discovery/validation/validation.go#L94
func requireEndpointSliceAddress(t require.TestingT, family discoveryv1.AddressType, host string) {
	if family == discoveryv1.AddressTypeFQDN {
		require.Empty(t, validation.IsFullyQualifiedDomainName(field.NewPath("addresses"), host))
		require.Regexp(t, preciseHostname, host, "an FQDN is also the Host header of its requests")
		return
	}
	require.Empty(t, validation.IsValidIP(field.NewPath("addresses"), host))
	ip := net.ParseIP(host)
	require.Equal(t, family == discoveryv1.AddressTypeIPv4, ip.To4() != nil)
	require.False(t, ip.IsUnspecified() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsLinkLocalMulticast())
}

func requirePortNumber(t require.TestingT, port int32) {
	require.Empty(t, validation.IsValidPortNum(int(port)))
}

// requireRoutePath asks as an HTTPRoute's path match does, and then as the
// rewriting of Traefik does, which joins the prefix and the rest of a request
// with JoinPath (pkg/middlewares/gatewayapi/urlrewrite/url_rewrite.go:57 of v3.7.13).
func requireRoutePath(t require.TestingT, path string) {
	if path == "" {
		return
	}
	require.LessOrEqual(t, len(path), 1024)
	require.Regexp(t, routePath, path)
	require.True(t, strings.HasPrefix(path, "/"))
	require.False(t, strings.HasSuffix(path, "/"), "a slash at the end keeps the bare prefix from being rewritten")
	for _, forbidden := range []string{"//", "/./", "/../", "%2f", "%2F", "#"} {
		require.NotContains(t, path, forbidden)
	}
	require.False(t, strings.HasSuffix(path, "/..") || strings.HasSuffix(path, "/."))

	prefix := &url.URL{Path: path}
	require.Equal(t, path, prefix.JoinPath("").EscapedPath())
	require.Equal(t, path+"/", prefix.JoinPath("/").EscapedPath())
	require.Equal(t, path+"/a%2Fb", prefix.JoinPath("/a%2Fb").EscapedPath())
}

// The texts that must be accepted, as rapid generators.
var (
	labelTexts = rapid.StringMatching(`[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?`)
	nameTexts  = rapid.Custom(func(t *rapid.T) string {
		labels := rapid.SliceOfN(labelTexts, 1, 3).Draw(t, "labels")
		top := rapid.StringMatching(`[a-z]{2,5}`).Draw(t, "top")
		return strings.Join(append(labels, top), ".")
	})
	dottedTexts = rapid.Custom(func(t *rapid.T) string {
		return nameTexts.Draw(t, "name") + rapid.SampledFrom([]string{"", "."}).Draw(t, "dot")
	})
	ipv4Texts = rapid.Custom(func(t *rapid.T) string {
		b := rapid.SliceOfN(rapid.Byte(), 3, 3).Draw(t, "bytes")
		return net.IPv4(rapid.SampledFrom([]byte{1, 10, 100, 172, 192, 203, 223}).Draw(t, "first"), b[0], b[1], b[2]).String()
	})
	ipv6Texts = rapid.Custom(func(t *rapid.T) string {
		groups := rapid.SliceOfN(rapid.StringMatching(`[0-9a-fA-F]{1,4}`), 7, 7).Draw(t, "groups")
		first := rapid.SampledFrom([]string{"2001", "fd00", "64", "2a02"}).Draw(t, "first")
		return "[" + first + ":" + strings.Join(groups, ":") + "]"
	})
	pathTexts = rapid.Custom(func(t *rapid.T) string {
		segment := rapid.StringMatching(`[-A-Za-z0-9._~$&+,;=:@]{1,12}`).
			Filter(func(s string) bool { return s != "." && s != ".." })
		path := ""
		for _, s := range rapid.SliceOfN(segment, 0, 5).Draw(t, "segments") {
			path += "/" + s
		}
		return path + rapid.SampledFrom([]string{"", "/"}).Draw(t, "slash")
	})
	urlTexts = rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom([]string{"http", "https", "HTTP", "Https"}).Draw(t, "scheme") + "://" +
			rapid.OneOf(ipv4Texts, ipv6Texts, dottedTexts).Draw(t, "host") +
			rapid.StringMatching(`(:[1-9][0-9]{0,3})?`).Draw(t, "port") +
			pathTexts.Draw(t, "path")
	})
)
