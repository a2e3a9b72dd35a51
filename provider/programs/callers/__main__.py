import pulumi
import pulumi_modelplane as modelplane

gateway = modelplane.ModelGateway("gateway")
server = modelplane.ModelEndpoint("server", url="http://10.0.0.7:8000/v1")
teams = modelplane.ModelCallers(
    "teams",
    keys=[
        {"name": "search", "key": pulumi.Config().require_secret("searchKey")},
        {
            "name": "billing",
            "sha256": "5b92f7f0a02a0d9ba0b7d3e7ee2bd5a5d6f1a1ba0e0b0ab3e2ad4bd7d1a7b0e6",
            "expires": "2027-01-31T00:00:00Z",
        },
    ],
)
chat = modelplane.ModelService(
    "chat",
    gateway=gateway.gateway,
    backends=[{"endpoint": server.backend}],
    auth={"callers": teams.callers},
    limits={"requests": [{"by": "Caller", "requests": 60, "seconds": 60}]},
)
pulumi.export("url", chat.url)
