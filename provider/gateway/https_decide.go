package gateway

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
	"github.com/modelplane/pulumi-modelplane/provider/internal/credential"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/target"
)

// maxCertificates is the number of certificateRefs of a listener
// (https://github.com/kubernetes-sigs/gateway-api/blob/v1.6.3/apis/v1/gateway_types.go).
const maxCertificates = 64

// renewTime is how long before its end a certificate is warned of.
const renewTime = 14 * 24 * time.Hour

// secured is what is decided about HTTPS.
type secured struct {
	HTTPS
	// names are the host names that clients use: those that are given, or those that the certificates hold.
	names []string
	// complete says whether names are all names that there is a certificate for.
	complete bool
	// warnings say what is unwise.
	warnings []string
}

// withHTTPS adds to the plan what is decided about HTTPS.
func (p plan) withHTTPS(s Secure) (plan, fault.List) {
	if s.HTTPS == nil {
		return p, nil
	}
	var faults fault.List
	h := secured{HTTPS: *s.HTTPS}
	if h.Port < 1 || h.Port > 65535 {
		faults.Addf("https.port", "%d is outside 1 to 65535", h.Port)
	}
	if h.plain() != Off && h.Port == int(p.settings.ExposedPort) {
		faults.Add("https.port", "is also the gateway's port for plain HTTP; choose another one, or set https.http to Off", "port", "https.http")
	}
	h.names = h.decideHostnames(&faults)
	held, complete := h.checkCertificates(time.Now(), &faults)
	h.checkCertManager(&faults)
	h.checkClients(&faults)
	if len(h.Hostnames) == 0 {
		h.names = held
	}
	h.complete = len(h.Hostnames) > 0 || complete
	p.https = &h
	p.settings.HTTPS = &chart.HTTPS{ExposedPort: int32(h.Port), Alone: h.plain() == Off}
	return p, faults
}

// checkHTTPSChart finds the values that would break HTTPS. Without it, the entry point is the user's own.
func checkHTTPSChart(source Source, s Secure, faults *fault.List) {
	if source.Chart != nil && s.HTTPS != nil {
		addProblems(chart.CheckHTTPS(source.Chart.Values), faults, "https")
	}
}

// decideHostnames reads the names that are given.
func (h secured) decideHostnames(faults *fault.List) []string {
	var hostnames []string
	for i, text := range h.Hostnames {
		hostname, err := target.ParseRouteHostname(text)
		faults.AddErr(fault.Index("https.hostnames", i), err)
		if err == nil && slices.Contains(hostnames, hostname) {
			faults.Add(fault.Index("https.hostnames", i), "is in the list already; write each name once", "https.hostnames")
		}
		hostnames = append(hostnames, hostname)
	}
	if len(hostnames) > 0 && !slices.ContainsFunc(hostnames, isWhole) {
		faults.Addf("https.hostnames", "has wildcards alone, from which no client's URL can be made; add a name that clients are to use")
	}
	return hostnames
}

func isWhole(hostname string) bool { return !strings.HasPrefix(hostname, "*") }

// checkCertificates finds the faults of certificates, and the names that those which are given hold. These are complete unless a Secret
// holds one of them. No message shows a key.
func (h *secured) checkCertificates(now time.Time, faults *fault.List) (held []string, complete bool) {
	const all = "https.certificates"
	switch {
	case h.Certificates != nil && h.CertManager != nil:
		faults.Add("https.certManager", "is given beside https.certificates; give one of them", all)
	case len(h.Certificates) == 0 && h.CertManager == nil:
		faults.Add(all, "is required, unless https.certManager is given: a certificate with its private key, or the Secret that holds both",
			"https.certManager")
	case len(h.Certificates) > maxCertificates:
		faults.Addf(all, "has %d certificates; a listener takes %d at most", len(h.Certificates), maxCertificates)
	case len(h.Certificates) > 0 && len(h.Hostnames) == 0 && !h.Certificates[0].isOwn():
		faults.Add("https.hostnames", "is required where the first certificate is in a Secret of your own: its names are not known", all)
	}
	complete = len(h.Certificates) > 0
	var leaves []*x509.Certificate
	holders := map[string]string{}
	for i, c := range h.Certificates {
		path := fault.Index(all, i)
		switch {
		case c.isOwn() && c.SecretRef != nil:
			faults.Add(path+".secretRef", "is given beside a certificate or its key; give one or the other", path)
		case c.SecretRef != nil:
			faults.AddErr(path+".secretRef.name", names.Existing(c.SecretRef.Name))
			if c.SecretRef.Namespace != nil {
				faults.AddErr(path+".secretRef.namespace", names.Namespace(*c.SecretRef.Namespace))
			}
		case c.Certificate == nil:
			faults.Add(path+".certificate", "is required, unless secretRef is given: the certificate in PEM", path)
		case c.PrivateKey == nil:
			faults.Add(path+".privateKey", "is required beside certificate: its private key in PEM", path)
		default:
			leaf, err := credential.ParsePair(*c.Certificate, *c.PrivateKey)
			if err != nil {
				faults.Add(path+".certificate", "and its privateKey are not a pair in PEM: "+err.Error(), path)
				break
			}
			faults.AddErr(path+".certificate", h.checkDates(path, leaf, now))
			if other, taken := holders[namesOf(leaf)]; taken {
				faults.Add(path+".certificate", "is for the same names as "+other+", and Traefik uses one of them alone; leave the other one out", all)
			}
			holders[namesOf(leaf)] = path + ".certificate"
			leaves = append(leaves, leaf)
			continue
		}
		complete = false
	}
	for _, leaf := range leaves {
		for _, name := range leaf.DNSNames {
			if name = strings.ToLower(name); !slices.Contains(held, name) {
				held = append(held, name)
			}
		}
	}
	for i, hostname := range h.names {
		if complete && !covers(held, hostname) {
			faults.Add(fault.Index("https.hostnames", i), fmt.Sprintf("is in none of the certificates, which are for %s; add a certificate for it",
				strings.Join(held, ", ")), all)
		}
	}
	return held, complete
}

// namesOf is what Traefik tells certificates apart by
// (https://github.com/traefik/traefik/blob/v3.7.13/pkg/tls/certificate_store.go, appendCertificate).
func namesOf(leaf *x509.Certificate) string {
	held := append([]string{leaf.Subject.CommonName}, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		held = append(held, ip.String())
	}
	slices.Sort(held)
	return strings.ToLower(strings.Join(slices.Compact(held), ","))
}

// checkDates refuses a certificate, at path, that clients refuse now, and warns of one that they are about to.
func (h *secured) checkDates(path string, leaf *x509.Certificate, now time.Time) error {
	switch {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("expired on %s, so that clients refuse it; write the one that was issued after it", leaf.NotAfter.Format(time.DateOnly))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("is valid only from %s on, so that clients refuse it; write the one before it", leaf.NotBefore.Format(time.DateTime))
	case leaf.NotAfter.Sub(now) < renewTime && leaf.NotAfter.Sub(leaf.NotBefore) > 2*renewTime:
		h.warnings = append(h.warnings, fmt.Sprintf("The certificate in %s expires on %s, and clients refuse it afterwards. Write the renewed one there.", path,
			leaf.NotAfter.Format(time.DateOnly)))
	}
	return nil
}

// covers says whether one of the names, of which some have wildcards, is for hostname. A wildcard is for one label (RFC 6125).
func covers(names []string, hostname string) bool {
	_, parent, _ := strings.Cut(hostname, ".")
	return slices.Contains(names, hostname) || isWhole(hostname) && slices.Contains(names, "*."+parent)
}

func (h secured) checkCertManager(faults *fault.List) {
	if h.CertManager == nil {
		return
	}
	faults.AddErr("https.certManager.issuerName", names.Existing(h.CertManager.IssuerName))
	if h.CertManager.IssuerKind == "" {
		faults.Addf("https.certManager.issuerKind", "is empty; write Issuer, ClusterIssuer or the kind of another issuer")
	}
	if h.CertManager.IssuerGroup == "" {
		faults.Addf("https.certManager.issuerGroup", "is empty; write the API group of the issuer's kind, or leave it out")
	}
	if len(h.Hostnames) == 0 {
		faults.Add("https.hostnames", "is required with https.certManager: the names that the certificate is to hold", "https.certManager")
	}
}

func (h secured) checkClients(faults *fault.List) {
	c := h.ClientCertificates
	if c == nil {
		return
	}
	const path = "https.clientCertificates"
	switch {
	case c.CACertificate != nil && c.CASecretRef != nil:
		faults.Add(path+".caSecretRef", "is given beside caCertificate; give one of them", path)
	case c.CASecretRef != nil:
		faults.AddErr(path+".caSecretRef.name", names.Existing(c.CASecretRef.Name))
	case c.CACertificate == nil:
		faults.Add(path+".caCertificate", "is required, unless caSecretRef is given: the certificates of the authorities in PEM", path)
	default:
		faults.AddErr(path+".caCertificate", credential.CheckCertificates(*c.CACertificate))
	}
	if h.plain() == Serve {
		faults.Add("https.http", "is Serve, but who comes by plain HTTP is asked for no certificate; set it to Redirect or Off, or leave "+
			path+" out", path)
	}
}

// asksAll says whether nobody gets in without a client certificate.
func (h *secured) asksAll() bool {
	return h != nil && h.ClientCertificates != nil && !h.ClientCertificates.Optional
}

// host is what clients use in a URL: the first whole name, or the address.
func (h secured) host(address string) string {
	if i := slices.IndexFunc(h.names, isWhole); i >= 0 {
		return h.names[i]
	}
	return address
}

// url is the URL at a host name or address.
func (h secured) url(host string) string { return target.ListenerURL(target.HTTPS, host, h.Port) }

// isFor says whether clients that ask for this name get a certificate that holds it.
func (h secured) isFor(hostname string) bool { return covers(h.names, hostname) }

// issuesInto is the Secret that cert-manager writes the certificate into.
func (p plan) issuesInto() string { return p.identity.Name + "-https" }

// minVersion is the version in Traefik's words.
func (h secured) minVersion() string { return "Version" + string(ptr.Deref(h.MinVersion, TLS12)) }
