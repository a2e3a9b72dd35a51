"""Two teams with keys of their own, and a number of tokens for each by the minute and by the day."""

import pulumi
import pulumi_modelplane as modelplane

config = pulumi.Config()
# The Gateway that serves the URL, which is not this stack's.
gateway = config.require_object("gateway")

# A key with models is refused at the services' own URLs, where the catalog's limits do not hold.
teams = modelplane.ModelCallers(
    "teams",
    keys=[
        {"name": "search", "key": config.require_secret("searchKey"), "models": ["*"]},
        {"name": "labs", "key": config.require_secret("labsKey"), "models": ["*"], "requests_per_minute": 30},
    ],
)

# A price is for a million tokens. That of your own server is for you to say.
own = modelplane.ModelEndpoint(
    "own",
    url=config.require("ownUrl"),
    price={"input": 0.05, "output": 0.2},
)
qwen = modelplane.ModelService(
    "qwen",
    gateway=gateway,
    backends=[{"endpoint": own.backend}],
    auth={"callers": teams.callers},
)

# Groq's price list says what this model costs: write that here.
groq = modelplane.ModelEndpoint(
    "groq",
    url=config.get("groqUrl") or "https://api.groq.com/openai/v1",
    api_key=config.require_secret("groqKey"),
    model="llama-3.3-70b-versatile",
    price={"input": 0.59, "output": 0.79},
)
llama = modelplane.ModelService(
    "llama",
    gateway=gateway,
    backends=[{"endpoint": groq.backend}],
    auth={"callers": teams.callers},
)

catalog = modelplane.ModelCatalog(
    "catalog",
    gateway=gateway,
    models=[
        {"name": "qwen3-8b", "service": qwen.service},
        {"name": "llama-3.3-70b", "service": llama.service},
    ],
    auth={"callers": teams.callers},
    # Both models count together, and each replica of the gateway counts for itself.
    limits={
        "tokens": [
            {"by": modelplane.LimitBy.CALLER, "tokens": config.get_int("tokensPerDay") or 1000000, "seconds": 86400},
            {"by": modelplane.LimitBy.CALLER, "tokens": config.get_int("tokensPerMinute") or 20000, "seconds": 60},
        ],
    },
)

# OPENAI_BASE_URL
pulumi.export("url", catalog.url)
