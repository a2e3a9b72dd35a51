package refusals

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"time"

	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// The certificates that programs give. None has an authority, which nothing but a client asks for.
var (
	models  = newPair(time.Now().Add(-time.Hour), "models.example.com")
	other   = newPair(time.Now().Add(-time.Hour), "*.example.org")
	expired = newPair(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), "models.example.com")
	early   = newPair(time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC), "early.example.com")
)

// pair is a certificate and its key, in PEM.
type pair struct{ certificate, key string }

// newPair is good for thirty days.
func newPair(from time.Time, names ...string) pair {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: from.Add(30 * 24 * time.Hour), DNSNames: names}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	certificate, text, err := modelserver.PEM(&tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key})
	if err != nil {
		panic(err)
	}
	return pair{certificate, text}
}

// input is an entry of a gateway's certificates.
func (p pair) input() map[string]any {
	return map[string]any{"certificate": p.certificate, "privateKey": p.key}
}

// secured are inputs of a gateway with these certificates.
func secured(certificates, hostnames []any) map[string]any {
	https := map[string]any{"certificates": certificates}
	if hostnames != nil {
		https["hostnames"] = hostnames
	}
	return map[string]any{"https": https}
}
