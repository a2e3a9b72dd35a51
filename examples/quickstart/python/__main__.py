"""One OpenAI-compatible URL over a model server of your own and Groq."""

import pulumi
import pulumi_modelplane as modelplane

config = pulumi.Config()

gateway = modelplane.ModelGateway(
    "gateway",
    # Traefik's Helm chart: its name in Traefik's repository, an OCI reference, or a path.
    chart={"name": config.get("chart")},
)

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
    gateway=gateway.gateway,
    backends=[
        {"endpoint": own.backend, "weight": 80},
        {"endpoint": groq.backend, "weight": 20},
    ],
)

# What an OpenAI client takes as its base URL.
pulumi.export("url", chat.url)
