package gateway

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"github.com/modelplane/pulumi-modelplane/provider/internal/crds"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/tests/apitest"
)

// TestTheAPIServerTakesEveryAcceptedGateway would catch names and settings that pass the check but make a GatewayClass or a
// Gateway that the API server refuses, with Traefik already installed.
func TestTheAPIServerTakesEveryAcceptedGateway(t *testing.T) {
	server := apitest.Here(t, crds.Objects())
	rapid.Check(t, func(t *rapid.T) { takes(t, server, gateways.Draw(t, "gateway")) })
}

var gateways = rapid.Custom(func(t *rapid.T) Args {
	a := defaults()
	a.Name = rapid.OneOf(rapid.StringMatching(`[a-z]([-a-z0-9]{0,40}[a-z0-9])?`), rapid.Just(strings.Repeat("a", names.MaxRelease))).Draw(t, "name")
	a.Namespace = rapid.OneOf(rapid.StringMatching(`([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?`), rapid.Just(strings.Repeat("a", names.MaxLabel))).Draw(t, "namespace")
	a.CreateNamespace = rapid.Ptr(rapid.Bool(), true).Draw(t, "createNamespace")
	a.Labels = rapid.MapOfN(rapid.StringMatching(`([a-z]{1,9}\.example/)?[A-Za-z0-9]{1,63}`),
		rapid.StringMatching(`([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?`), 0, 3).Draw(t, "labels")
	a.Annotations = rapid.MapOfN(rapid.StringMatching(`([a-z]{1,9}\.example/)?[A-Za-z0-9]{1,63}`), rapid.String(), 0, 3).Draw(t, "annotations")
	if rapid.Bool().Draw(t, "https") {
		a.HTTPS = secure(rapid.SampledFrom(httpsForms(t)).Draw(t, "form")).HTTPS
	}
	a.NetworkPolicy, a.ExclusiveClass = true, true
	return a
}).Filter(func(a Args) bool { return len(check("gw", a)) == 0 })

// httpsForms are ways to have HTTPS. cert-manager's CRD is not there.
func httpsForms(t require.TestingT) []HTTPS {
	own, other := issued(t, "a.example.com"), Certificate{SecretRef: &SecretReference{Name: "wildcard", Namespace: ptr.To("default")}}
	return []HTTPS{
		{Certificates: []Certificate{own}},
		{Certificates: []Certificate{own, other}, Port: 8443, MinVersion: ptr.To(TLS13)},
		{Certificates: []Certificate{own}, Hostnames: []string{"a.example.com"}, HTTP: ptr.To(Serve)},
		{Certificates: []Certificate{own}, HTTP: ptr.To(Off), ClientCertificates: &ClientCertificates{CACertificate: own.Certificate}},
	}
}

// takes asks the server about what a gateway makes itself; the rest is Helm's, or patches what is there.
func takes(t *rapid.T, server apitest.Server, a Args) {
	for _, r := range rendered(t, a) {
		ours := []string{classKey, gatewayKey, anchorKey, certificateKey + "0", grantKey + "1", clientsKey, optionKey, storeKey, redirectKey, networkPolicyKey, exclusiveKey, enforcedKey}
		if slices.Contains(ours, r.Key) {
			require.NoError(t, server.Create(t.Context(), r.Object), r.Key)
		}
	}
}
