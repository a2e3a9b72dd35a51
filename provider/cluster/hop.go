package cluster

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-go-provider/infer"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/credential"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
)

// Hop protects the way from the control plane to the cluster's gateway. It is a separate part, since what is made of a secret is secret.
type Hop struct {
	TLS     *TLS     `pulumi:"tls,optional"`
	APIKeys []string `pulumi:"apiKeys,optional" provider:"secret"`
}

// Annotate describes the inputs for the schema.
func (h *Hop) Annotate(at infer.Annotator) {
	at.Describe(&h.TLS, "The certificate of the cluster's gateway. Default: none, so that requests come by plain HTTP.")
	at.Describe(&h.APIKeys, "Keys of which a request must have one. The endpoints of ModelDeployments send the first; model servers see none of them. "+
		"To change the key without a lost request, write the new one first and the old one second, and leave that out in a later update. "+
		"Default: none, so that everyone who reaches the gateway may ask.")
}

// TLS is the certificate of a cluster's gateway.
type TLS struct {
	Certificate   string  `pulumi:"certificate"`
	PrivateKey    string  `pulumi:"privateKey" provider:"secret"`
	CACertificate *string `pulumi:"caCertificate,optional"`
}

// Annotate describes the type for the schema.
func (t *TLS) Annotate(at infer.Annotator) {
	at.SetToken("index", "ClusterTls")
	at.Describe(t, "The certificate of a cluster's gateway.")
	at.Describe(&t.Certificate, "The certificate, in PEM, with those between it and the authority's.")
	at.Describe(&t.PrivateKey, "The certificate's private key, in PEM.")
	at.Describe(&t.CACertificate, "Certificates of the authorities that the control plane trusts for it, in PEM. To change the authority without a lost "+
		"request, write both first. Default: the system's roots.")
}

// KeyHeader is the header in which a cluster's gateway is sent a key.
const KeyHeader = "X-Modelplane-Key"

// isSecured and isKeyed say what there are children for.
func (h Hop) isSecured() bool    { return h.TLS != nil }
func (h Hop) isKeyed() bool      { return h.APIKeys != nil }
func (h Hop) hasAuthority() bool { return h.TLS != nil && h.TLS.CACertificate != nil }
func (h Hop) firstKey() *string {
	if len(h.APIKeys) == 0 {
		return nil
	}
	return &h.APIKeys[0]
}

// checkHop finds the faults of keys and certificates, of a gateway with this host name. No message shows any.
func (h Hop) checkHop(hostName string) fault.List {
	var faults fault.List
	if h.APIKeys != nil && len(h.APIKeys) == 0 {
		faults.Addf("apiKeys", "is empty; write a key, or leave apiKeys out")
	}
	for i, key := range h.APIKeys {
		path := fault.Index("apiKeys", i)
		faults.AddErr(path, credential.CheckKey(key, ""))
		for j, other := range h.APIKeys[:i] {
			if key == other {
				faults.Add(path, fmt.Sprintf("is the same key as apiKeys[%d]; leave one of them out", j), fault.Index("apiKeys", j))
			}
		}
	}
	if h.TLS == nil {
		return faults
	}
	if ca := h.TLS.CACertificate; ca != nil {
		faults.AddErr("tls.caCertificate", credential.CheckCertificates(*ca))
	}
	leaf, err := credential.ParsePair(h.TLS.Certificate, h.TLS.PrivateKey)
	switch {
	case err != nil:
		faults.Add("tls.certificate", "and tls.privateKey are not a pair in PEM: "+err.Error(), "tls.privateKey")
	case hostName != "" && leaf.VerifyHostname(hostName) != nil:
		faults.Add("tls.certificate", fmt.Sprintf("is not for gateway.hostName, %q; write a name that it holds: %s", hostName,
			strings.Join(leaf.DNSNames, ", ")), "gateway.hostName")
	}
	return faults
}

// certificate is the data of the Secret with the gateway's certificate.
func (h Hop) certificate() map[string]string {
	t := ptr.Deref(h.TLS, TLS{})
	data := map[string]string{corev1.TLSCertKey: encode(t.Certificate), corev1.TLSPrivateKeyKey: encode(t.PrivateKey)}
	if t.CACertificate != nil {
		data[caEntry] = encode(*t.CACertificate)
	}
	return data
}

// keys are the data of the Secret with the keys that the gateway takes, each under the name of a client.
func (h Hop) keys() map[string]string {
	data := map[string]string{}
	for i, key := range h.APIKeys {
		data[fmt.Sprintf("%s%d", keyEntry, i)] = encode(strings.TrimSpace(key))
	}
	return data
}

// The entries of a cluster's Secrets, and what the name of each key starts with.
const (
	caEntry  = "ca.crt"
	keyEntry = "key-"
)

func encode(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// policy has Envoy ask for a key, which it does not pass on.
func (p plan) policy(secret string) map[string]any {
	return map[string]any{
		"targetRefs": []any{map[string]any{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": p.name()}},
		"apiKeyAuth": map[string]any{
			"credentialRefs": []any{map[string]any{"group": "", "kind": "Secret", "name": secret}},
			"extractFrom":    []any{map[string]any{"headers": []any{KeyHeader}}},
			"sanitize":       true,
		},
	}
}
