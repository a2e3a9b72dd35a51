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
// reached schema.json, every SDK and the docs' tables, a picture that was not drawn again, and an SDK that was edited by hand.
func TestTheRepositoryHoldsWhatTheGeneratorMakes(t *testing.T) {
	const root = "../.."
	made := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(made, "docs"), os.DirFS(filepath.Join(root, "docs"))))
	licence, err := os.ReadFile(filepath.Join(root, "LICENSE"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(made, "LICENSE"), licence, 0o600))
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

// TestThePackagesHaveAFrontPageAndTheLicence would catch a page on PyPI or npm that is empty, and a package without the licence
// that it names: each registry shows the README beside the package's own file.
func TestThePackagesHaveAFrontPageAndTheLicence(t *testing.T) {
	const root = "../.."
	licence, err := os.ReadFile(filepath.Join(root, "LICENSE"))
	require.NoError(t, err)
	for folder, manifest := range map[string]string{"nodejs": "package.json", "python": "pyproject.toml"} {
		beside := filepath.Join(root, "sdk", folder)
		require.FileExists(t, filepath.Join(beside, manifest))
		front, err := os.ReadFile(filepath.Join(beside, "README.md"))
		require.NoError(t, err)
		assert.Contains(t, string(front), "# Modelplane for Pulumi\n\nOne OpenAI-compatible URL")
		got, err := os.ReadFile(filepath.Join(beside, "LICENSE"))
		require.NoError(t, err)
		assert.Equal(t, string(licence), string(got), folder)
	}
	project, err := os.ReadFile(filepath.Join(root, "sdk", "python", "pyproject.toml"))
	require.NoError(t, err)
	assert.Contains(t, string(project), `readme = "README.md"`)
}

// files are the paths of all files below folder, except those that are left out.
func files(t *testing.T, folder string, leftOut ...string) []string {
	t.Helper()
	var names []string
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		for _, name := range leftOut {
			if path != filepath.Join(folder, name) {
				continue
			}
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
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
