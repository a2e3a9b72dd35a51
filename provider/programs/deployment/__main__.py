import pulumi
import pulumi_modelplane as modelplane

config = pulumi.Config()
gateway = modelplane.ModelGateway("gateway")
east = modelplane.InferenceCluster("east", kubeconfig=config.require_secret("eastKubeconfig"))
west = modelplane.InferenceCluster("west", kubeconfig=config.require_secret("westKubeconfig"))
qwen = modelplane.ModelDeployment(
    "qwen",
    model="hf://Qwen/Qwen3-0.6B",
    replicas=3,
    clusters=[east.cluster, west.cluster],
)
chat = modelplane.ModelService(
    "chat",
    gateway=gateway.gateway,
    backends=[{"endpoints": qwen.endpoints}],
)
pulumi.export("url", chat.url)
pulumi.export("placement", qwen.placement)
