package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTheRepositoryHoldsWhatTheGeneratorMakes would catch a change of an input, a description or the version that has not
// reached schema.json, every SDK and the docs' tables, a picture that is not drawn anew, and an SDK that was edited by hand.
func TestTheRepositoryHoldsWhatTheGeneratorMakes(t *testing.T) {
	const root = "../.."
	made := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(made, "docs"), os.DirFS(filepath.Join(root, "docs"))))
	require.NoError(t, generate(made))
	names := files(t, made)
	require.Contains(t, names, "schema.json")
	for _, language := range sdks {
		folder := filepath.Join("sdk", language.folder)
		for _, name := range files(t, filepath.Join(root, folder), language.kept...) {
			assert.Contains(t, names, filepath.Join(folder, name), "made by nobody")
		}
	}
	for _, name := range names {
		want, err := os.ReadFile(filepath.Join(made, name))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(root, name))
		if assert.NoError(t, err, "run make generate") {
			assert.Equal(t, string(want), string(got), "%s: run make generate", name)
		}
	}
}

// files are the paths of all files below folder, but for those in the folders that are left out.
func files(t *testing.T, folder string, leftOut ...string) []string {
	t.Helper()
	var names []string
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		for _, name := range leftOut {
			if path == filepath.Join(folder, name) {
				return fs.SkipDir
			}
		}
		if !entry.IsDir() {
			name, err := filepath.Rel(folder, path)
			require.NoError(t, err)
			names = append(names, name)
		}
		return nil
	}))
	return names
}
