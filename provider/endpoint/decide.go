package endpoint

import (
	"slices"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/credential"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/target"
)

// plan is all that is decided about an endpoint, except the key itself.
type plan struct {
	reach
	// addresses are the server's IP addresses or host names.
	addresses []string
	headers   Headers
	// price is nil where nobody counts what tokens cost.
	price *Price
}

// reach is all that decides how a request reaches the server and that is written in more than one object. It changes as a
// whole: the objects that carry its hash are replaced, new before old. IP addresses are not part of it: they are in one object,
// so one write changes them.
type reach struct {
	Scheme   string
	Protocol Protocol
	Port     int32
	Family   discoveryv1.AddressType
	// Hosts are the host names of servers that have no IP address.
	Hosts    []string
	BasePath string
	// HostHeader is empty where the client's own stays.
	HostHeader string
	// TLS is nil where the system's roots and the URL's host name decide.
	TLS *verification
	// Model is what the server calls the model; empty where that is what the client sends.
	Model string `json:",omitempty"`
	// LeaveUsage says that the server is not asked how many tokens a stream took.
	LeaveUsage bool `json:",omitempty"`
	// Key is nil where the server wants none.
	Key *sentKey
	// ForwardCaller leaves on the request what tells the server who the caller is.
	ForwardCaller bool
}

// verification is how the server's certificate is verified.
type verification struct {
	ServerName    string
	CACertificate string
	CARef         *CACertificate
}

// sentKey is how the key is sent, and where Traefik reads it.
type sentKey struct {
	// Header carries the key, after the authentication scheme; that is empty for a key as it is.
	Header, Scheme string
	// Secret holds the key. It is empty for our own, whose name changes with the key: an endpoint that moves to another server
	// with another key must send neither key to the other server.
	Secret SecretKey
}

// withSecret is reach with the key in our own Secret, where the user has named none.
func (r reach) withSecret(secret string) reach {
	if r.Key != nil && r.Key.Secret.Name == "" {
		key := *r.Key
		key.Secret = SecretKey{Name: secret, Key: keyEntry}
		r.Key = &key
	}
	return r
}

// hash tells one reach from another.
func (r reach) hash() string { return names.Hash(r) }

// middlewareHash tells one Middleware from another. Paths and Host headers are in the route alone. So a change of these leaves the
// Middleware, which Traefik reads apart from routes: the fewer of them come and go, the less can a replica that lags behind see
// a route without its Middleware. One without a key is the same for every server that calls the model by that name and takes the same question.
func (r reach) middlewareHash() string {
	switch {
	case r.Key != nil:
		r.BasePath, r.HostHeader = "", ""
		return r.hash()
	case r.Model != "" || r.LeaveUsage:
		return names.Hash(reach{ForwardCaller: r.ForwardCaller, Model: r.Model, LeaveUsage: r.LeaveUsage})
	}
	return names.Hash(r.ForwardCaller)
}

// check finds every fault of an endpoint's arguments.
func check(name string, a Args) fault.List {
	_, faults := decide(a.Server, isKeyed(a.Server, a.Credential))
	identity := a.Or(name, meta.DefaultNamespace)
	faults.AddErr("name", names.Object(identity.Name, names.Room(identity.Name, name)))
	faults.AddErr("namespace", names.Namespace(identity.Namespace))
	checkKey(a, &faults)
	return append(faults, names.Metadata(a.Labels, a.Annotations)...)
}

func isKeyed(s Server, c Credential) bool { return c.APIKey != nil || s.APIKeySecretRef != nil }

// decide makes the plan. Keyed says whether there is a key, which is not among what it decides on.
func decide(s Server, keyed bool) (plan, fault.List) {
	var faults fault.List
	t := decideTarget(s, &faults)
	p := plan{
		addresses: t.Addresses,
		reach: reach{
			Scheme: t.Scheme, Protocol: ptr.Deref(s.Protocol, HTTP1), Port: t.Port, Family: t.Family, ForwardCaller: s.ForwardCaller,
		},
	}
	if t.Family == discoveryv1.AddressTypeFQDN {
		p.Hosts = t.Addresses
	}
	if keyed {
		p.Key = &sentKey{Header: s.keyHeader(), Scheme: s.keyScheme(), Secret: ptr.Deref(s.APIKeySecretRef, SecretKey{})}
	}
	if p.Protocol == H2C && p.Scheme == target.HTTPS {
		faults.Add("protocol", "is h2c, HTTP/2 without TLS, but the URL's scheme is https; with TLS the protocol is negotiated, "+
			"so leave it out", "url", "urls")
	}
	p.BasePath = decidePath(s, t, &faults)
	p.HostHeader = decideHost(s, t, &faults)
	p.Model = decideModel(s, &faults)
	p.LeaveUsage = !ptr.Deref(s.StreamUsage, true)
	p.price = s.Price
	s.Price.check("price", &faults)
	p.headers = decideHeaders(s, keyed, &faults)
	p.TLS = decideTLS(s, t, &faults)
	return p, faults
}

func decideTarget(s Server, faults *fault.List) target.Target {
	switch {
	case s.URL != "" && len(s.URLs) > 0:
		faults.Add("urls", "is given beside url; an endpoint has one or the other", "url")
		return target.Target{}
	case s.URL == "" && len(s.URLs) == 0:
		faults.Add("url", "is required, unless urls is given: the server's base URL, such as http://10.0.0.7:8000/v1", "urls")
		return target.Target{}
	case s.URL != "":
		u, ok := parseURL("url", s.URL, faults)
		if !ok {
			return target.Target{}
		}
		merged, _ := target.Merge([]target.URL{u})
		return merged
	}
	urls := make([]target.URL, 0, len(s.URLs))
	for i, text := range s.URLs {
		if u, ok := parseURL(fault.Index("urls", i), text, faults); ok {
			urls = append(urls, u)
		}
	}
	if len(urls) < len(s.URLs) {
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

func decidePath(s Server, t target.Target, faults *fault.List) string {
	if s.RewritePath == nil {
		return t.Path
	}
	path, err := target.ParsePath(*s.RewritePath)
	faults.AddErr("rewritePath", err)
	return path
}

func decideHost(s Server, t target.Target, faults *fault.List) string {
	if s.HostHeader != nil {
		host, err := target.ParseHostname(*s.HostHeader)
		faults.AddErr("hostHeader", err)
		return host
	}
	if t.Family == discoveryv1.AddressTypeFQDN && len(t.Addresses) > 1 {
		faults.Add("hostHeader", "is required with several host names, because all of the servers are sent the same one", "urls")
	}
	return t.Hostname()
}

func decideTLS(s Server, t target.Target, faults *fault.List) *verification {
	isIP := slices.Contains([]discoveryv1.AddressType{discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6}, t.Family)
	if s.TLS == nil {
		if t.Scheme == target.HTTPS && isIP {
			faults.Add("tls.serverName", "is required for an https URL with an IP address: a certificate is verified for a name, "+
				"and the gateway knows none", "url", "urls")
		}
		return nil
	}
	if t.Scheme == target.HTTP {
		faults.Add("tls", "is given, but the URL's scheme is http; write https or leave tls out", "url", "urls")
	}
	decided := verification{ServerName: t.Hostname(), CARef: s.TLS.CACertificateRef}
	switch {
	case s.TLS.ServerName != nil:
		name, err := target.ParseHostname(*s.TLS.ServerName)
		faults.AddErr("tls.serverName", err)
		decided.ServerName = name
	case t.Scheme == target.HTTPS && decided.ServerName == "":
		faults.Add("tls.serverName", "is required for an https URL with an IP address or several host names: a certificate is "+
			"verified for one name, and the gateway knows none", "url", "urls")
	}
	if s.TLS.CACertificate != nil {
		decided.CACertificate = *s.TLS.CACertificate
		faults.AddErr("tls.caCertificate", credential.CheckCertificates(decided.CACertificate))
	}
	if ref := s.TLS.CACertificateRef; ref != nil {
		faults.AddErr("tls.caCertificateRef.name", names.Existing(ref.Name))
		if s.TLS.CACertificate != nil {
			faults.Add("tls.caCertificateRef", "is given beside tls.caCertificate; give one of them", "tls.caCertificate")
		}
	}
	return &decided
}
