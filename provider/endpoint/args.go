package endpoint

import (
	"github.com/pulumi/pulumi-go-provider/infer"

	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
)

// Args are the inputs of a [ModelEndpoint], in the parts that become known together.
type Args struct {
	Server
	Credential
	meta.Identity
	meta.Metadata
}

// Annotate describes the inputs for the schema.
func (a *Args) Annotate(at infer.Annotator) {
	at.Describe(&a.Name, "The name that the endpoint's objects start with and carry as the label `app.kubernetes.io/name`. "+
		"Up to 54 characters (RFC 1035), 47 where it is not the Pulumi name. Default: the Pulumi name.")
	at.Describe(&a.Namespace, "The namespace of the endpoint's objects; it must exist. A service in another namespace may "+
		"use the endpoint unless it has a key. Default: `default`.")
	at.SetDefault(&a.Namespace, meta.DefaultNamespace)
	at.Describe(&a.Labels, "Labels for all objects of the endpoint.")
	at.Describe(&a.Annotations, "Annotations for all objects of the endpoint.")
}

// Server says where the model server is and how requests reach it.
type Server struct {
	URL             string     `pulumi:"url,optional"`
	URLs            []string   `pulumi:"urls,optional"`
	Protocol        *Protocol  `pulumi:"protocol,optional"`
	RewritePath     *string    `pulumi:"rewritePath,optional"`
	HostHeader      *string    `pulumi:"hostHeader,optional"`
	Model           *string    `pulumi:"model,optional"`
	StreamUsage     *bool      `pulumi:"streamUsage,optional"`
	Price           *Price     `pulumi:"price,optional"`
	Headers         *Headers   `pulumi:"headers,optional"`
	ForwardCaller   bool       `pulumi:"forwardCaller,optional" plain:"true"`
	TLS             *TLS       `pulumi:"tls,optional"`
	APIKeyHeader    *string    `pulumi:"apiKeyHeader,optional"`
	APIKeyScheme    *string    `pulumi:"apiKeyScheme,optional"`
	APIKeySecretRef *SecretKey `pulumi:"apiKeySecretRef,optional"`
}

// Annotate describes the inputs for the schema.
func (s *Server) Annotate(at infer.Annotator) {
	at.Describe(&s.URL, "The server's base URL, the string that an OpenAI client takes, such as "+
		"`https://api.groq.com/openai/v1` or `http://10.0.0.7:8000/v1`. Scheme http or https; host an IPv4 address, an IPv6 "+
		"address in brackets or a host name of two labels or more; any port from 1 to 65535 (default: 80, 443 with https); the "+
		"path is the base path, which replaces the path of a service. Userinfo, query, fragment, loopback and "+
		"link-local addresses are refused. Give either `url` or `urls`.")
	at.Describe(&s.URLs, "Base URLs of replicas: 1 to 1,000 servers that share scheme, port, base path and kind of "+
		"host (IPv4, IPv6 or name). Requests are spread evenly over them. Several host names need a `hostHeader`, because all "+
		"are sent the same one.")
	at.Describe(&s.Protocol, "What the server speaks: `http1`, or `h2c` for HTTP/2 without TLS, which gRPC servers want "+
		"(refused with https, where TLS negotiates the protocol). Default: `http1`.")
	at.SetDefault(&s.Protocol, HTTP1)
	at.Describe(&s.RewritePath, "The path that replaces a service's own path, if it is not the base path of the "+
		"URL. Starts with a slash, without one at its end; empty or `/` is the server's root.")
	at.Describe(&s.HostHeader, "The Host header that the server is sent: a host name without a port. Default: the URL's host "+
		"name; with an IP address, the header of the client as it is.")
	at.Describe(&s.Model, "What this server calls the model, such as `meta-llama/Llama-3.3-70B-Instruct`: it takes the place of the `model` at the top "+
		"level of a request's JSON body, so that one service splits a model over servers that call it by different names. 1 to 256 bytes. All else in the body "+
		"stays as it is. Each answer names it in the header `X-Modelplane-Model`. A body that is compressed is answered with 415, and one that names the model "+
		"twice, in another spelling or not as a string with 400. Default: the name that the client sends. Only services of this endpoint's "+
		"namespace can use the endpoint then, on a gateway that has the modelplane plugin.")
	at.Describe(&s.StreamUsage, "Whether the gateway asks this server how many tokens a stream took, with `stream_options.include_usage`, where the gateway counts or limits tokens and the client "+
		"does not ask. The client does not see the answer to that. A server that is sent requests without a Middleware (`forwardCaller` without a key and a `model`) is not asked. False is for servers that refuse the question, such as Mistral's, which tells it unasked. Default: true.")
	at.SetDefault(&s.StreamUsage, true)
	at.Describe(&s.Price, "What tokens cost here, for the figure `modelplane_cost_total` of a gateway that counts tokens. Default: no cost is counted.")
	at.Describe(&s.Headers, "Request headers to set or to remove on the way to this server.")
	at.Describe(&s.ForwardCaller, "Whether the server learns who the caller is: the client's own keys (Authorization, `api-key`, "+
		"`x-api-key` and other headers, WebSocket subprotocols, `key` in the query), cookies, OpenAI organization and project, and IP address "+
		"(X-Forwarded-For and the like). Default: false: all of these are removed, so that a caller's key never leaks to a "+
		"backend. The endpoint's own key replaces the client's in any case.")
	at.SetDefault(&s.ForwardCaller, false)
	at.Describe(&s.TLS, "How the server's certificate is verified, for an https URL. Default: against the system's roots, "+
		"for the URL's host name. Required, with a `serverName`, for an https URL with an IP address.")
	at.Describe(&s.APIKeyHeader, "The header that carries the key, such as `api-key`. Default: `Authorization`. A key in a header "+
		"that is named here is sent as it is, unless there is an `apiKeyScheme`.")
	at.Describe(&s.APIKeyScheme, "The authentication scheme, which is sent before the key (RFC 9110, section 11.4): `Basic` for a key "+
		"that is the Base64 form of user:password, `Token`, `Api-Key` and so on. Default: `Bearer` without `apiKeyHeader`, none with it.")
	at.Describe(&s.APIKeySecretRef, "A Secret of your own in this endpoint's namespace that holds the key. A new value is in "+
		"use within a second.")
}

// Price is what a server's tokens cost.
type Price struct {
	Input       float64  `pulumi:"input" json:"input"`
	Output      float64  `pulumi:"output" json:"output"`
	CachedInput *float64 `pulumi:"cachedInput,optional" json:"cachedInput,omitempty"`
}

// Annotate describes the type for the schema.
func (p *Price) Annotate(at infer.Annotator) {
	at.SetToken("index", "TokenPrice")
	at.Describe(p, "What a million tokens cost, in whatever currency all endpoints share: 0 to 1,000,000.")
	at.Describe(&p.Input, "The price of a million tokens of requests.")
	at.Describe(&p.Output, "The price of a million tokens of answers, those for reasoning too.")
	at.Describe(&p.CachedInput, "The price of a million tokens of requests that the server had in its cache. Default: that of `input`.")
}

// Credential is the key that the server wants. It is a separate part, since what is made of a secret is secret.
type Credential struct {
	APIKey *string `pulumi:"apiKey,optional" provider:"secret"`
}

// Annotate describes the input for the schema.
func (c *Credential) Annotate(at infer.Annotator) {
	at.Describe(&c.APIKey, "The key that the server wants. It is kept in a Kubernetes Secret and nowhere else in the cluster, "+
		"and is sent as `Authorization: Bearer <key>`, or as `apiKeyHeader` and `apiKeyScheme` say. A new key is in use within a second, without a "+
		"restart. Give either `apiKey` or `apiKeySecretRef`.")
}

// Protocol is what a server speaks.
type Protocol string

const (
	// HTTP1 is HTTP/1.1, with TLS or without.
	HTTP1 Protocol = "http1"
	// H2C is HTTP/2 without TLS, by prior knowledge (RFC 9113, section 3.3).
	H2C Protocol = "h2c"
)

// Values lists the protocols for the schema.
func (Protocol) Values() []infer.EnumValue[Protocol] {
	return []infer.EnumValue[Protocol]{
		{Name: "Http1", Value: HTTP1, Description: "HTTP/1.1, with TLS or without."},
		{Name: "H2c", Value: H2C, Description: "HTTP/2 without TLS, by prior knowledge: h2c and gRPC servers."},
	}
}

// Annotate describes the type for the schema.
func (p *Protocol) Annotate(at infer.Annotator) {
	at.SetToken("index", "EndpointProtocol")
	at.Describe(p, "What a model server speaks.")
}

// Headers are changes to the headers of a request.
type Headers struct {
	Set    map[string]string `pulumi:"set,optional"`
	Remove []string          `pulumi:"remove,optional"`
}

// Annotate describes the type for the schema.
func (h *Headers) Annotate(at infer.Annotator) {
	at.SetToken("index", "EndpointHeaders")
	at.Describe(h, "Changes to the headers of a request on its way to one endpoint.")
	at.Describe(&h.Set, "Headers to set, in place of what the client sent. Their values are in the HTTPRoute in plain text, so "+
		"a secret is refused here: use `apiKey` with `apiKeyHeader`. Host is set by `hostHeader`. Up to 16.")
	at.Describe(&h.Remove, "Names of headers to remove. Up to 16.")
}

// TLS is how a server's certificate is verified.
type TLS struct {
	ServerName       *string        `pulumi:"serverName,optional"`
	CACertificate    *string        `pulumi:"caCertificate,optional"`
	CACertificateRef *CACertificate `pulumi:"caCertificateRef,optional"`
}

// Annotate describes the type for the schema.
func (t *TLS) Annotate(at infer.Annotator) {
	at.SetToken("index", "EndpointTls")
	at.Describe(t, "How the certificate of an https server is verified.")
	at.Describe(&t.ServerName, "The name that the certificate must hold, also sent as SNI. Default: the URL's host name.")
	at.Describe(&t.CACertificate, "Certificates of the authorities to trust instead of the system's roots, in PEM.")
	at.Describe(&t.CACertificateRef, "A ConfigMap or Secret of your own with such certificates.")
}

// CACertificate names an object that holds certificates of authorities.
type CACertificate struct {
	Kind CAKind `pulumi:"kind"`
	Name string `pulumi:"name"`
}

// Annotate describes the type for the schema.
func (c *CACertificate) Annotate(at infer.Annotator) {
	at.SetToken("index", "CaCertificateReference")
	at.Describe(c, "An object in the endpoint's namespace with certificates in PEM under the key `ca.crt`.")
	at.Describe(&c.Kind, "Which kind of object it is.")
	at.Describe(&c.Name, "The object's name.")
}

// CAKind is the kind of an object that holds certificates.
type CAKind string

const (
	// ConfigMapKind is the usual place: certificates are not secret.
	ConfigMapKind CAKind = "ConfigMap"
	// SecretKind suits certificates that a tool such as cert-manager puts beside a key.
	SecretKind CAKind = "Secret"
)

// Values lists the kinds for the schema.
func (CAKind) Values() []infer.EnumValue[CAKind] {
	return []infer.EnumValue[CAKind]{
		{Name: "ConfigMap", Value: ConfigMapKind, Description: "A ConfigMap."},
		{Name: "Secret", Value: SecretKind, Description: "A Secret."},
	}
}

// Annotate describes the type for the schema.
func (k *CAKind) Annotate(at infer.Annotator) {
	at.SetToken("index", "CaCertificateKind")
	at.Describe(k, "The kind of an object that holds certificates.")
}

// SecretKey names one entry of a Secret.
type SecretKey struct {
	Name string `pulumi:"name"`
	Key  string `pulumi:"key"`
}

// Annotate describes the type for the schema.
func (s *SecretKey) Annotate(at infer.Annotator) {
	at.SetToken("index", "SecretKeyReference")
	at.Describe(s, "An entry of a Secret in the endpoint's namespace.")
	at.Describe(&s.Name, "The Secret's name.")
	at.Describe(&s.Key, "The key of the entry in the Secret's data.")
}
