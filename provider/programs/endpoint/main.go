//go:build ignore

package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"github.com/modelplane/pulumi-modelplane/sdk/go/modelplane"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		_, err := modelplane.NewModelEndpoint(ctx, "own", &modelplane.ModelEndpointArgs{
			Urls: pulumi.ToStringArray([]string{"http://10.0.0.7:8000/v1", "http://10.0.0.8:8000/v1"}),
		})
		if err != nil {
			return err
		}
		_, err = modelplane.NewModelEndpoint(ctx, "groq", &modelplane.ModelEndpointArgs{
			Url:    pulumi.String("https://api.groq.com/openai/v1"),
			ApiKey: config.New(ctx, "").RequireSecret("groqKey"),
		})
		return err
	})
}
