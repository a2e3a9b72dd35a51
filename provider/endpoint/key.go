package endpoint

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/http/httpguts"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
)

// checkKey finds the faults of the key, and of how it is sent. No message shows the key.
func checkKey(a Args, faults *fault.List) {
	if a.APIKey != nil && a.APIKeySecretRef != nil {
		faults.Add("apiKeySecretRef", "is given beside apiKey; give one of them", "apiKey")
	}
	*faults = append(*faults, a.check(a.keyScheme())...)
	a.checkKeySending(isKeyed(a.Server, a.Credential), faults)
}

// check finds the faults of the key itself, which is sent after scheme.
func (c Credential) check(scheme string) fault.List {
	var faults fault.List
	if c.APIKey != nil {
		faults.AddErr("apiKey", checkKeyText(*c.APIKey, scheme), "apiKeyScheme", "apiKeyHeader")
	}
	return faults
}

// checkKeySending finds the faults of how a key is sent, and of where it is kept. Keyed says whether there is one.
func (s Server) checkKeySending(keyed bool, faults *fault.List) {
	if ref := s.APIKeySecretRef; ref != nil {
		faults.AddErr("apiKeySecretRef.name", names.Existing(ref.Name))
		if problems := validation.IsConfigMapKey(ref.Key); len(problems) > 0 {
			faults.Addf("apiKeySecretRef.key", "is not a key of a Secret's data: %s", strings.Join(problems, "; "))
		}
	}
	if s.APIKeyHeader != nil {
		faults.AddErr("apiKeyHeader", headerName(*s.APIKeyHeader))
	}
	if s.APIKeyScheme != nil && !httpguts.ValidHeaderFieldName(*s.APIKeyScheme) {
		faults.Addf("apiKeyScheme", "is not an authentication scheme; write one word, such as Basic (RFC 9110, section 11.1)")
	}
	for _, how := range []struct {
		path  string
		given *string
	}{{"apiKeyHeader", s.APIKeyHeader}, {"apiKeyScheme", s.APIKeyScheme}} {
		if how.given != nil && !keyed {
			faults.Add(how.path, "is given without apiKey or apiKeySecretRef; give a key, or leave it out", "apiKey", "apiKeySecretRef")
		}
	}
}

// keyHeader is the header that carries a key.
func (s Server) keyHeader() string { return ptr.Deref(s.APIKeyHeader, authorization) }

// keyScheme is what comes before a key; empty for one that is sent as it is.
func (s Server) keyScheme() string {
	if s.APIKeyHeader != nil {
		return ptr.Deref(s.APIKeyScheme, "")
	}
	return ptr.Deref(s.APIKeyScheme, "Bearer")
}

// checkKeyText takes what a header takes. The gateway sends the key without the white space around it, such as the line break
// at a file's end.
func checkKeyText(text, scheme string) error {
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

// checkPEM takes certificates alone.
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
