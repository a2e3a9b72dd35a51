//go:build linux

package node

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// findBinary returns the name and the binary of the image that a reference names, whatever its registry, tag and digest.
func findBinary(images map[string]string, reference string) (name, binary string, err error) {
	name, _, _ = strings.Cut(path.Base(beforeDigest(reference)), ":")
	binary, known := images[name]
	if !known {
		return "", "", &startError{
			reason: "ErrImagePull",
			message: fmt.Sprintf("image %q is not known to this node; it runs %s", reference,
				strings.Join(slices.Sorted(maps.Keys(images)), ", ")),
		}
	}
	return name, binary, nil
}

func beforeDigest(reference string) string {
	repository, _, _ := strings.Cut(reference, "@")
	return repository
}

// startError says why a container cannot start yet, in the words of a container status.
type startError struct {
	reason, message string
}

func (e *startError) Error() string { return e.message }
