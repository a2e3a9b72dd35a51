import * as modelplane from "@modelplane/pulumi-modelplane";
import * as pulumi from "@pulumi/pulumi";

const east = new modelplane.InferenceCluster("east", {
    kubeconfig: new pulumi.Config().requireSecret("eastKubeconfig"),
    labels: { region: "us" },
    pools: [
        {
            name: "h100",
            nodes: 4,
            devices: [{ resource: "nvidia.com/gpu", count: 8, memory: "80Gi", type: "H100" }],
        },
    ],
});
export const url = east.url;
