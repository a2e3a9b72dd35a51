package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	gogen "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// tool is what the generated files name as their maker.
const tool = "pulumi-gen-modelplane"

// sdk is one language's SDK.
type sdk struct {
	// folder is where it lies, below sdk.
	folder string
	// generate makes its files, by their paths in folder.
	generate func(*schema.Package) (map[string][]byte, error)
	// kept are files and folders in folder that the generator leaves as they are: hand-written, or made by the build.
	kept []string
}

var sdks = []sdk{
	{folder: "go", generate: func(bound *schema.Package) (map[string][]byte, error) {
		return gogen.GeneratePackage(tool, bound, nil)
	}},
	{folder: "nodejs", generate: func(bound *schema.Package) (map[string][]byte, error) {
		return nodejs.GeneratePackage(tool, bound, nil, nil, false, noOthers{})
	}, kept: []string{"bin", "node_modules"}},
	{folder: "python", generate: func(bound *schema.Package) (map[string][]byte, error) {
		return python.GeneratePackage(tool, bound, nil, noOthers{})
	}},
}

// writeSDKs makes every SDK anew.
func writeSDKs(root string, spec schema.PackageSpec) error {
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
		if err := replace(filepath.Join(root, language.folder), files, language.kept); err != nil {
			return err
		}
	}
	return nil
}

// replace makes files all that folder holds, but for those that are kept.
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
