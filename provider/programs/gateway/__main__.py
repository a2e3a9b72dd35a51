import pulumi
import pulumi_modelplane as modelplane

gateway = modelplane.ModelGateway(
    "gateway",
    replicas=3,
    service={
        "annotations": {"networking.gke.io/load-balancer-type": "Internal"},
    },
)
pulumi.export("url", gateway.url)
