package child

import (
	"fmt"
	"strings"

	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
)

// ownerLabel is the label that tells a component from all others. The URN is that of the component that the program asked for,
// which holds its project and stack as well.
func ownerLabel(organization, urn, kind, name string) string {
	return names.Hash([]string{organization, urn, kind, name})
}

// HeldByAnother says whether a write failed because the object belongs to another stack or program. Newer versions of the
// Kubernetes plugin create without looking at what is there, and report that the object exists.
func HeldByAnother(failure string) bool {
	return strings.Contains(failure, "conflict") && strings.Contains(failure, kube.OwnerLabel) || strings.Contains(failure, "already exists")
}

// adviseOnOwner says what to do about an object that another stack has, where a child has no advice of its own.
func (o Owner) adviseOnOwner(kind, failure string) string {
	if !HeldByAnother(failure) {
		return ""
	}
	if o.cluster != "" {
		kind += " on the cluster " + o.cluster
	}
	return fmt.Sprintf("This %s belongs to another stack or program, and it was left as it is. Choose another name or namespace for the %s %s, "+
		"or destroy the other one first.", kind, o.kind, o.name)
}
