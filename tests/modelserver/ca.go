package modelserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// lifetime of a CA and its certificates: long enough for a demo that is left running, and nothing outlives its process.
const lifetime = 24 * time.Hour

// CA is a certificate authority for tests. Its key never leaves the process.
type CA struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewCA makes a CA that is valid for a day.
func NewCA() (*CA, error) {
	template := certificateTemplate("modelserver test CA")
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign
	ca := &CA{certificate: template}
	var err error
	ca.certificate, ca.key, err = ca.sign(template)
	return ca, err
}

// PEM is the CA's certificate, as a client's trust store takes it.
func (ca *CA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.certificate.Raw})
}

// Pool holds the CA's certificate alone.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.certificate)
	return pool
}

// Issue makes a certificate for these host names and IP addresses, with which a program is a server or a client.
func (ca *CA) Issue(names []string, ips []net.IP) (*tls.Certificate, error) {
	template := certificateTemplate("modelserver")
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.DNSNames = names
	template.IPAddresses = ips
	certificate, key, err := ca.sign(template)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{certificate.Raw}, PrivateKey: key, Leaf: certificate}, nil
}

func certificateTemplate(commonName string) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: commonName},
		// An hour back, for clocks that disagree.
		NotBefore: time.Now().Add(-time.Hour),
		NotAfter:  time.Now().Add(lifetime),
	}
}

// sign makes a key for the template and signs both with the CA's key; the CA's own certificate is signed with its own.
func (ca *CA) sign(template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("modelserver: make a key: %w", err)
	}
	signer := ca.key
	if signer == nil {
		signer = key
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return nil, nil, fmt.Errorf("modelserver: make a serial number: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.certificate, key.Public(), signer)
	if err != nil {
		return nil, nil, fmt.Errorf("modelserver: sign a certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	return certificate, key, err
}

// PEM is a certificate that a CA has issued, with its key, as files have them.
func PEM(issued *tls.Certificate) (certificate, key string, err error) {
	for _, der := range issued.Certificate {
		certificate += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	der, err := x509.MarshalPKCS8PrivateKey(issued.PrivateKey)
	return certificate, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), err
}
