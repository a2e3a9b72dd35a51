"""A gateway for the internet, with HTTPS, a key for each caller, limits and CORS."""

import pulumi
import pulumi_modelplane as modelplane

config = pulumi.Config()

gateway = modelplane.ModelGateway(
    "gateway",
    https={
        "certificates": [
            {
                "certificate": config.require("certificate"),
                "private_key": config.require_secret("privateKey"),
            },
        ],
        # The name that clients use.
        "hostnames": [config.require("hostname")],
    },
    # Where Traefik's Helm chart comes from and its values, if not the published chart as it is.
    chart=config.get_object("chart"),
    # False where the cluster already has the CRDs of the Gateway API and of Traefik.
    install_crds=config.get_bool("installCrds"),
)

# The key for Groq, which callers never see.
groq = modelplane.ModelEndpoint(
    "groq",
    url=config.get("groqUrl") or "https://api.groq.com/openai/v1",
    api_key=config.require_secret("groqKey"),
)

# Those who may ask: a program of another team, and the pages of a site.
callers = modelplane.ModelCallers(
    "callers",
    keys=[
        {"name": "search", "key": config.require_secret("searchKey")},
        {"name": "pages", "key": config.require_secret("pagesKey")},
    ],
)

chat = modelplane.ModelService(
    "chat",
    gateway=gateway.gateway,
    backends=[{"endpoint": groq.backend}],
    auth={"callers": callers.callers},
    # Each replica of the gateway counts for itself.
    limits={
        "requests": [{"by": modelplane.LimitBy.CALLER, "requests": config.get_int("requestsPerMinute") or 60}],
        "in_flight": [{"by": modelplane.LimitBy.CALLER, "requests": 10}],
        "max_body_bytes": 1048576,
    },
    # Browsers ask before they send a key.
    cors={"allow_origins": [config.get("site") or "https://app.example.com"]},
)

# What an OpenAI client takes as its base URL.
pulumi.export("url", chat.url)
# Where the host name must lead to.
pulumi.export("address", gateway.address)
