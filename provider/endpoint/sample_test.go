package endpoint

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/target"
)

// sample is an endpoint that the check accepts, with its URLs in parts.
type sample struct {
	scheme string
	family string
	hosts  []string
	port   int
	path   string
	args   Args // except the URLs
}

func (s sample) arguments() Args {
	a := s.args
	for _, host := range s.hosts {
		a.URLs = append(a.URLs, fmt.Sprintf("%s://%s:%d%s", s.scheme, host, s.port, s.path))
	}
	return a
}

func (s sample) isIP() bool { return s.family != "name" }

// samples are endpoints of every kind: what excludes one another is not drawn together, and all else is.
var samples = rapid.Custom(func(t *rapid.T) sample {
	s := sample{
		scheme: rapid.SampledFrom([]string{target.HTTP, target.HTTPS}).Draw(t, "scheme"),
		family: rapid.SampledFrom([]string{"IPv4", "IPv6", "name"}).Draw(t, "family"),
		port:   rapid.IntRange(1, 65535).Draw(t, "port"),
		path:   paths.Draw(t, "path"),
		args: Args{
			Server: Server{
				Protocol:      ptr.To(HTTP1),
				RewritePath:   rapid.Ptr(paths, true).Draw(t, "rewritePath"),
				HostHeader:    rapid.Ptr(hostnames, true).Draw(t, "hostHeader"),
				Headers:       rapid.Ptr(headers, true).Draw(t, "headers"),
				Model:         rapid.Ptr(models, true).Draw(t, "model"),
				ForwardCaller: rapid.Bool().Draw(t, "forwardCaller"),
			},
			Identity: meta.Identity{
				Name:      rapid.StringMatching(`[a-z]([-a-z0-9]{0,45}[a-z0-9])?`).Draw(t, "name"),
				Namespace: rapid.StringMatching(`[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?`).Draw(t, "namespace"),
			},
			Metadata: meta.Metadata{
				Labels:      rapid.MapOfN(metadataKeys, labelValues, 0, 3).Draw(t, "labels"),
				Annotations: rapid.MapOfN(metadataKeys, rapid.String(), 0, 3).Draw(t, "annotations"),
			},
		},
	}
	s.hosts = drawHosts(t, s.family)
	if s.family == "name" && len(s.hosts) > 1 && s.args.HostHeader == nil {
		s.args.HostHeader = ptr.To(hostnames.Draw(t, "hostHeader of several"))
	}
	if s.scheme == target.HTTP {
		s.args.Protocol = ptr.To(rapid.SampledFrom([]Protocol{HTTP1, H2C}).Draw(t, "protocol"))
	} else {
		s.args.TLS = drawTLS(t, len(s.hosts) > 1 || s.isIP())
	}
	drawKey(t, &s.args)
	return s
})

func drawHosts(t *rapid.T, family string) []string {
	one := map[string]*rapid.Generator[string]{"IPv4": ipv4, "IPv6": ipv6, "name": longHostnames}[family]
	return rapid.SliceOfNDistinct(one, 1, 4, rapid.ID).Draw(t, "hosts")
}

func drawTLS(t *rapid.T, named bool) *TLS {
	if !named && rapid.Bool().Draw(t, "without tls") {
		return nil
	}
	tls := TLS{ServerName: rapid.Ptr(hostnames, !named).Draw(t, "serverName")}
	switch rapid.SampledFrom([]string{"system", "text", "reference"}).Draw(t, "authorities") {
	case "text":
		tls.CACertificate = ptr.To(authority())
	case "reference":
		tls.CACertificateRef = &CACertificate{
			Kind: rapid.SampledFrom([]CAKind{ConfigMapKind, SecretKind}).Draw(t, "kind"), Name: objectNames.Draw(t, "certificates"),
		}
	}
	return &tls
}

func drawKey(t *rapid.T, a *Args) {
	switch rapid.SampledFrom([]string{"none", "text", "reference"}).Draw(t, "key") {
	case "text":
		a.APIKey = ptr.To("not-a-real-key")
	case "reference":
		a.APIKeySecretRef = &SecretKey{objectNames.Draw(t, "secret"), rapid.StringMatching(`[-_a-zA-Z0-9]{1,20}`).Draw(t, "entry")}
	default:
		return
	}
	a.APIKeyHeader = rapid.Ptr(keyHeaders, true).Draw(t, "apiKeyHeader")
}

// Generators of what the API allows, up to its limits.
var (
	ipv4 = rapid.Custom(func(t *rapid.T) string {
		return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "IPv4"))).String()
	}).Filter(isReachable)
	ipv6 = rapid.Custom(func(t *rapid.T) string {
		prefix := rapid.SampledFrom([]string{"", "\x20\x01\x0d\xb8", "\xfd", "\x00\x64\xff\x9b", "\x20\x02", "\xfe\xc0", "\x01\x00"}).Draw(t, "prefix")
		bits := append([]byte(prefix), rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "IPv6")...)
		return "[" + netip.AddrFrom16([16]byte(bits[:16])).String() + "]"
	}).Filter(isReachable)
	hostnames     = rapid.StringMatching(`[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?(\.[a-z]([-a-z0-9]{0,8}[a-z0-9])?){1,3}`)
	longHostnames = rapid.OneOf(hostnames, rapid.StringMatching(`([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])\.){3}[a-z]([-a-z0-9]{0,59}[a-z])`)).Filter(isReachable)
	paths         = rapid.StringMatching(`(/[-A-Za-z0-9_~$&+,;=:@]{1,120}){0,8}`)
	objectNames   = rapid.StringMatching(`[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?(\.[a-z0-9]{1,10})?`)
	models        = rapid.StringMatching(`[-A-Za-z0-9_./:é" ]{1,100}`)
	keyHeaders    = rapid.StringMatching(`[Xx]-[A-Za-z0-9]{1,20}`)
	metadataKeys  = rapid.StringMatching(`([a-z]([-a-z0-9]{0,20}[a-z0-9])?\.[a-z]{2,10}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?`)
	labelValues   = rapid.StringMatching(`([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?`)
	headers       = rapid.Custom(func(t *rapid.T) Headers {
		return Headers{Set: rapid.MapOfN(rapid.StringMatching(`Set-[A-Za-z0-9]{1,20}`), rapid.StringMatching(`[ -~]{1,60}`), 0, 3).Draw(t, "set")}
	}).Filter(func(h Headers) bool {
		return len(check("any", Args{Server: Server{URL: "http://10.0.0.7", Headers: &h}, Identity: meta.Identity{Namespace: "any"}})) == 0
	})
)

func isReachable(host string) bool {
	_, err := target.Parse("http://" + host)
	return err == nil
}

// TestSamplesAreAccepted would catch samples that the check refuses, with which the tests that draw them would test nothing.
func TestSamplesAreAccepted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := samples.Draw(t, "endpoint").arguments()
		require.Empty(t, check("endpoint", a))
	})
}

// authority is the certificate of some authority.
var authority = sync.OnceValue(func() string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	certificate, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))
})
