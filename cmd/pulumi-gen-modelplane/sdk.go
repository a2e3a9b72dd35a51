package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	gogen "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// tool is what the generated files name as their maker.
const tool = "pulumi-gen-modelplane"

// sdk is one language's SDK.
type sdk struct {
	// folder is its folder below sdk.
	folder string
	// generate makes its files, by their paths in folder.
	generate func(*schema.Package) (map[string][]byte, error)
	// licensed says that the folder is what is published, so the licence must be in it. Go adds that of the repository.
	licensed bool
	// kept are files and folders in folder that the generator leaves as they are: hand-written, or made by the build.
	kept []string
}

var sdks = []sdk{
	{folder: "go", generate: func(bound *schema.Package) (map[string][]byte, error) {
		return gogen.GeneratePackage(tool, bound, nil)
	}},
	{folder: "nodejs", generate: func(bound *schema.Package) (map[string][]byte, error) {
		return nodejs.GeneratePackage(tool, bound, nil, nil, false, noOthers{})
	}, licensed: true, kept: []string{"bin", "node_modules", "package-lock.json"}},
	{folder: "python", generate: pythonSDK, licensed: true, kept: []string{"build", "dist", "pulumi_modelplane.egg-info"}},
}

// pythonSDK mends what the generator writes so that PyPI shows the README, and that setuptools takes the licence.
func pythonSDK(bound *schema.Package) (map[string][]byte, error) {
	files, err := python.GeneratePackage(tool, bound, nil, noOthers{})
	if err != nil {
		return nil, err
	}
	// pyproject.toml looks for it beside itself.
	const readme = "README.md"
	inModule := filepath.Join(bound.Language["python"].(python.PackageInfo).PackageName, readme)
	files[readme] = files[inModule]
	delete(files, inModule)

	// From February 2027 setuptools refuses a licence in a table. It takes a plain one since version 77.
	project := string(files["pyproject.toml"])
	for _, change := range [][2]string{
		{"  [project.license]\n    text = ", "  license = "},
		{"setuptools>=61.0", "setuptools>=77.0"},
	} {
		if !strings.Contains(project, change[0]) {
			return nil, fmt.Errorf("pyproject.toml has no %q", change[0])
		}
		project = strings.Replace(project, change[0], change[1], 1)
	}
	files["pyproject.toml"] = []byte(project)
	return files, nil
}

// writeSDKs generates every SDK.
func writeSDKs(root string, spec schema.PackageSpec) error {
	licence, err := os.ReadFile(filepath.Join(root, "LICENSE"))
	if err != nil {
		return err
	}
	for _, language := range sdks {
		// A generator writes into what it is given, so each gets its own.
		bound, diagnostics, err := schema.BindSpec(spec, noOthers{}, schema.ValidationOptions{})
		if err == nil && diagnostics.HasErrors() {
			err = diagnostics
		}
		if err != nil {
			return fmt.Errorf("the schema: %w", err)
		}
		files, err := language.generate(bound)
		if err != nil {
			return fmt.Errorf("the SDK in %s: %w", language.folder, err)
		}
		if language.licensed {
			files["LICENSE"] = licence
		}
		if err := replace(filepath.Join(root, "sdk", language.folder), files, language.kept); err != nil {
			return err
		}
	}
	return nil
}

// replace makes files all that folder holds, except those that are kept.
func replace(folder string, files map[string][]byte, kept []string) error {
	old, err := os.ReadDir(folder)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	for _, entry := range old {
		if slices.Contains(kept, entry.Name()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(folder, entry.Name())); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}

// noOthers loads the packages that ours refers to: none. A reference to one would end the generator.
type noOthers struct{ schema.ReferenceLoader }
