"""Two models by one URL, each server asked by its own name, and a key for one of them."""

import pulumi
import pulumi_modelplane as modelplane

config = pulumi.Config()
# The Gateway that serves the URL, which is not this stack's.
gateway = config.require_object("gateway")

# Services keep their own URLs, so they ask for keys, too.
teams = modelplane.ModelCallers(
    "teams",
    keys=[
        {"name": "search", "key": config.require_secret("searchKey")},
        {"name": "labs", "key": config.require_secret("labsKey"), "models": ["qwen3-8b"]},
    ],
)

# What each server calls the large model.
own = modelplane.ModelEndpoint(
    "own",
    url=config.require("largeUrl"),
    model="meta-llama/Llama-3.3-70B-Instruct",
)
groq = modelplane.ModelEndpoint(
    "groq",
    url=config.get("groqUrl") or "https://api.groq.com/openai/v1",
    api_key=config.require_secret("groqKey"),
    model="llama-3.3-70b-versatile",
)
llama = modelplane.ModelService(
    "llama",
    gateway=gateway,
    backends=[
        {"endpoint": own.backend, "weight": 80},
        {"endpoint": groq.backend, "weight": 20},
    ],
    auth={"callers": teams.callers},
)

# The server of the small model is asked by the name in the catalog.
small = modelplane.ModelEndpoint("small", url=config.require("smallUrl"))
qwen = modelplane.ModelService(
    "qwen",
    gateway=gateway,
    backends=[{"endpoint": small.backend}],
    auth={"callers": teams.callers},
)

catalog = modelplane.ModelCatalog(
    "catalog",
    gateway=gateway,
    models=[
        {"name": "llama-3.3-70b", "aliases": ["llama"], "service": llama.service},
        {"name": "qwen3-8b", "service": qwen.service},
    ],
    auth={"callers": teams.callers},
)

# OPENAI_BASE_URL
pulumi.export("url", catalog.url)
