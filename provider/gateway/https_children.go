package gateway

import (
	"encoding/base64"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	gatewayv1beta1 "sigs.k8s.io/gateway-api/apis/v1beta1"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"

	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// The keys of the children that HTTPS needs. Those of Secrets and grants end in the number of their certificate.
const (
	certificateKey = "certificate "
	grantKey       = "grant "
	clientsKey     = "clients' authorities"
	optionKey      = "TLS option"
	storeKey       = "TLS store"
	issuedKey      = "issued certificate"
	renewedKey     = "renewed certificate"
	redirectKey    = "redirect"
)

// caEntry is the entry of a Secret in which Traefik looks for certificates of authorities
// (https://github.com/traefik/traefik/blob/v3.7.13/pkg/provider/kubernetes/crd/kubernetes.go, getCABlocks).
const caEntry = "ca.crt"

// The times that a Secret of the user's, and cert-manager, have until the listener works.
const (
	secretTimeout = "2m"
	issueTimeout  = readyTimeout
)

// tlsDefault is the name of Traefik's options and certificates for connections that ask for no others. They are taken from the gateway's
// namespace alone.
const tlsDefault = "default"

// httpsList are the children that HTTPS needs, before the Gateway and after it. There are none where the gateway has none.
type httpsList struct {
	given         *HTTPS
	before, after []child.Child
}

func httpsChildren(component string, in Inputs, p value.Value[plan], first []string) httpsList {
	h := in.Secure.Now().HTTPS
	if h == nil {
		return httpsList{}
	}
	public := value.Public(in.Secure)
	name := in.Identity.Now().Name
	resource := func(parts ...string) string { return names.Child(name, component, parts...) }
	clients := ptr.Deref(h.ClientCertificates, ClientCertificates{})
	list := httpsList{given: h}
	for i, c := range h.Certificates {
		key := fmt.Sprint(certificateKey, i)
		list.before = append(list.before,
			child.Child{
				// The Kubernetes package replaces it, new before old, when its data change.
				Key: key, Kind: kube.Secret, After: first, ResourceName: resource("certificate", fmt.Sprint(i)), Omit: !c.isOwn(),
				Fields: child.Fields{
					"type": child.Fixed(corev1.SecretTypeTLS),
					"data": child.From(in.Secure, func(s Secure) map[string]string { return s.certificate(i).data() }),
				},
			},
			child.Child{
				Key: fmt.Sprint(grantKey, i), Kind: kube.ReferenceGrant, After: first, ResourceName: resource("certificate", fmt.Sprint(i)),
				Omit: c.SecretRef == nil || c.SecretRef.Namespace == nil,
				Metadata: child.Fields{"namespace": child.From(public, func(s Secure) string {
					return ptr.Deref(s.certificate(i).secret().Namespace, "")
				})},
				Hash:   child.From(p, func(p plan) string { return names.Hash(p.grant(i)) }),
				Fields: child.Fields{"spec": child.From(p, func(p plan) gatewayv1beta1.ReferenceGrantSpec { return p.grant(i) })},
			})
	}
	list.before = append(list.before,
		child.Child{
			Key: clientsKey, Kind: kube.Secret, After: first, ResourceName: resource("clients"), Omit: clients.CACertificate == nil,
			Fields: child.Fields{"data": child.From(public, func(s Secure) map[string]string { return s.authorities() })},
		},
		child.Child{
			// It is there before the Gateway's listener is, so that no connection is made without it.
			Key: optionKey, Kind: kube.TLSOption, After: first, Seen: []string{clientsKey}, ResourceName: resource("https"), Name: child.Fixed(tlsDefault),
			Owned: true, Advice: func(failure string) string { return adviseOnTLSOption(p.Now(), failure) },
			Fields: child.Fields{"spec": child.FromNames(p, plan.tlsOption)},
		},
		child.Child{
			Key: storeKey, Kind: kube.TLSStore, After: first, Seen: []string{fmt.Sprint(certificateKey, 0)}, ResourceName: resource("https"),
			Name: child.Fixed(tlsDefault), Owned: true, Omit: !h.hasDefault(),
			Advice: func(failure string) string { return adviseOnTLSOption(p.Now(), failure) },
			Fields: child.Fields{"spec": child.FromNames(p, func(_ plan, siblings child.Names) map[string]any {
				return map[string]any{"defaultCertificate": map[string]any{"secretName": siblings[fmt.Sprint(certificateKey, 0)]}}
			})},
		},
		child.Child{
			// It is not waited for here: an issuer may ask the gateway itself for the proof, which the Gateway's listener for HTTP serves.
			Key: issuedKey, Kind: kube.Certificate, After: first, ResourceName: resource("https"), Name: child.Fixed(name), Owned: true,
			Omit: h.CertManager == nil, Annotations: child.Fixed(kube.SkipAwait()), Advice: adviseOnCertManager, Retry: retryOnCertManager,
			Fields: child.Fields{"spec": child.From(p, plan.issued)},
		})
	list.after = []child.Child{
		{
			// The Gateway goes on with the certificate before. This patch changes nothing, and waits for the one with these names.
			Key: renewedKey, Kind: kube.CertificatePatch, After: []string{issuedKey, gatewayKey}, ResourceName: resource("renewed"), Name: child.Fixed(name),
			Omit: h.CertManager == nil, Bare: true, Keep: true, Timeout: issueTimeout,
			Annotations: child.From(p, plan.renewed),
			Advice:      func(failure string) string { return adviseOnIssuer(p.Now(), failure) },
		},
		{
			Key: redirectKey, Kind: kube.HTTPRoute, After: []string{gatewayKey}, ResourceName: resource("redirect"), Name: child.Fixed(name + "-redirect"),
			Owned: true, Omit: h.plain() != Redirect,
			Annotations: child.Fixed(kube.WaitForRoute(name)), Timeout: "2m",
			Fields: child.Fields{"spec": child.From(p, plan.redirect)},
		},
	}
	return list
}

// seen are the children that all replicas have seen before the Gateway names them. A replica that misses one of them closes the listener.
func (l httpsList) seen() []string {
	var keys []string
	for _, c := range l.before {
		keys = append(keys, c.Key)
	}
	return keys
}

// awaited are the annotations of a Gateway that is waited for, each of its listeners included.
func (l httpsList) awaited() map[string]string {
	if l.given == nil {
		return kube.WaitForConditions("$.status.conditions", "Programmed")
	}
	return kube.WaitForListener(HTTPSListener)
}

// timeout is how long the Gateway is waited for.
func (l httpsList) timeout() string {
	if l.given == nil || l.given.CertManager != nil {
		return issueTimeout
	}
	return secretTimeout
}

// certificate is one of those that are given.
func (s Secure) certificate(i int) Certificate {
	if s.HTTPS == nil || i >= len(s.HTTPS.Certificates) {
		return Certificate{}
	}
	return s.HTTPS.Certificates[i]
}

func (c Certificate) secret() SecretReference { return ptr.Deref(c.SecretRef, SecretReference{}) }

func (c Certificate) data() map[string]string {
	return map[string]string{
		corev1.TLSCertKey: encode(ptr.Deref(c.Certificate, "")), corev1.TLSPrivateKeyKey: encode(ptr.Deref(c.PrivateKey, "")),
	}
}

func encode(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// authorities are what the Secret holds with which Traefik verifies clients.
func (s Secure) authorities() map[string]string {
	given := ptr.Deref(ptr.Deref(s.HTTPS, HTTPS{}).ClientCertificates, ClientCertificates{})
	return map[string]string{caEntry: encode(ptr.Deref(given.CACertificate, ""))}
}

// grant lets the Gateway use one Secret of another namespace.
func (p plan) grant(i int) gatewayv1beta1.ReferenceGrantSpec {
	secret := Secure{HTTPS: p.given()}.certificate(i).secret()
	return gatewayv1beta1.ReferenceGrantSpec{
		From: []gatewayv1beta1.ReferenceGrantFrom{{
			Group: gatewayv1.GroupName, Kind: "Gateway", Namespace: gatewayv1.Namespace(p.identity.Namespace),
		}},
		To: []gatewayv1beta1.ReferenceGrantTo{{Kind: "Secret", Name: ptr.To(gatewayv1.ObjectName(secret.Name))}},
	}
}

// given is what the program says of HTTPS.
func (p plan) given() *HTTPS {
	if p.https == nil {
		return nil
	}
	return &p.https.HTTPS
}

// tlsOption is for all connections of the gateway.
func (p plan) tlsOption(siblings child.Names) map[string]any {
	if p.https == nil {
		return nil
	}
	spec := map[string]any{"minVersion": p.https.minVersion(), "sniStrict": len(p.https.Hostnames) > 0}
	if c := p.https.ClientCertificates; c != nil {
		secret, kind := siblings[clientsKey], "RequireAndVerifyClientCert"
		if c.CASecretRef != nil {
			secret = c.CASecretRef.Name
		}
		if c.Optional {
			kind = "VerifyClientCertIfGiven"
		}
		spec["clientAuth"] = map[string]any{"clientAuthType": kind, "secretNames": []any{secret}}
	}
	return spec
}

// issued asks cert-manager for a certificate.
func (p plan) issued() map[string]any {
	if p.https == nil || p.https.CertManager == nil {
		return nil
	}
	issuer := p.https.CertManager
	return map[string]any{
		"secretName": p.issuesInto(),
		"dnsNames":   p.https.names,
		"issuerRef":  map[string]any{"group": issuer.IssuerGroup, "kind": issuer.IssuerKind, "name": issuer.IssuerName},
	}
}

// renewed has Pulumi wait until cert-manager has issued what issued asks for.
func (p plan) renewed() map[string]string {
	annotations := kube.WaitForConditions("$.status.conditions", "Ready")
	annotations["modelplane/issued"] = names.Hash(p.issued())
	return annotations
}

// withHTTPSListener is the Gateway's spec with what HTTPS makes of its listeners.
func (p plan) withHTTPSListener(siblings child.Names, spec gatewayv1.GatewaySpec) gatewayv1.GatewaySpec {
	if p.https == nil {
		return spec
	}
	switch p.https.plain() {
	case Off:
		spec.Listeners = nil
	case Redirect:
		// Nobody else's route can take requests by plain HTTP, and cert-manager's answers to challenges are in this namespace.
		spec.Listeners[0].AllowedRoutes = &gatewayv1.AllowedRoutes{Namespaces: &gatewayv1.RouteNamespaces{From: ptr.To(gatewayv1.NamespacesFromSame)}}
	}
	spec.Listeners = append(spec.Listeners, gatewayv1.Listener{
		Name:     HTTPSListener,
		Protocol: gatewayv1.HTTPSProtocolType,
		Port:     chart.HTTPSListenerPort,
		TLS: &gatewayv1.ListenerTLSConfig{
			Mode:            ptr.To(gatewayv1.TLSModeTerminate),
			CertificateRefs: p.certificateRefs(siblings),
		},
		AllowedRoutes: &gatewayv1.AllowedRoutes{Namespaces: &p.namespaces},
	})
	return spec
}

func (p plan) certificateRefs(siblings child.Names) []gatewayv1.SecretObjectReference {
	var refs []gatewayv1.SecretObjectReference
	add := func(name string, namespace *string) {
		ref := gatewayv1.SecretObjectReference{
			Group: ptr.To(gatewayv1.Group("")), Kind: ptr.To(gatewayv1.Kind("Secret")), Name: gatewayv1.ObjectName(name),
		}
		if namespace != nil {
			ref.Namespace = ptr.To(gatewayv1.Namespace(*namespace))
		}
		refs = append(refs, ref)
	}
	for i, c := range p.https.Certificates {
		if c.SecretRef != nil {
			add(c.SecretRef.Name, c.SecretRef.Namespace)
		} else {
			add(siblings[fmt.Sprint(certificateKey, i)], nil)
		}
	}
	if p.https.CertManager != nil {
		add(p.issuesInto(), nil)
	}
	return refs
}

// redirect leads plain HTTP to HTTPS. 308 keeps the method and the body.
func (p plan) redirect() gatewayv1.HTTPRouteSpec {
	redirect := gatewayv1.HTTPRequestRedirectFilter{Scheme: ptr.To("https"), StatusCode: ptr.To(308)}
	// Traefik leaves out 443 only where no port is given.
	if port := ptr.Deref(p.given(), HTTPS{}).Port; port != 443 {
		redirect.Port = ptr.To(gatewayv1.PortNumber(port))
	}
	return gatewayv1.HTTPRouteSpec{
		CommonRouteSpec: gatewayv1.CommonRouteSpec{ParentRefs: []gatewayv1.ParentReference{{
			Group: ptr.To(gatewayv1.Group(gatewayv1.GroupName)), Kind: ptr.To(gatewayv1.Kind("Gateway")),
			Namespace: ptr.To(gatewayv1.Namespace(p.identity.Namespace)), Name: gatewayv1.ObjectName(p.identity.Name),
			SectionName: ptr.To(gatewayv1.SectionName(Listener)),
		}}},
		Rules: []gatewayv1.HTTPRouteRule{{
			Matches: []gatewayv1.HTTPRouteMatch{{
				Path: &gatewayv1.HTTPPathMatch{Type: ptr.To(gatewayv1.PathMatchPathPrefix), Value: ptr.To("/")},
			}},
			Filters: []gatewayv1.HTTPRouteFilter{{Type: gatewayv1.HTTPRouteFilterRequestRedirect, RequestRedirect: &redirect}},
		}},
	}
}

// listeners says in a reference which listeners services attach to.
func (p plan) listeners(r Reference) Reference {
	if p.https == nil {
		return r
	}
	r.Listener = HTTPSListener
	if p.https.plain() == Serve {
		r.PlainListener = ptr.To(Listener)
	}
	if p.https.complete {
		r.Hostnames = p.https.names
	}
	return r
}

// servedHTTPS is the Gateway's name once all replicas serve it with what it names now: what it named before is deleted afterwards.
func (in Inputs) servedHTTPS(owner child.Owner, objects child.Objects, name pulumix.Output[string]) pulumix.Output[string] {
	if in.Secure.Now().HTTPS == nil {
		return name
	}
	settled := owner.Settled(objects[gatewayKey], objects[optionKey], objects[storeKey])
	// What waits for these comes before those that use the gateway.
	after := pulumix.Apply2(objects[redirectKey].Name(), objects[renewedKey].Name(), func(redirect, renewed string) string { return redirect + renewed })
	return pulumix.Apply3(name, settled, after, func(name string, _ bool, _ string) string { return name })
}
