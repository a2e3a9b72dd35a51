// Package packages runs the example of a component package, in which a component of the user's own wraps ours.
package packages

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/examples/exampletest"
)

// launcher is what Pulumi's language host for Node.js does to serve a package.
const launcher = `#!/bin/sh
cd "$(dirname "$0")" && exec node "$(node -p 'require.resolve("@pulumi/pulumi/cmd/run-plugin")')" "$PWD" "$@"
`

// example is a copy of the example in which pulumi install has done its work. The language hosts that tests run with cannot
// serve packages from source: an executable in the package's folder, which Pulumi prefers to the source, does what newer ones do.
func example(t *testing.T) string {
	t.Helper()
	root := exampletest.Copy(t, "component-package")

	// As examples/go.work does it.
	work := fmt.Sprintf("go 1.26.0\nuse ./go\nreplace github.com/modelplane/pulumi-modelplane/sdk => %s\n", filepath.Join(exampletest.Root(), "sdk"))
	require.NoError(t, os.WriteFile(filepath.Join(root, "go.work"), []byte(work), 0o600))
	run(t, filepath.Join(root, "go"), "go", "build", "-o", "pulumi-resource-acme", ".")

	host := filepath.Join(root, "typescript", "pulumi-resource-acme")
	require.NoError(t, os.WriteFile(host, []byte(launcher), 0o700))

	stack := filepath.Join(root, "stack-python")
	writeSDK(t, host, filepath.Join(stack, "sdks", "acme"))
	run(t, stack, filepath.Join(exampletest.Environment(t)["VIRTUAL_ENV"], "bin", "pip"),
		"install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--target", ".", "./sdks/acme")
	return root
}

// writeSDK makes the Python SDK of the package that host serves.
func writeSDK(t *testing.T, host, folder string) {
	t.Helper()
	var spec schema.PackageSpec
	require.NoError(t, json.Unmarshal(run(t, filepath.Dir(host), "pulumi", "package", "get-schema", host), &spec))
	bound, diagnostics, err := schema.BindSpec(spec, noOthers{}, schema.ValidationOptions{})
	require.NoError(t, err)
	require.False(t, diagnostics.HasErrors(), diagnostics)
	files, err := python.GeneratePackage("test", bound, nil, noOthers{})
	require.NoError(t, err)
	for name, text := range files {
		path := filepath.Join(folder, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, text, 0o600))
	}
}

// run gives what a command prints, which must succeed.
func run(t *testing.T, dir, name string, args ...string) []byte {
	t.Helper()
	var failure strings.Builder
	command := exec.CommandContext(t.Context(), name, args...)
	command.Dir, command.Stderr = dir, &failure
	output, err := command.Output()
	require.NoError(t, err, failure.String())
	return output
}

// noOthers loads the packages that a schema refers to: the one in TypeScript refers to none.
type noOthers struct{ schema.ReferenceLoader }
