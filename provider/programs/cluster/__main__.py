import pulumi
import pulumi_modelplane as modelplane

east = modelplane.InferenceCluster(
    "east",
    kubeconfig=pulumi.Config().require_secret("eastKubeconfig"),
    labels={"region": "us"},
    pools=[
        {
            "name": "h100",
            "nodes": 4,
            "devices": [
                {"resource": "nvidia.com/gpu", "count": 8, "memory": "80Gi", "type": "H100"},
            ],
        },
    ],
)
pulumi.export("url", east.url)
