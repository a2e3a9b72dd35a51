// Package names says which names, labels and annotations Kubernetes takes for the objects that components make. What
// is too long is refused, never cut.
package names

import (
	"crypto/sha256"
	"encoding/hex"
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

// Object holds name against DNS-1035, the strictest rule of those that apply to the objects made from it (a Service's),
// and against a length that leaves room for what is appended to it.
func Object(name string, length int) error {
	if len(name) > length {
		return fmt.Errorf("%q has %d characters; the objects named after it leave room for %d", name, len(name), length)
	}
	if len(validation.IsDNS1035Label(name)) > 0 {
		return fmt.Errorf("%q is no name for a Kubernetes object: write a lower-case letter, then lower-case letters, digits "+
			"and hyphens, the last of them no hyphen (RFC 1035)", name)
	}
	return nil
}

// Prefix is what the names of a component's auto-named objects begin with: the name of the component's objects, and a hash of
// its Pulumi name where that is another one. Two components of a stack may have one name, in two namespaces or clusters.
func Prefix(name, pulumiName string) string {
	if name == pulumiName {
		return name
	}
	sum := sha256.Sum256([]byte(pulumiName))
	return name + "-" + hex.EncodeToString(sum[:4])
}

// Existing holds name against what an object made by somebody else may be called, a DNS-1123 subdomain.
func Existing(name string) error {
	if len(validation.IsDNS1123Subdomain(name)) > 0 {
		return fmt.Errorf("%q is no name of a Kubernetes object: lower-case letters, digits, hyphens and dots, with a letter "+
			"or digit first and last (RFC 1123)", name)
	}
	return nil
}

// Namespace holds name against DNS-1123, the rule for namespaces.
func Namespace(name string) error {
	if len(validation.IsDNS1123Label(name)) > 0 {
		return fmt.Errorf("%q is no name for a namespace: write up to %d lower-case letters, digits and hyphens, with a letter "+
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
			faults.Addf(path, "%q is no label value: %s", labels[key], strings.Join(problems, "; "))
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
