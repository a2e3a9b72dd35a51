// One URL over model servers in three clusters and a provider, by weight.
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"github.com/modelplane/pulumi-modelplane/sdk/go/modelplane"
)

func main() {
	pulumi.Run(program)
}

func program(ctx *pulumi.Context) error {
	conf := config.New(ctx, "")
	var backends modelplane.ServiceBackendArray

	// The model servers of each cluster. The replicas of a cluster are one endpoint.
	for _, name := range []string{"europe", "america", "asia"} {
		var cluster struct {
			URLs   []string
			Weight int
		}
		conf.RequireObject(name, &cluster)
		endpoint, err := modelplane.NewModelEndpoint(ctx, name+"-models", &modelplane.ModelEndpointArgs{
			Urls: pulumi.ToStringArray(cluster.URLs),
		})
		if err != nil {
			return err
		}
		backends = append(backends, modelplane.ServiceBackendArgs{Endpoint: endpoint.Backend, Weight: pulumi.Int(cluster.Weight)})
	}

	// A provider, for what the clusters are not to take.
	var groq struct {
		URL    string
		Weight int
	}
	conf.RequireObject("groq", &groq)
	endpoint, err := modelplane.NewModelEndpoint(ctx, "groq-models", &modelplane.ModelEndpointArgs{
		Url:    pulumi.String(groq.URL),
		ApiKey: conf.RequireSecret("groqKey"),
	})
	if err != nil {
		return err
	}
	backends = append(backends, modelplane.ServiceBackendArgs{Endpoint: endpoint.Backend, Weight: pulumi.Int(groq.Weight)})

	// The Gateway that serves the URL, which is not this stack's.
	var gateway modelplane.GatewayReference
	conf.RequireObject("gateway", &gateway)
	chat, err := modelplane.NewModelService(ctx, "chat", &modelplane.ModelServiceArgs{
		Gateway:  pulumi.ToOutput(gateway).(modelplane.GatewayReferenceOutput),
		Backends: backends,
	})
	if err != nil {
		return err
	}

	// What an OpenAI client takes as its base URL.
	ctx.Export("url", chat.Url)
	ctx.Export("shares", chat.Shares)
	return nil
}
