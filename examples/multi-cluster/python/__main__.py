"""One URL over a model on two clusters and a provider that has it, too."""

import pulumi
import pulumi_modelplane as modelplane

config = pulumi.Config()

# The gateway for clients, in the cluster that your kubectl reaches.
gateway = modelplane.ModelGateway(
    "gateway",
    # Where Traefik's Helm chart comes from and its values, if not the published chart as it is.
    chart=config.get_object("chart"),
)

# The clusters that run the model, by their kubeconfigs.
clusters = [
    modelplane.InferenceCluster(
        name,
        kubeconfig=config.require_secret(f"{name}Kubeconfig"),
        # The key that the cluster's gateway asks for. Only the endpoints send it.
        api_keys=[config.require_secret(f"{name}Key")],
        labels={"region": f"us-{name}"},
        # What the cluster has. Placement counts these GPUs; it does not ask the cluster.
        pools=[
            {
                "name": "h100",
                "nodes": 2,
                "devices": [{"resource": "nvidia.com/gpu", "count": 8, "type": "H100", "memory": "80Gi"}],
            }
        ],
        # True moves all replicas away from the cluster, without a lost request.
        drain=config.get_bool(f"{name}Drain"),
        # Where Envoy Gateway's Helm chart comes from and its values, if not the published chart as it is.
        chart=config.get_object("envoyChart"),
    )
    for name in ("east", "west")
]

# The model, started by vLLM. Clients call it openai/gpt-oss-120b, as Groq does.
gpt_oss = modelplane.ModelDeployment(
    "gpt-oss",
    model="hf://openai/gpt-oss-120b",
    # On both clusters together.
    replicas=3,
    clusters=[each.cluster for each in clusters],
    devices=[{"resource": "nvidia.com/gpu", "count": 1, "type": "H100"}],
)

groq = modelplane.ModelEndpoint(
    "groq",
    url=config.get("groqUrl") or "https://api.groq.com/openai/v1",
    api_key=config.require_secret("groqKey"),
)

chat = modelplane.ModelService(
    "chat",
    gateway=gateway.gateway,
    backends=[
        # All replicas together get 80 %, wherever they are.
        {"endpoints": gpt_oss.endpoints, "weight": 80},
        {"endpoint": groq.backend, "weight": 20},
    ],
)

# What an OpenAI client takes as its base URL.
pulumi.export("url", chat.url)
pulumi.export("placement", gpt_oss.placement)
pulumi.export("urls", gpt_oss.urls)
pulumi.export("shares", chat.shares)
