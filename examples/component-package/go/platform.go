package main

import (
	"fmt"

	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/modelplane/pulumi-modelplane/sdk/go/modelplane"
)

// Server is a model server that a team runs.
type Server struct {
	URL    string `pulumi:"url"`
	Weight *int   `pulumi:"weight,optional"`
}

// Annotate describes the type to those who use the package.
func (s *Server) Annotate(a infer.Annotator) {
	a.Describe(&s, "A model server that a team runs.")
	a.Describe(&s.URL, "Its base URL.")
	a.Describe(&s.Weight, "Its share of the team's requests, in proportion to the others. Default: 1.")
}

// ChatPlatformArgs are the inputs of ChatPlatform.
type ChatPlatformArgs struct {
	Team    string                           `pulumi:"team"`
	Servers []Server                         `pulumi:"servers"`
	APIKey  pulumi.StringInput               `pulumi:"apiKey" provider:"secret"`
	Gateway modelplane.GatewayReferenceInput `pulumi:"gateway" provider:"type=modelplane@v0.1.0:index:GatewayReference"`
}

// Annotate describes the inputs to those who use the package.
func (args *ChatPlatformArgs) Annotate(a infer.Annotator) {
	a.Describe(&args.Team, "The team's name, which is part of the URL.")
	a.Describe(&args.Servers, "The servers that answer.")
	a.Describe(&args.APIKey, "The key that the servers want.")
	a.Describe(&args.Gateway, "The gateway that all teams share.")
}

// ChatPlatform is one base URL for a team's OpenAI clients, over the model servers that the team runs.
type ChatPlatform struct {
	pulumi.ResourceState

	URL pulumi.StringOutput `pulumi:"url"`
}

// Annotate describes the component to those who use the package.
func (c *ChatPlatform) Annotate(a infer.Annotator) {
	a.Describe(&c, "One base URL for a team's OpenAI clients, over the model servers that the team runs.")
	a.Describe(&c.URL, "What an OpenAI client takes as its base URL.")
}

// NewChatPlatform makes the component.
func NewChatPlatform(ctx *pulumi.Context, name string, args ChatPlatformArgs, opts ...pulumi.ResourceOption) (*ChatPlatform, error) {
	platform := &ChatPlatform{}
	if err := ctx.RegisterComponentResource("acme:index:ChatPlatform", name, platform, opts...); err != nil {
		return nil, err
	}

	var backends modelplane.ServiceBackendArray
	for i, server := range args.Servers {
		endpoint, err := modelplane.NewModelEndpoint(ctx, fmt.Sprintf("%s-%d", args.Team, i), &modelplane.ModelEndpointArgs{
			Url:    pulumi.String(server.URL),
			ApiKey: args.APIKey.ToStringOutput().ToStringPtrOutput(),
		}, pulumi.Parent(platform))
		if err != nil {
			return nil, err
		}
		backends = append(backends, modelplane.ServiceBackendArgs{Endpoint: endpoint.Backend, Weight: pulumi.IntPtrFromPtr(server.Weight)})
	}
	service, err := modelplane.NewModelService(ctx, args.Team, &modelplane.ModelServiceArgs{
		Gateway:  args.Gateway,
		Path:     pulumi.String("/teams/" + args.Team + "/v1"),
		Backends: backends,
	}, pulumi.Parent(platform))
	if err != nil {
		return nil, err
	}

	platform.URL = service.Url
	return platform, nil
}
