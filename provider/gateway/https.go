package gateway

import (
	"k8s.io/utils/ptr"

	"github.com/pulumi/pulumi-go-provider/infer"
)

// Secure says how clients reach the gateway by HTTPS. It is a separate part, since private keys are secret.
type Secure struct {
	HTTPS *HTTPS `pulumi:"https,optional"`
}

// Annotate describes the input for the schema.
func (s *Secure) Annotate(at infer.Annotator) {
	at.Describe(&s.HTTPS, "HTTPS for clients. Default: none, the gateway serves plain HTTP alone.")
}

// HTTPS is how a gateway serves HTTPS.
type HTTPS struct {
	Certificates       []Certificate       `pulumi:"certificates,optional"`
	CertManager        *CertManager        `pulumi:"certManager,optional"`
	Hostnames          []string            `pulumi:"hostnames,optional"`
	Port               int                 `pulumi:"port,optional"`
	HTTP               *PlainHTTP          `pulumi:"http,optional"`
	MinVersion         *TLSVersion         `pulumi:"minVersion,optional"`
	ClientCertificates *ClientCertificates `pulumi:"clientCertificates,optional"`
}

// Annotate describes the type for the schema.
func (h *HTTPS) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewayHttps")
	at.Describe(h, "HTTPS for the clients of a gateway.")
	at.Describe(&h.Certificates, "The certificates, up to 64. A client gets the one that holds the name which it asks for. Give either "+
		"`certificates` or `certManager`.")
	at.Describe(&h.CertManager, "An issuer of cert-manager's, which must be installed in the cluster, that issues and renews one certificate for all `hostnames`.")
	at.Describe(&h.Hostnames, "The names that clients use, such as `models.example.com`, or `*.example.com` for all names of one level. A connection "+
		"for any other name is refused. The first one without a wildcard is in `url`. Required with `certManager`, and where the first certificate "+
		"is in a Secret of your own. Default: the names in the certificates; a client that asks for another name, or for none, gets the first certificate.")
	at.Describe(&h.Port, "The port that clients connect to by HTTPS, from 1 to 65535. Default: 443.")
	at.SetDefault(&h.Port, 443)
	at.Describe(&h.HTTP, "What becomes of plain HTTP. Default: `Redirect`.")
	at.SetDefault(&h.HTTP, Redirect)
	at.Describe(&h.MinVersion, "The oldest version of TLS that a client may speak. Default: `TLS12`.")
	at.SetDefault(&h.MinVersion, TLS12)
	at.Describe(&h.ClientCertificates, "Ask clients for certificates. This is for the whole gateway, whatever the name or path. Default: none is asked for.")
}

// Certificate is one certificate of a gateway.
type Certificate struct {
	Certificate *string          `pulumi:"certificate,optional"`
	PrivateKey  *string          `pulumi:"privateKey,optional" provider:"secret"`
	SecretRef   *SecretReference `pulumi:"secretRef,optional"`
}

// Annotate describes the type for the schema.
func (c *Certificate) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewayCertificate")
	at.Describe(c, "A certificate: its text and its key, or a Secret that holds both.")
	at.Describe(&c.Certificate, "The certificate, in PEM, with those between it and the authority's. A new one is in use without a lost connection.")
	at.Describe(&c.PrivateKey, "The certificate's private key, in PEM. It is in one Secret, in the gateway's namespace.")
	at.Describe(&c.SecretRef, "A Secret of your own with the entries `tls.crt` and `tls.key`, as cert-manager writes them. What another tool writes "+
		"into it is in use at once.")
}

// SecretReference names a Secret, of any namespace.
type SecretReference struct {
	Name      string  `pulumi:"name"`
	Namespace *string `pulumi:"namespace,optional"`
}

// Annotate describes the type for the schema.
func (s *SecretReference) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewaySecretReference")
	at.Describe(s, "A Secret that exists already.")
	at.Describe(&s.Name, "The Secret's name.")
	at.Describe(&s.Namespace, "The Secret's namespace. In another namespace than the gateway's, a ReferenceGrant lets the gateway use this Secret alone. "+
		"Default: the gateway's namespace.")
}

// CertManager is an issuer of cert-manager's.
type CertManager struct {
	IssuerName  string `pulumi:"issuerName"`
	IssuerKind  string `pulumi:"issuerKind,optional"`
	IssuerGroup string `pulumi:"issuerGroup,optional"`
}

// Annotate describes the type for the schema.
func (c *CertManager) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewayCertManager")
	at.Describe(c, "An issuer of cert-manager's (cert-manager.io/v1).")
	at.Describe(&c.IssuerName, "The issuer's name.")
	at.Describe(&c.IssuerKind, "The issuer's kind. An `Issuer` must be in the gateway's namespace. Default: `ClusterIssuer`.")
	at.SetDefault(&c.IssuerKind, "ClusterIssuer")
	at.Describe(&c.IssuerGroup, "The API group of the issuer's kind. Default: `cert-manager.io`.")
	at.SetDefault(&c.IssuerGroup, "cert-manager.io")
}

// ClientCertificates say which certificates clients must have.
type ClientCertificates struct {
	CACertificate *string               `pulumi:"caCertificate,optional"`
	CASecretRef   *LocalSecretReference `pulumi:"caSecretRef,optional"`
	Optional      bool                  `pulumi:"optional,optional"`
}

// Annotate describes the type for the schema.
func (c *ClientCertificates) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewayClientCertificates")
	at.Describe(c, "Which certificates clients must have.")
	at.Describe(&c.CACertificate, "Certificates of the authorities that issue those of clients, in PEM. To change the authority without a lost connection, "+
		"write both first. Give either `caCertificate` or `caSecretRef`.")
	at.Describe(&c.CASecretRef, "A Secret of your own in the gateway's namespace with such certificates in the entry `ca.crt`.")
	at.Describe(&c.Optional, "Whether a client may come without a certificate. One that it does show must be valid. Default: false.")
	at.SetDefault(&c.Optional, false)
}

// LocalSecretReference names a Secret in the gateway's namespace.
type LocalSecretReference struct {
	Name string `pulumi:"name"`
}

// Annotate describes the type for the schema.
func (s *LocalSecretReference) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewayLocalSecretReference")
	at.Describe(s, "A Secret in the gateway's namespace.")
	at.Describe(&s.Name, "The Secret's name.")
}

// PlainHTTP is what becomes of plain HTTP on a gateway with HTTPS.
type PlainHTTP string

// What can become of plain HTTP.
const (
	Redirect PlainHTTP = "Redirect"
	Serve    PlainHTTP = "Serve"
	Off      PlainHTTP = "Off"
)

// Values lists them for the schema.
func (PlainHTTP) Values() []infer.EnumValue[PlainHTTP] {
	return []infer.EnumValue[PlainHTTP]{
		{Name: "Redirect", Value: Redirect, Description: "Requests are redirected to HTTPS (308, so that a POST stays one). Only routes of the gateway's own " +
			"namespace attach to the listener."},
		{Name: "Serve", Value: Serve, Description: "Services are served by both."},
		{Name: "Off", Value: Off, Description: "The port is closed."},
	}
}

// Annotate describes the type for the schema.
func (p *PlainHTTP) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewayPlainHttp")
	at.Describe(p, "What becomes of plain HTTP on a gateway with HTTPS.")
}

// TLSVersion is a version of TLS.
type TLSVersion string

// The versions of TLS that can be asked for.
const (
	TLS12 TLSVersion = "TLS12"
	TLS13 TLSVersion = "TLS13"
)

// Values lists the versions for the schema.
func (TLSVersion) Values() []infer.EnumValue[TLSVersion] {
	return []infer.EnumValue[TLSVersion]{
		{Name: "TLS12", Value: TLS12, Description: "TLS 1.2 or newer."},
		{Name: "TLS13", Value: TLS13, Description: "TLS 1.3 or newer."},
	}
}

// Annotate describes the type for the schema.
func (v *TLSVersion) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewayTlsVersion")
	at.Describe(v, "A version of TLS.")
}

// plain is what becomes of plain HTTP.
func (h *HTTPS) plain() PlainHTTP {
	if h == nil {
		return Serve
	}
	return ptr.Deref(h.HTTP, Redirect)
}

// isOwn says whether the certificate's text is given, so that there is a Secret for it.
func (c Certificate) isOwn() bool { return c.Certificate != nil || c.PrivateKey != nil }

// hasDefault says whether a connection for any name gets the first certificate.
func (h HTTPS) hasDefault() bool {
	return len(h.Hostnames) == 0 && len(h.Certificates) > 0 && h.Certificates[0].isOwn()
}
