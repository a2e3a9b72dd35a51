package gateway

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child/childtest"
	"github.com/modelplane/pulumi-modelplane/provider/internal/credential"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// issued is a certificate for these names, as programs give one.
func issued(t require.TestingT, names ...string) Certificate {
	ca, err := modelserver.NewCA()
	require.NoError(t, err)
	made, err := ca.Issue(names, nil)
	require.NoError(t, err)
	certificate, key, err := modelserver.PEM(made)
	require.NoError(t, err)
	return Certificate{Certificate: &certificate, PrivateKey: &key}
}

// secure is a gateway with HTTPS as the schema fills it in.
func secure(h HTTPS) Args {
	a := defaults()
	if h.Port == 0 {
		h.Port = 443
	}
	if h.CertManager != nil {
		h.CertManager.IssuerKind, h.CertManager.IssuerGroup = "ClusterIssuer", "cert-manager.io"
	}
	a.HTTPS = &h
	return a
}

func planned(t require.TestingT, a Args) plan {
	p, faults := decide(a.OrOwn("gw"), a.Metadata, a.Serving)
	require.Empty(t, faults)
	p, faults = p.withHTTPS(a.Secure)
	require.Empty(t, faults)
	p, faults = p.withOperating(a.Operating)
	require.Empty(t, faults)
	p, faults = p.withProxied(a.Proxied)
	require.Empty(t, faults)
	return p.observing(a.settings())
}

// TestTheURLsFollowHTTPS would catch a URL whose name no certificate holds, a wildcard in it, one of a port that is closed, and a URL inside
// the cluster that no client can verify.
func TestTheURLsFollowHTTPS(t *testing.T) {
	issuer := &CertManager{IssuerName: "a"}
	for name, c := range map[string]struct {
		https             HTTPS
		publicURL         *string
		url, cluster      string
		listener          string
		plain             *string
		hostnames, served []string
	}{
		"names that are given": {
			https: HTTPS{CertManager: issuer, Hostnames: []string{"*.example.com", "Models.example.com"}}, url: "https://models.example.com",
			listener: "https", hostnames: []string{"*.example.com", "models.example.com"}, served: []string{"http Same", "https All"},
		},
		"names of certificates": {
			https: HTTPS{Certificates: []Certificate{issued(t, "*.a.example.com", "a.example.com"), issued(t, "b.example.com")}, Port: 8443},
			url:   "https://a.example.com:8443", listener: "https", hostnames: []string{"*.a.example.com", "a.example.com", "b.example.com"},
			served: []string{"http Same", "https All"},
		},
		"no names": {
			https: HTTPS{Certificates: []Certificate{issued(t)}}, url: "https://203.0.113.7", listener: "https",
			served: []string{"http Same", "https All"},
		},
		"names that are not known": {
			https: HTTPS{Certificates: []Certificate{issued(t, "a.example.com"), {SecretRef: &SecretReference{Name: "b"}}}},
			url:   "https://a.example.com", listener: "https", served: []string{"http Same", "https All"},
		},
		"the Service's name": {
			https: HTTPS{CertManager: issuer, Hostnames: []string{"gw.modelplane-gw.svc"}, HTTP: ptr.To(Off)}, url: "https://gw.modelplane-gw.svc",
			cluster: "https://gw.modelplane-gw.svc", listener: "https", hostnames: []string{"gw.modelplane-gw.svc"}, served: []string{"https All"},
		},
		"both": {
			https: HTTPS{CertManager: issuer, Hostnames: []string{"a.example.com"}, HTTP: ptr.To(Serve)}, url: "https://a.example.com",
			cluster: "http://gw.modelplane-gw.svc", listener: "https", plain: ptr.To("http"), hostnames: []string{"a.example.com"},
			served: []string{"http All", "https All"},
		},
		"a URL in front": {
			https: HTTPS{CertManager: issuer, Hostnames: []string{"a.example.com"}}, publicURL: ptr.To("https://models.example.com"),
			url: "https://models.example.com", listener: "https", hostnames: []string{"a.example.com"}, served: []string{"http Same", "https All"},
		},
	} {
		a := secure(c.https)
		a.PublicURL = c.publicURL
		p := planned(t, a)
		assert.Equal(t, c.url, p.url("203.0.113.7"), name)
		assert.Equal(t, c.cluster, p.clusterURL(), name)
		reference := p.listeners(Reference{Listener: Listener})
		assert.Equal(t, Reference{Listener: c.listener, PlainListener: c.plain, Hostnames: c.hostnames}, reference, name)
		var served []string
		for _, listener := range p.gateway(nil).Listeners {
			served = append(served, string(listener.Name)+" "+string(*listener.AllowedRoutes.Namespaces.From))
		}
		assert.Equal(t, c.served, served, name)
	}
}

// TestAHostnameHasACertificateByItsLabels would catch a wildcard taken for names of two levels, or for its own parent.
func TestAHostnameHasACertificateByItsLabels(t *testing.T) {
	names := []string{"a.example.com", "*.example.org"}
	for hostname, has := range map[string]bool{
		"a.example.com": true, "b.example.com": false, "a.example.org": true, "a.b.example.org": false, "example.org": false,
		"*.example.org": true, "*.example.com": false, "*.b.example.org": false,
	} {
		assert.Equal(t, has, Reference{Hostnames: names}.HasCertificate(hostname), hostname)
		assert.True(t, Reference{}.HasCertificate(hostname), hostname)
	}
}

// TestACertificateIsWarnedOfBeforeItExpires would catch a certificate that ends without a word, and a warning for one that lives for days
// only.
func TestACertificateIsWarnedOfBeforeItExpires(t *testing.T) {
	c := issued(t, "a.example.com")
	year := Secure{HTTPS: &HTTPS{Certificates: []Certificate{c}}}
	for name, at := range map[string]struct {
		now    time.Duration
		faulty bool
	}{"now": {0, false}, "after": {25 * time.Hour, true}, "before": {-2 * time.Hour, true}} {
		h, faults := secured{HTTPS: *year.HTTPS}, fault.List{}
		h.checkCertificates(time.Now().Add(at.now), &faults)
		assert.Equal(t, at.faulty, len(faults) > 0, name)
		assert.Empty(t, h.warnings, name)
	}
	leaf, err := credential.ParsePair(*c.Certificate, *c.PrivateKey)
	require.NoError(t, err)
	leaf.NotBefore, leaf.NotAfter = time.Now().AddDate(-1, 0, 0), time.Now().AddDate(0, 0, 10)
	var h secured
	for i := range 2 {
		require.NoError(t, h.checkDates(fault.Index("https.certificates", i), leaf, time.Now()))
		assert.Len(t, h.warnings, i+1)
		assert.Contains(t, h.warnings[i], fmt.Sprintf("https.certificates[%d] expires on %s", i, leaf.NotAfter.Format(time.DateOnly)))
	}
	h = secured{}
	require.NoError(t, h.checkDates("", leaf, time.Now().AddDate(0, 0, -10)))
	assert.Empty(t, h.warnings)
}

// TestClientsWithCertificatesAreNotStrangers would catch a warning of keys that strangers use where no stranger gets in, and none where one may.
func TestClientsWithCertificatesAreNotStrangers(t *testing.T) {
	for optional, public := range map[bool]bool{false: false, true: true} {
		c := issued(t, "a.example.com")
		p := planned(t, secure(HTTPS{
			Certificates: []Certificate{c}, ClientCertificates: &ClientCertificates{CACertificate: c.Certificate, Optional: optional},
		}))
		assert.Equal(t, public, p.isPublic("8.8.8.8"))
	}
}

// TestTheChildrenOfHTTPSAreTheReviewedList would catch any change of what HTTPS is made of, or of the order in which it comes.
func TestTheChildrenOfHTTPSAreTheReviewedList(t *testing.T) {
	own := issued(t, "a.example.com")
	always := []string{namespaceKey, entryPointKey, releaseKey, anchorKey, serviceKey, workloadKey, classKey}
	for file, h := range map[string]HTTPS{
		"https.yaml": {
			Certificates:       []Certificate{own, {SecretRef: &SecretReference{Name: "wildcard", Namespace: ptr.To("certificates")}}, {SecretRef: &SecretReference{Name: "mine"}}},
			ClientCertificates: &ClientCertificates{CACertificate: own.Certificate, Optional: true}, Port: 8443, MinVersion: ptr.To(TLS13),
		},
		"cert-manager.yaml": {
			CertManager: &CertManager{IssuerName: "letsencrypt"}, Hostnames: []string{"a.example.com", "*.example.org"}, HTTP: ptr.To(Serve),
		},
		"closed.yaml": {
			Certificates: []Certificate{own}, Hostnames: []string{"a.example.com"}, HTTP: ptr.To(Off),
			ClientCertificates: &ClientCertificates{CASecretRef: &LocalSecretReference{Name: "authorities"}},
		},
	} {
		a := secure(h)
		a.InstallCRDs = false
		list := slices.DeleteFunc(rendered(t, a), func(c child.Rendered) bool { return slices.Contains(always, c.Key) })
		childtest.GoldenFile(t, file, list, "data")
	}
}

// TestTheListenerHasEachCertificateOnce would catch references that the API server refuses, or in another order than the program's.
func TestTheListenerHasEachCertificateOnce(t *testing.T) {
	p := planned(t, secure(HTTPS{
		Certificates: []Certificate{{SecretRef: &SecretReference{Name: "mine"}}, issued(t, "b.example.com")}, Hostnames: []string{"a.example.com"},
	}))
	var names []gatewayv1.ObjectName
	for _, ref := range p.gateway(child.Names{"certificate 1": "gw-1"}).Listeners[1].TLS.CertificateRefs {
		names = append(names, ref.Name)
	}
	assert.Equal(t, []gatewayv1.ObjectName{"mine", "gw-1"}, names)
}
