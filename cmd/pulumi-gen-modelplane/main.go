// Command pulumi-gen-modelplane writes schema.json, the package's public interface, from the provider.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/blang/semver"
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/integration"

	"github.com/modelplane/pulumi-modelplane/provider"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: pulumi-gen-modelplane <schema.json>")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "pulumi-gen-modelplane: %s\n", err)
		os.Exit(1)
	}
}

func write(path string) error {
	served, err := provider.New()
	if err != nil {
		return err
	}
	server, err := integration.NewServer(context.Background(), provider.Name, semver.MustParse("0.1.0"), integration.WithProvider(served))
	if err != nil {
		return err
	}
	response, err := server.GetSchema(p.GetSchemaRequest{})
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := json.Indent(&text, []byte(response.Schema), "", "    "); err != nil {
		return err
	}
	text.WriteByte('\n')
	return os.WriteFile(path, text.Bytes(), 0o644)
}
