// Package credential checks the keys and certificates that programs give.
package credential

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// CheckKey takes what a header takes, after the authentication scheme; that is empty for a key as it is. No message shows the key. The gateway sends the key without the white space around it, such as the line break
// at a file's end.
func CheckKey(text, scheme string) error {
	key := strings.TrimSpace(text)
	switch {
	case key == "" || !httpguts.ValidHeaderFieldValue(key):
		return errors.New("is empty or has a character that no header takes; write the key as the server's owner gave it")
	case len(key) > 1 && strings.ContainsRune(`"'`, rune(key[0])) && key[0] == key[len(key)-1]:
		return errors.New("is in quotation marks, which would be sent with it; write the key without them")
	case scheme != "" && len(key) > len(scheme) && strings.EqualFold(key[:len(scheme)+1], scheme+" "):
		return fmt.Errorf("begins with %s, which the gateway adds itself; write the key alone", scheme)
	}
	return nil
}

// CheckCertificates takes certificates in PEM, and nothing else.
func CheckCertificates(text string) error {
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

// ParsePair reads a certificate and its private key, both in PEM. No message shows the key.
func ParsePair(certificate, privateKey string) (*x509.Certificate, error) {
	pair, err := tls.X509KeyPair([]byte(certificate), []byte(privateKey))
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "tls: "))
	}
	return pair.Leaf, nil
}
