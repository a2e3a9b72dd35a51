// Package names says which names, labels and annotations Kubernetes takes for the objects that components make. What
// is too long is refused, never cut.
package names

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
)

const (
	// MaxLabel is the length of a Service's name and of a label's value (RFC 1035).
	MaxLabel = validation.DNS1035LabelMaxLength
	// MaxRelease is the longest name of a Helm release: Helm keeps the rest of a label for the release's revision.
	MaxRelease = 53
	// SuffixRoom is what auto-naming adds to a prefix: a hyphen and eight hexadecimal digits.
	SuffixRoom = 9
)

// Object checks name by DNS-1035, the strictest rule of those that apply to the objects made from it (a Service's),
// and by a length that leaves room for what is appended to it.
func Object(name string, length int) error {
	if len(name) > length {
		return fmt.Errorf("%q has %d characters; the objects named after it leave room for %d", name, len(name), length)
	}
	if len(validation.IsDNS1035Label(name)) > 0 {
		return fmt.Errorf("%q is not a name for a Kubernetes object: write a lower-case letter, then lower-case letters, digits "+
			"and hyphens, with no hyphen at the end (RFC 1035)", name)
	}
	return nil
}

// Existing checks name by what an object made by others may be called, a DNS-1123 subdomain.
func Existing(name string) error {
	if len(validation.IsDNS1123Subdomain(name)) > 0 {
		return fmt.Errorf("%q is not a name of a Kubernetes object: lower-case letters, digits, hyphens and dots, with a letter "+
			"or digit first and last (RFC 1123)", name)
	}
	return nil
}

// Namespace checks name by DNS-1123, the rule for namespaces.
func Namespace(name string) error {
	if len(validation.IsDNS1123Label(name)) > 0 {
		return fmt.Errorf("%q is not a name for a namespace: write up to %d lower-case letters, digits and hyphens, with a letter "+
			"or digit first and last (RFC 1123)", name, validation.DNS1123LabelMaxLength)
	}
	return nil
}

// reserved are the label and annotation prefixes that decide what our objects are or how Pulumi treats them.
var reserved = []string{"modelplane/", "app.kubernetes.io/name", "app.kubernetes.io/managed-by", "kubernetes.io/service-name"}

// Metadata finds the faults of a component's labels and annotations.
func Metadata(labels, annotations map[string]string) fault.List {
	var faults fault.List
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		path := fault.Key("labels", key)
		faults.AddErr(path, qualified(key))
		if problems := validation.IsValidLabelValue(labels[key]); len(problems) > 0 {
			faults.Addf(path, "%q is not a label value: %s", labels[key], strings.Join(problems, "; "))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		faults.AddErr(fault.Key("annotations", key), qualified(key))
	}
	if err := apivalidation.ValidateAnnotationsSize(annotations); err != nil {
		faults.Addf("annotations", "%s", err)
	}
	return faults
}

// Selector finds the faults of the labels at path that select other objects, which may carry any.
func Selector(path string, labels map[string]string) fault.List {
	var faults fault.List
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		problems := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(labels[key])...)
		if len(problems) > 0 {
			faults.Addf(fault.Key(path, key), "%s", strings.Join(problems, "; "))
		}
	}
	return faults
}

func qualified(key string) error {
	for _, prefix := range reserved {
		if strings.HasPrefix(key, prefix) {
			return fmt.Errorf("%q is set by modelplane itself; choose another key", key)
		}
	}
	// Kubernetes compares an annotation's key in lower case, a label's as it is; valid keys pass both.
	if problems := validation.IsQualifiedName(key); len(problems) > 0 {
		return errors.New(strings.Join(problems, "; "))
	}
	return nil
}

// Child is the Pulumi name of a component's children. It is the name of their objects, so that names which Pulumi makes up for
// these start with it. Where the component has another Pulumi name, or parts tell several children of one kind apart, it ends
// in a hash of these: two components may have one name, in two namespaces or clusters.
func Child(name, component string, parts ...string) string {
	if name == component && len(parts) == 0 {
		return name
	}
	return name + "-" + Hash(append([]string{component}, parts...))[:hashLength]
}

// hashLength is the length of the hash in a child's name.
const hashLength = 6

// Hash is a hash of a value's JSON form, 16 hexadecimal digits.
func Hash(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // callers pass structs, lists and strings, which have a JSON form
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Room is the length that Child leaves for a name, out of what the names that Pulumi makes up may have.
func Room(name, component string) int {
	room := MaxLabel - SuffixRoom
	if name != component {
		room -= hashLength + 1
	}
	return room
}
