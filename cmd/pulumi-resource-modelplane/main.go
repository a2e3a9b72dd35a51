// Command pulumi-resource-modelplane serves the provider to Pulumi's engine.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/modelplane/pulumi-modelplane/provider"
)

func main() {
	if len(os.Args) == 2 && (os.Args[1] == "--version" || os.Args[1] == "-version") {
		fmt.Println(provider.Version)
		return
	}
	if err := provider.Serve(context.Background()); err != nil {
		fmt.Fprintf(os.Stderr, "modelplane: %s\n", err)
		os.Exit(1)
	}
}
