package endpoint

import (
	"strings"

	"golang.org/x/net/http/httpguts"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/credential"
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
		faults.AddErr("apiKey", credential.CheckKey(*c.APIKey, scheme), "apiKeyScheme", "apiKeyHeader")
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
