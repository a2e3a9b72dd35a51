"""Another team's chat URL, on the gateway that all teams share."""

import pulumi
import pulumi_acme as acme

config = pulumi.Config()

chat = acme.ChatPlatform(
    "chat",
    team="support",
    servers=[
        {"url": config.require("largeUrl"), "weight": 80},
        {"url": config.require("smallUrl"), "weight": 20},
    ],
    api_key=config.require_secret("apiKey"),
    # The output of the platform's stack.
    gateway=config.require_object("gateway"),
)

# What an OpenAI client takes as its base URL.
pulumi.export("url", chat.url)
