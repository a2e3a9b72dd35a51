// Command pulumi-gen-modelplane writes what is made from the provider: schema.json, the package's public interface; sdk/, the
// SDKs that Pulumi's own generators make from it; and the tables and pictures in docs/.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/blang/semver"
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/integration"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"

	"github.com/modelplane/pulumi-modelplane/internal/docgen"
	"github.com/modelplane/pulumi-modelplane/provider"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: pulumi-gen-modelplane <folder of the repository>")
		os.Exit(2)
	}
	if err := generate(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "pulumi-gen-modelplane: %s\n", err)
		os.Exit(1)
	}
}

func generate(root string) error {
	text, err := schemaText()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "schema.json"), text, 0o644); err != nil {
		return err
	}
	var spec schema.PackageSpec
	if err := json.Unmarshal(text, &spec); err != nil {
		return err
	}
	if err := writeSDKs(root, spec); err != nil {
		return err
	}
	if err := docgen.WriteTables(filepath.Join(root, "docs"), spec); err != nil {
		return err
	}
	return docgen.Draw(filepath.Join(root, "docs"))
}

// schemaText is the schema as the engine gets it, one property a line.
func schemaText() ([]byte, error) {
	served, err := provider.New()
	if err != nil {
		return nil, err
	}
	server, err := integration.NewServer(context.Background(), provider.Name, semver.MustParse(provider.Version), integration.WithProvider(served))
	if err != nil {
		return nil, err
	}
	response, err := server.GetSchema(p.GetSchemaRequest{})
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := json.Indent(&text, []byte(response.Schema), "", "    "); err != nil {
		return nil, err
	}
	text.WriteByte('\n')
	return text.Bytes(), nil
}
