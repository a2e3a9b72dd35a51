// The package acme, which Pulumi builds and serves from this folder.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/pulumi/pulumi-go-provider/infer"
)

func main() {
	provider, err := infer.NewProviderBuilder().
		WithDescription("What ACME's teams build on").
		WithComponents(infer.ComponentF(NewChatPlatform)).
		Build()
	if err == nil {
		err = provider.Run(context.Background(), "acme", "0.1.0")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
