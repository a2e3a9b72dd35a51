"""One URL over model servers in three clusters and a provider, by weight."""

import pulumi
import pulumi_modelplane as modelplane

config = pulumi.Config()


def cluster(name: str) -> modelplane.ServiceBackendArgsDict:
    """The model servers of a cluster. They are replicas, so they are one endpoint."""
    settings = config.require_object(name)
    endpoint = modelplane.ModelEndpoint(f"{name}-models", urls=settings["urls"])
    return {"endpoint": endpoint.backend, "weight": settings["weight"]}


# A provider, for what the clusters are not to take.
groq = config.require_object("groq")
provider = modelplane.ModelEndpoint(
    "groq-models",
    url=groq["url"],
    api_key=config.require_secret("groqKey"),
)

chat = modelplane.ModelService(
    "chat",
    # The Gateway that serves the URL, which is not this stack's.
    gateway=config.require_object("gateway"),
    backends=[
        cluster("europe"),
        cluster("america"),
        cluster("asia"),
        {"endpoint": provider.backend, "weight": groq["weight"]},
    ],
)

# What an OpenAI client takes as its base URL.
pulumi.export("url", chat.url)
pulumi.export("shares", chat.shares)
