package gateway

import (
	"fmt"
	"strings"

	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
)

// warnOfHTTPS prints what is unwise about HTTPS, once it is known.
func warnOfHTTPS(owner child.Owner, p plan) fault.List {
	if p.https != nil {
		for _, warning := range p.https.warnings {
			owner.Warn(warning)
		}
	}
	return nil
}

// adviseOnTLSOption says who has the TLS options or certificates that the gateway needs.
func adviseOnTLSOption(p plan, failure string) string {
	if !strings.Contains(failure, "conflict") && !child.HeldByAnother(failure) {
		return ""
	}
	return fmt.Sprintf("The namespace %s has a TLSOption or TLSStore %s already, and it was left as it is. Traefik takes one of each for all of a "+
		"namespace, so that only one gateway in it can have HTTPS. Choose another namespace for this gateway, or delete that object.",
		p.namespaceName(), tlsDefault)
}

func adviseOnCertManager(failure string) string {
	if !strings.Contains(failure, "the apiVersion for this resource does not exist") && !strings.Contains(failure, "no matches for kind") {
		return ""
	}
	return "The cluster does not have cert-manager's CRDs (cert-manager.io/v1). Install cert-manager and the issuer first, or write the certificate " +
		"into https.certificates."
}

func retryOnCertManager(failure string) string {
	if !kube.WebhookFailed(failure) {
		return ""
	}
	return "cert-manager's webhook does not answer yet; waiting for it."
}

// adviseOnIssuer says where to read why there is no certificate.
func adviseOnIssuer(p plan, failure string) string {
	if !strings.Contains(failure, "timed out") {
		return ""
	}
	return fmt.Sprintf("cert-manager has not issued the certificate. It says why: kubectl describe certificate,certificaterequest,order,challenge -n %s. "+
		"The issuer must exist; an Issuer must be in this namespace. An issuer that asks for a proof by HTTP (http01) needs a gatewayHTTPRoute solver "+
		"whose parentRefs name the Gateway %s in the namespace %[1]s, and https.http must not be Off.", p.namespaceName(), p.name())
}

// adviseOnCertificates says which certificate Traefik has not taken.
func adviseOnCertificates(p plan, failure string) string {
	if p.https == nil || !strings.Contains(failure, "timed out") {
		return ""
	}
	if p.https.CertManager != nil {
		return adviseOnIssuer(p, failure)
	}
	var secrets []string
	for _, c := range p.https.Certificates {
		if c.SecretRef != nil {
			secrets = append(secrets, ptr.Deref(c.SecretRef.Namespace, p.namespaceName())+"/"+c.SecretRef.Name)
		}
	}
	return fmt.Sprintf("Traefik does not serve the listener %s. These Secrets must exist, each with a certificate in tls.crt and its key in tls.key: %s. "+
		"Traefik says what is wrong: kubectl get gateway -n %s %s -o jsonpath='{.status.listeners}'.", HTTPSListener, strings.Join(secrets, ", "),
		p.namespaceName(), p.name())
}
