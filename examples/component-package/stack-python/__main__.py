"""A team's chat URL, made with ACME's own component."""

import pulumi
import pulumi_acme as acme
import pulumi_modelplane as modelplane

config = pulumi.Config()

gateway = modelplane.ModelGateway(
    "gateway",
    # Traefik's Helm chart: its name in Traefik's repository, an OCI reference, or a path.
    chart={"name": config.get("chart")},
)

chat = acme.ChatPlatform(
    "chat",
    team="research",
    servers=[
        {"url": config.require("largeUrl"), "weight": 80},
        {"url": config.require("smallUrl"), "weight": 20},
    ],
    api_key=config.require_secret("apiKey"),
    gateway=gateway.gateway,
)

# What an OpenAI client takes as its base URL.
pulumi.export("url", chat.url)
