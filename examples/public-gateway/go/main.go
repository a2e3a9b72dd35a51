// A gateway for the internet, with HTTPS, a key for each caller, limits and CORS.
package main

import (
	"cmp"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"github.com/modelplane/pulumi-modelplane/sdk/go/modelplane"
)

func main() {
	pulumi.Run(program)
}

func program(ctx *pulumi.Context) error {
	conf := config.New(ctx, "")

	gateway, err := secureGateway(ctx, conf)
	if err != nil {
		return err
	}

	// The key for Groq, which callers never see.
	groq, err := modelplane.NewModelEndpoint(ctx, "groq", &modelplane.ModelEndpointArgs{
		Url:    pulumi.String(cmp.Or(conf.Get("groqUrl"), "https://api.groq.com/openai/v1")),
		ApiKey: conf.RequireSecret("groqKey"),
	})
	if err != nil {
		return err
	}

	// Those who may ask: a program of another team, and the pages of a site.
	callers, err := modelplane.NewModelCallers(ctx, "callers", &modelplane.ModelCallersArgs{
		Keys: modelplane.CallerKeyArray{
			modelplane.CallerKeyArgs{Name: pulumi.String("search"), Key: conf.RequireSecret("searchKey")},
			modelplane.CallerKeyArgs{Name: pulumi.String("pages"), Key: conf.RequireSecret("pagesKey")},
		},
	})
	if err != nil {
		return err
	}

	chat, err := modelplane.NewModelService(ctx, "chat", &modelplane.ModelServiceArgs{
		Gateway:  gateway.Gateway,
		Backends: modelplane.ServiceBackendArray{modelplane.ServiceBackendArgs{Endpoint: groq.Backend}},
		Auth:     modelplane.ServiceAuthArgs{Callers: callers.Callers},
		// Each replica of the gateway counts for itself.
		Limits: modelplane.ServiceLimitsArgs{
			Requests: modelplane.RequestLimitArray{
				modelplane.RequestLimitArgs{By: modelplane.LimitByCaller, Requests: pulumi.Int(cmp.Or(conf.GetInt("requestsPerMinute"), 60))},
			},
			InFlight: modelplane.InFlightLimitArray{
				modelplane.InFlightLimitArgs{By: modelplane.LimitByCaller, Requests: pulumi.Int(10)},
			},
			MaxBodyBytes: pulumi.Int(1048576),
		},
		// Browsers ask before they send a key.
		Cors: modelplane.ServiceCorsArgs{AllowOrigins: pulumi.StringArray{pulumi.String(cmp.Or(conf.Get("site"), "https://app.example.com"))}},
	})
	if err != nil {
		return err
	}

	// What an OpenAI client takes as its base URL.
	ctx.Export("url", chat.Url)
	// Where the host name must lead to.
	ctx.Export("address", gateway.Address)
	return nil
}

// secureGateway serves HTTPS with the certificate in the configuration.
func secureGateway(ctx *pulumi.Context, conf *config.Config) (*modelplane.ModelGateway, error) {
	// Where Traefik's Helm chart comes from and its values, if not the published chart as it is.
	var chart struct {
		Name   string
		Values map[string]any
	}
	if err := conf.GetObject("chart", &chart); err != nil {
		return nil, err
	}
	return modelplane.NewModelGateway(ctx, "gateway", &modelplane.ModelGatewayArgs{
		Https: modelplane.GatewayHttpsArgs{
			Certificates: modelplane.GatewayCertificateArray{
				modelplane.GatewayCertificateArgs{
					Certificate: pulumi.String(conf.Require("certificate")),
					PrivateKey:  conf.RequireSecret("privateKey"),
				},
			},
			// The name that clients use.
			Hostnames: pulumi.StringArray{pulumi.String(conf.Require("hostname"))},
		},
		Chart: modelplane.GatewayChartArgs{
			Name:   pulumi.String(cmp.Or(chart.Name, "traefik")),
			Values: pulumi.ToMap(chart.Values),
		},
		// False where the cluster already has the CRDs of the Gateway API and of Traefik.
		InstallCrds: pulumi.BoolRef(conf.Get("installCrds") != "false"),
	})
}
