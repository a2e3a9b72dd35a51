import pulumi
import pulumi_modelplane as modelplane

gateway = modelplane.ModelGateway("gateway")
stable = modelplane.ModelEndpoint("stable", url="http://10.0.0.7:8000/v1")
canary = modelplane.ModelEndpoint("canary", url="http://10.0.0.8:8000/v1")
chat = modelplane.ModelService(
    "chat",
    gateway=gateway.gateway,
    backends=[
        {"endpoint": stable.backend, "weight": 95},
        {"endpoint": canary.backend, "weight": 5},
    ],
)
pulumi.export("url", chat.url)
