"""One URL on a Gateway that is there already."""

import pulumi
import pulumi_modelplane as modelplane

config = pulumi.Config()

# A model server of your own.
own = modelplane.ModelEndpoint("own", url=config.require("ownUrl"))

# A provider: another host, another path, TLS and a key.
groq = modelplane.ModelEndpoint(
    "groq",
    url=config.get("groqUrl") or "https://api.groq.com/openai/v1",
    api_key=config.require_secret("groqKey"),
)

chat = modelplane.ModelService(
    "chat",
    gateway={
        "name": config.get("gatewayName") or "shared",
        "namespace": config.get("gatewayNamespace") or "infra",
        "listener": config.get("gatewayListener") or "web",
        # The URL that clients reach the listener by.
        "url": config.require("gatewayUrl"),
        # Its Traefik runs this version of the modelplane plugin, which sends the key and hides callers. Without it, leave this out.
        "plugin_version": "1",
    },
    backends=[
        {"endpoint": own.backend, "weight": 80},
        {"endpoint": groq.backend, "weight": 20},
    ],
)

# What an OpenAI client takes as its base URL.
pulumi.export("url", chat.url)
