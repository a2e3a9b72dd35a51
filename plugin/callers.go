package plugin

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// HeaderPrefix begins the names of headers that only the gateway itself may write.
const HeaderPrefix = "X-Modelplane-"

// CallerHeader names the caller on a request whose key the gateway knows. Clients' own are removed.
const CallerHeader = "X-Modelplane-Caller"

// hashLength is how many bytes of a key's SHA-256 are kept: enough that nobody finds another key with the same, and little enough for
// 20,000 callers in one Secret.
const hashLength = 24

// HashOf is what a Secret with callers' keys has of a key with this SHA-256.
func HashOf(sha256 [32]byte) string { return base64.RawURLEncoding.EncodeToString(sha256[:hashLength]) }

// keyHeaders are the headers in which clients send keys: OpenAI's, Anthropic's, Azure's and Google's.
var keyHeaders = []string{"Authorization", "X-Api-Key", "Api-Key", "X-Goog-Api-Key"}

var (
	noKey = refusal{
		http.StatusUnauthorized, "invalid_request_error", "missing_api_key",
		"The request has no API key. Send the key that you were given for this gateway.",
	}
	wrongKey = refusal{
		http.StatusUnauthorized, "invalid_request_error", "invalid_api_key",
		"The gateway does not know this API key. Send the key that you were given for this gateway.",
	}
	limitedKey = refusal{
		http.StatusForbidden, "invalid_request_error", "model_not_allowed",
		"This API key is for certain models, and asks for them by the URL that all models of the gateway share.",
	}
	limitedSocket = refusal{
		http.StatusForbidden, "invalid_request_error", "model_not_allowed", "This API key is for certain models, and opens no WebSockets.",
	}
	expiredKey = refusal{http.StatusUnauthorized, "invalid_request_error", "expired_api_key", "This API key has expired. Ask for a new one."}
)

// caller is who has a key, until when, in seconds since 1970 (0 is for good), for which models (none is for all), and for how many requests a minute (0 is for any
// number).
type caller struct {
	name     string
	expires  int64
	models   []string
	requests int
}

// keyring has callers by their keys' hashes.
type keyring struct{ callers map[string]*caller }

// keyrings are those in use, by what they were read from: a keyring is read once, however many routes use it and however often Traefik
// makes its middlewares again.
var (
	keyrings     = map[string]*keyring{}
	keyringsLock sync.Mutex
)

// maxKeyrings is how many are kept. Those that a rotation has left behind go when there are more.
const maxKeyrings = 64

// AllModels is what a line of callers has for a key that is for all models, if anything follows.
const AllModels = "*"

// keyringOf reads callers, one a line: a key's hash, the caller's name, and then as far as needed, when the key expires, for which models it is, escaped as in a query
// and with commas between them, and for how many requests a minute.
func keyringOf(text string) (*keyring, error) {
	keyringsLock.Lock()
	defer keyringsLock.Unlock()
	if known, has := keyrings[text]; has {
		return known, nil
	}
	read := map[string]*caller{}
	for _, line := range strings.Split(text, "\n") {
		if line == "" {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 2 || len(fields) > 5 || len(fields[0]) != base64.RawURLEncoding.EncodedLen(hashLength) {
			return nil, errors.New("callers has a line that is not a key's hash, a name, a time, models and a number; have a ModelCallers write the Secret")
		}
		known := &caller{name: fields[1]}
		if len(fields) > 2 {
			at, err := strconv.ParseInt(fields[2], 10, 64)
			if err != nil {
				return nil, errors.New("callers has a time that is not a number of seconds; have a ModelCallers write the Secret")
			}
			known.expires = at
		}
		if len(fields) > 4 {
			requests, err := strconv.Atoi(fields[4])
			if err != nil || requests < 1 {
				return nil, errors.New("callers has a number of requests that is none; have a ModelCallers write the Secret")
			}
			known.requests = requests
		}
		if len(fields) > 3 && fields[3] != AllModels {
			models, err := modelsIn(fields[3])
			if err != nil {
				return nil, err
			}
			known.models = models
		}
		read[fields[0]] = known
	}
	if len(keyrings) >= maxKeyrings {
		keyrings = map[string]*keyring{}
	}
	ring := &keyring{callers: read}
	keyrings[text] = ring
	return ring, nil
}

func modelsIn(text string) ([]string, error) {
	var models []string
	for _, escaped := range strings.Split(text, ",") {
		name, err := url.QueryUnescape(escaped)
		if err != nil {
			return nil, errors.New("callers has a model that cannot be read; have a ModelCallers write the Secret")
		}
		models = append(models, name)
	}
	return models, nil
}

// allowance is for which models the caller of a request has a key; none is for all.
type allowance struct{ models []string }

// ofAllowance is where the context of a request has its allowance, if a catalog follows that keeps to it. A service's own URL says nothing of its model.
var ofAllowance = &struct{ name string }{"allowance"}

// allows says whether a key is for the model that has this name.
func (a *allowance) allows(name string) bool {
	if a == nil || len(a.models) == 0 {
		return true
	}
	for _, allowed := range a.models {
		if beginning := strings.TrimSuffix(allowed, "*"); allowed == name || beginning != allowed && strings.HasPrefix(name, beginning) {
			return true
		}
	}
	return false
}

// admit names the caller on r, and takes the key off it: it is for the gateway alone. It gives the caller; nil where the request is refused.
func admit(k *keyring, w http.ResponseWriter, r *http.Request) *caller {
	var admitted *caller
	why := &noKey
	for _, header := range keyHeaders {
		if len(r.Header[header]) == 0 {
			continue
		}
		known, fault := callerOf(k, r, header)
		if fault != nil {
			why = worse(why, fault)
		} else if admitted == nil {
			admitted = known
		}
	}
	if admitted == nil {
		w.Header().Set("WWW-Authenticate", "Bearer")
		refuse(w, r, *why)
		return nil
	}
	if len(admitted.models) > 0 {
		allowanceOf(r).models = admitted.models
	}
	r.Header[CallerHeader] = []string{admitted.name}
	return admitted
}

// worse is which of two faults to tell: more is known of a key that the gateway knows.
func worse(before, next *refusal) *refusal {
	if next == &noKey || next == &wrongKey && before != &noKey {
		return before
	}
	return next
}

// callerOf is who has the key in a header, or why there is none.
func callerOf(k *keyring, r *http.Request, header string) (*caller, *refusal) {
	key := keyIn(r.Header, header)
	if key == "" {
		return nil, &noKey
	}
	known := k.callers[HashOf(sha256.Sum256([]byte(key)))]
	if known == nil {
		return nil, &wrongKey
	}
	delete(r.Header, header)
	if known.expires != 0 && time.Now().Unix() >= known.expires {
		return nil, &expiredKey
	}
	if len(known.models) > 0 && allowanceOf(r) == nil {
		return nil, &limitedKey
	}
	return known, nil
}

// keyIn is the key in a header; empty if there is none.
func keyIn(headers http.Header, header string) string {
	value := strings.TrimSpace(headers.Get(header))
	if header != "Authorization" {
		return value
	}
	scheme, key, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}

// removeOwnHeaders removes what only the gateway itself may write.
func removeOwnHeaders(header http.Header) {
	for name := range header {
		// The first letter tells most headers apart without a call.
		if name != "" && (name[0] == 'X' || name[0] == 'x') && strings.HasPrefix(http.CanonicalHeaderKey(dashes.Replace(name)), HeaderPrefix) {
			delete(header, name)
		}
	}
}
