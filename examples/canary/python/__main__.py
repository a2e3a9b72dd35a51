"""One URL over a stable server and a canary, whose share is a setting of the stack."""

import pulumi
import pulumi_modelplane as modelplane

config = pulumi.Config()
# How many of 100 requests the canary gets.
canary_percent = config.get_int("canaryPercent") or 0

stable = modelplane.ModelEndpoint("stable", url=config.require("stableUrl"))
canary = modelplane.ModelEndpoint("canary", url=config.require("canaryUrl"))

chat = modelplane.ModelService(
    "chat",
    # The Gateway that serves the URL, which is not this stack's.
    gateway=config.require_object("gateway"),
    backends=[
        {"endpoint": stable.backend, "weight": 100 - canary_percent},
        {"endpoint": canary.backend, "weight": canary_percent},
    ],
)

# What an OpenAI client takes as its base URL.
pulumi.export("url", chat.url)
pulumi.export("shares", chat.shares)
