package callers

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider/endpoint"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
)

const (
	// minKey is the length of a key that nobody guesses, if it is drawn at random.
	minKey = 16
	// maxSecret is what a Secret may hold, in bytes (https://kubernetes.io/docs/concepts/configuration/secret/).
	maxSecret = 1 << 20
	// maxModels is for how many models a key can be.
	maxModels = 50
	// maxRequests is how many requests a minute a limit can allow.
	maxRequests = 1_000_000
)

// callerName is a name that a header and a label of a metric take.
var callerName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$`)

// check finds every fault of the arguments.
func check(name string, a Args) fault.List {
	_, faults := decide(a.Keyring)
	identity := a.Or(name, meta.DefaultNamespace)
	faults.AddErr("name", names.Object(identity.Name, names.Room(identity.Name, name)))
	faults.AddErr("namespace", names.Namespace(identity.Namespace))
	return append(faults, names.Metadata(a.Labels, a.Annotations)...)
}

// decide makes the lines that the plugin reads: a key's hash, the caller's name and, if the key expires, when, in seconds since 1970. No
// fault shows a key.
func decide(k Keyring) (string, fault.List) {
	var faults fault.List
	var lines strings.Builder
	known, paces := map[string]int{}, map[string]int{}
	for i, key := range k.Keys {
		path := fault.Index("keys", i)
		if !callerName.MatchString(key.Name) {
			faults.Addf(path+".name", "is not a caller's name; write up to 63 letters, digits, dots, hyphens, underscores and @, with a letter or digit first")
		}
		if first, has := paces[key.Name]; !has {
			paces[key.Name] = i
		} else if ptr.Deref(k.Keys[first].RequestsPerMinute, 0) != ptr.Deref(key.RequestsPerMinute, 0) {
			faults.Add(path+".requestsPerMinute", fmt.Sprintf("is not that of %s, which is the same caller's: all keys of a caller count for one number; write the same into each", fault.Index("keys", first)),
				fault.Index("keys", first))
		}
		hash, ok := key.hash(path, &faults)
		if !ok {
			continue
		}
		if other, has := known[hash]; has {
			faults.Add(path, fmt.Sprintf("has the key of %s; give each caller its own", fault.Index("keys", other)), "keys")
		}
		known[hash] = i
		lines.WriteString(hash + " " + key.Name + key.end(path, &faults) + "\n")
	}
	if lines.Len() > maxSecret {
		faults.Addf("keys", "take %d bytes with their names, and a Secret holds %d; shorten the names, or split the callers and their services "+
			"over two namespaces", lines.Len(), maxSecret)
	}
	return lines.String(), faults
}

// hash is the key's, as the plugin looks it up.
func (k Key) hash(path string, faults *fault.List) (hash string, ok bool) {
	// The line break at a file's end is not part of a key.
	key := strings.TrimSpace(ptr.Deref(k.Key, ""))
	switch {
	case k.Key != nil && k.SHA256 != nil:
		faults.Add(path+".sha256", "is given beside key; give one of them", path+".key")
	case k.SHA256 != nil:
		sum, err := hex.DecodeString(*k.SHA256)
		if err != nil || len(sum) != sha256.Size {
			faults.Addf(path+".sha256", "is not a SHA-256; write 64 hexadecimal digits")
			return "", false
		}
		return plugin.HashOf([sha256.Size]byte(sum)), true
	case k.Key == nil:
		faults.Add(path+".key", "is required, unless sha256 is given", path+".sha256")
	case len(key) < minKey || strings.ContainsFunc(key, func(c rune) bool { return c > unicode.MaxASCII || !unicode.IsGraphic(c) || c == ' ' }):
		faults.Addf(path+".key", "is not a key; write at least %d characters of ASCII without spaces, drawn at random", minKey)
	default:
		return plugin.HashOf(sha256.Sum256([]byte(key))), true
	}
	return "", false
}

// end is the end of a line: when the key expires, the models that it is for, and how many requests a minute.
func (k Key) end(path string, faults *fault.List) string {
	models, requests := k.allowed(path+".models", faults), ""
	if n := k.RequestsPerMinute; n != nil {
		if *n < 1 || *n > maxRequests {
			faults.Addf(path+".requestsPerMinute", "%d is outside 1 to %d", *n, maxRequests)
		}
		models, requests = cmp.Or(models, " "+plugin.AllModels), fmt.Sprintf(" %d", *n)
	}
	if k.Expires == nil {
		if models == "" {
			return ""
		}
		return " 0" + models + requests
	}
	at, err := time.Parse(time.RFC3339, *k.Expires)
	if err != nil {
		faults.Addf(path+".expires", "is not a time; write one of RFC 3339, such as 2027-01-31T00:00:00Z")
	}
	return fmt.Sprintf(" %d", at.Unix()) + models + requests
}

// allowed are the key's models, as a line has them; empty for all.
func (k Key) allowed(path string, faults *fault.List) string {
	if k.Models == nil {
		return ""
	}
	models := *k.Models
	if len(models) == 0 {
		faults.Addf(path, "is empty; name the models that the key is for, or leave it out to allow all")
		return ""
	}
	if len(models) > maxModels {
		faults.Addf(path, "has %d models; a key takes %d. A * at the end of a name is for all that begin like it", len(models), maxModels)
	}
	escaped := make([]string, len(models))
	for i, name := range models {
		faults.AddErr(fault.Index(path, i), endpoint.CheckPattern(name))
		escaped[i] = url.QueryEscape(name)
	}
	return " " + strings.Join(escaped, ",")
}
