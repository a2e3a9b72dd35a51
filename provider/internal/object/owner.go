package object

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// OwnerLabel says which component of which stack an object with a fixed name belongs to. Pulumi writes each object under a
// field manager of its own, so that the first write of another stack is a conflict over this label, and changes nothing.
const OwnerLabel = "modelplane/owner"

// Owner is the value of OwnerLabel for the component with this URN, in which project and stack stand as well.
func Owner(organization, urn string) string {
	sum := sha256.Sum256([]byte(organization + "\n" + urn))
	return hex.EncodeToString(sum[:8])
}

// HeldByAnother says whether a write failed because the object belongs to another stack or program. Newer versions of the
// Kubernetes plugin create without looking at what is there, and report that the object exists.
func HeldByAnother(failure string) bool {
	return strings.Contains(failure, "conflict") && strings.Contains(failure, OwnerLabel) || strings.Contains(failure, "already exists")
}
