"""A model on a cluster with GPUs, behind a gateway on another."""

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_modelplane as modelplane

config = pulumi.Config()

gateway = modelplane.ModelGateway(
    "gateway",
    # Where Traefik's Helm chart comes from and its values, if not the published chart as it is.
    chart=config.get_object("chart"),
)

# The cluster with GPUs, by a context of your kubeconfig. The gateway is in that of the current context.
provider = kubernetes.Provider("gpu-provider", context=config.get("gpuContext") or "gpu")

# The cluster that runs models. A component passes its provider to all that it makes.
gpu = modelplane.InferenceCluster(
    "gpu",
    # Placement counts these GPUs; it does not ask the cluster.
    pools=[
        {
            "name": "l4",
            "nodes": 4,
            "devices": [{"resource": "nvidia.com/gpu", "count": 1, "type": "L4", "memory": "24Gi"}],
        }
    ],
    # Where Envoy Gateway's Helm chart comes from and its values, if not the published chart as it is.
    chart=config.get_object("envoyChart"),
    opts=pulumi.ResourceOptions(providers=[provider]),
)

# The model, started by vLLM. Its replicas go to the cluster; its endpoint is beside the gateway.
qwen = modelplane.ModelDeployment(
    "qwen",
    model="hf://Qwen/Qwen3-8B",
    replicas=2,
    clusters=[gpu.cluster],
    devices=[{"resource": "nvidia.com/gpu", "count": 1}],
    engine={"args": ["--max-model-len", "16384"]},
)

chat = modelplane.ModelService(
    "chat",
    gateway=gateway.gateway,
    backends=[{"endpoints": qwen.endpoints}],
)

# What an OpenAI client takes as its base URL.
pulumi.export("url", chat.url)
pulumi.export("placement", qwen.placement)
