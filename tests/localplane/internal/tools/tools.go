// Package tools finds the programs that a plane is made of.
package tools

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Folder is where the built tools are: $MODELPLANE_TOOLS, by default
// modelplane/bin in the user's cache folder.
func Folder() (string, error) {
	if folder := os.Getenv("MODELPLANE_TOOLS"); folder != "" {
		return filepath.Abs(folder)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("the tools folder is not known (set MODELPLANE_TOOLS): %w", err)
	}
	return filepath.Join(cache, "modelplane", "bin"), nil
}

// Find returns the path of the tool name. $KUBEBUILDER_ASSETS, where it is set
// and holds the tool, goes before [Folder].
func Find(name string) (string, error) {
	folder, err := Folder()
	if err != nil {
		return "", err
	}
	if assets := os.Getenv("KUBEBUILDER_ASSETS"); assets != "" {
		if path := filepath.Join(assets, name); exists(path) {
			return filepath.Abs(path)
		}
	}
	path := filepath.Join(folder, name)
	if !exists(path) {
		return "", fmt.Errorf("%s is not in the tools folder %s: build it there with tests/toolchain/build.sh, "+
			"or name the folder that has it in MODELPLANE_TOOLS", name, folder)
	}
	return path, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, os.ErrNotExist)
}
