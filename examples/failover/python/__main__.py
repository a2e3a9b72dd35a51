"""Two servers of your own, and a provider that answers when they do not."""

import pulumi
import pulumi_modelplane as modelplane

config = pulumi.Config()

first = modelplane.ModelEndpoint("first", url=config.require("firstUrl"))
second = modelplane.ModelEndpoint("second", url=config.require("secondUrl"))
groq = modelplane.ModelEndpoint(
    "groq",
    url=config.get("groqUrl") or "https://api.groq.com/openai/v1",
    api_key=config.require_secret("groqKey"),
)

chat = modelplane.ModelService(
    "chat",
    # The Gateway that serves the URL, which is not this stack's.
    gateway=config.require_object("gateway"),
    backends=[
        {"endpoint": first.backend},
        {"endpoint": second.backend},
        # Asked when the two have failed a request, or are out.
        {"endpoint": groq.backend, "priority": 1},
    ],
    failover={"header_timeout": "60s", "first_token_timeout": "10s"},
    # A server that fails three times in a row is not asked for 30 seconds.
    outlier_ejection={"failures": 3, "duration": "30s"},
    # A conversation stays at the server that has its prompt in its cache.
    affinity={"by": modelplane.AffinityBy.PROMPT},
)

# What an OpenAI client takes as its base URL.
pulumi.export("url", chat.url)
