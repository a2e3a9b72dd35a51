//go:build linux

package node

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Image is what containers of an image find in their root, besides what every container has.
type Image struct {
	// Entrypoint is the command of containers that name none. A program without a slash is in /usr/local/bin.
	Entrypoint []string
	// Files are files and folders of this machine by their paths in the container. What a program is linked with
	// dynamically must be among them, its loader too.
	Files map[string]string
	// Writable are the folders that every user may write to, besides /tmp.
	Writable []string
}

// Program is an image of one statically linked program, which is its entrypoint and keeps its name.
func Program(file string) Image {
	name := filepath.Base(file)
	return Image{Entrypoint: []string{name}, Files: map[string]string{path.Join(binaryFolder, name): file}}
}

func (i Image) check() error {
	var faults []error
	if len(i.Entrypoint) == 0 {
		faults = append(faults, errors.New("an entry point is missing; name the program of containers that name none"))
	}
	for _, file := range i.Files {
		if _, err := os.Stat(file); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// findImage returns the image that a reference names, whatever its registry, tag and digest.
func findImage(images map[string]Image, reference string) (Image, error) {
	name, _, _ := strings.Cut(path.Base(beforeDigest(reference)), ":")
	image, known := images[name]
	if !known {
		return Image{}, &startError{
			reason: "ErrImagePull",
			message: fmt.Sprintf("image %q is not known to this node; it runs %s", reference,
				strings.Join(slices.Sorted(maps.Keys(images)), ", ")),
		}
	}
	return image, nil
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
