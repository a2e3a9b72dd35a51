package endpoint

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/http/httpguts"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/target"
)

// check finds every fault of an endpoint's arguments.
func check(name string, a Args) fault.List {
	_, faults := decide(a, a.APIKey != nil || a.APIKeySecretRef != nil)
	faults.AddErr("name", names.Object(cmp.Or(a.Name, name), names.MaxLabel-names.SuffixRoom))
	faults.AddErr("namespace", names.Namespace(a.Namespace))
	checkKey(a, &faults)
	return append(faults, names.Metadata(a.Labels, a.Annotations)...)
}

// decide makes the plan of the arguments. keyed says whether there is a key, which is not among them.
func decide(a Args, keyed bool) (plan, fault.List) {
	var faults fault.List
	p := plan{
		target: decideTarget(a, &faults), protocol: *a.Protocol, forwardAuth: a.ForwardAuthorization,
		keyed: keyed, keySecretRef: a.APIKeySecretRef,
	}
	if a.APIKeyHeader != nil {
		p.keyHeader = *a.APIKeyHeader
	}
	if p.protocol == H2C && p.target.Scheme == target.HTTPS {
		faults.Add("protocol", "is h2c, HTTP/2 without TLS, but the URL's scheme is https; with TLS the protocol is negotiated, "+
			"so leave it out", "url", "urls")
	}
	p.path = decidePath(a, p.target, &faults)
	p.hostHeader = decideHost(a, p.target, &faults)
	p.headers = decideHeaders(a, keyed, &faults)
	p.tls = decideTLS(a, p.target, &faults)
	return p, faults
}

func decideTarget(a Args, faults *fault.List) target.Target {
	switch {
	case a.URL != "" && len(a.URLs) > 0:
		faults.Add("urls", "is given beside url; an endpoint has one or the other", "url")
		return target.Target{}
	case a.URL == "" && len(a.URLs) == 0:
		faults.Add("url", "is required, unless urls is given: the server's base URL, such as http://10.0.0.7:8000/v1", "urls")
		return target.Target{}
	case a.URL != "":
		u, ok := parseURL("url", a.URL, faults)
		if !ok {
			return target.Target{}
		}
		merged, _ := target.Merge([]target.URL{u})
		return merged
	}
	urls := make([]target.URL, 0, len(a.URLs))
	for i, text := range a.URLs {
		if u, ok := parseURL(fault.Index("urls", i), text, faults); ok {
			urls = append(urls, u)
		}
	}
	if len(urls) < len(a.URLs) {
		return target.Target{}
	}
	merged, problems := target.Merge(urls)
	for _, problem := range problems {
		path := "urls"
		if problem.Index != target.Whole {
			path = fault.Index("urls", problem.Index)
		}
		faults.Add(path, problem.Message, "urls")
	}
	return merged
}

func parseURL(path, text string, faults *fault.List) (target.URL, bool) {
	u, err := target.Parse(text)
	faults.AddErr(path, err)
	return u, err == nil
}

func decidePath(a Args, t target.Target, faults *fault.List) string {
	if a.RewritePath == nil {
		return t.Path
	}
	path, err := target.ParsePath(*a.RewritePath)
	faults.AddErr("rewritePath", err)
	return path
}

func decideHost(a Args, t target.Target, faults *fault.List) string {
	if a.HostHeader != nil {
		host, err := target.ParseHostname(*a.HostHeader)
		faults.AddErr("hostHeader", err)
		return host
	}
	if t.Family == discoveryv1.AddressTypeFQDN && len(t.Addresses) > 1 {
		faults.Add("hostHeader", "is required with several host names, because all of the servers are sent the same one", "urls")
	}
	return t.Hostname()
}

func decideTLS(a Args, t target.Target, faults *fault.List) *tlsPlan {
	isIP := t.Family == discoveryv1.AddressTypeIPv4 || t.Family == discoveryv1.AddressTypeIPv6
	if a.TLS == nil {
		if t.Scheme == target.HTTPS && isIP {
			faults.Add("tls.serverName", "is required for an https URL with an IP address: a certificate is verified for a name, "+
				"and the gateway knows none", "url", "urls")
		}
		return nil
	}
	if t.Scheme == target.HTTP {
		faults.Add("tls", "is given, but the URL's scheme is http; write https or leave tls out", "url", "urls")
	}
	decided := tlsPlan{serverName: t.Hostname(), caRef: a.TLS.CACertificateRef}
	switch {
	case a.TLS.ServerName != nil:
		name, err := target.ParseHostname(*a.TLS.ServerName)
		faults.AddErr("tls.serverName", err)
		decided.serverName = name
	case t.Scheme == target.HTTPS && decided.serverName == "":
		faults.Add("tls.serverName", "is required for an https URL with an IP address or several host names: a certificate is "+
			"verified for one name, and the gateway knows none", "url", "urls")
	}
	if a.TLS.CACertificate != nil {
		decided.caCertificate = *a.TLS.CACertificate
		faults.AddErr("tls.caCertificate", checkPEM(decided.caCertificate))
	}
	if ref := a.TLS.CACertificateRef; ref != nil {
		faults.AddErr("tls.caCertificateRef.name", names.Existing(ref.Name))
		if a.TLS.CACertificate != nil {
			faults.Add("tls.caCertificateRef", "is given beside tls.caCertificate; give one of them", "tls.caCertificate")
		}
	}
	return &decided
}

func checkPEM(text string) error {
	rest := []byte(text)
	for found := 0; ; found++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if found == 0 {
				return errors.New("holds no certificate in PEM; it starts with -----BEGIN CERTIFICATE-----")
			}
			return nil
		}
		if block.Type != "CERTIFICATE" {
			return fmt.Errorf("holds a PEM block of the type %s; write certificates only", block.Type)
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return fmt.Errorf("holds a certificate that cannot be read: %w", err)
		}
	}
}

func checkKey(a Args, faults *fault.List) {
	if a.APIKey != nil && a.APIKeySecretRef != nil {
		faults.Add("apiKeySecretRef", "is given beside apiKey; give one of them", "apiKey")
	}
	if a.APIKey != nil {
		// The gateway sends the key without the white space around it, such as the line break at a file's end.
		if key := strings.TrimSpace(*a.APIKey); key == "" || !httpguts.ValidHeaderFieldValue(key) {
			faults.Addf("apiKey", "is empty or has a character that no header takes; write the key as the server's owner gave it")
		}
	}
	if ref := a.APIKeySecretRef; ref != nil {
		faults.AddErr("apiKeySecretRef.name", names.Existing(ref.Name))
		if problems := validation.IsConfigMapKey(ref.Key); len(problems) > 0 {
			faults.Addf("apiKeySecretRef.key", "is no key of a Secret's data: %s", strings.Join(problems, "; "))
		}
	}
	keyed := a.APIKey != nil || a.APIKeySecretRef != nil
	if a.APIKeyHeader != nil {
		faults.AddErr("apiKeyHeader", headerName(*a.APIKeyHeader))
		if strings.EqualFold(*a.APIKeyHeader, "Authorization") {
			faults.Addf("apiKeyHeader", "is Authorization, which carries a key as Bearer by default; leave it out")
		}
		if !keyed {
			faults.Add("apiKeyHeader", "is given without apiKey or apiKeySecretRef", "apiKey", "apiKeySecretRef")
		}
	}
	if a.ForwardAuthorization && keyed && a.APIKeyHeader == nil {
		faults.Add("forwardAuthorization", "is true, but the endpoint's key is sent in the same header; leave one of them out, or "+
			"name another header in apiKeyHeader", "apiKey", "apiKeySecretRef", "apiKeyHeader")
	}
}
