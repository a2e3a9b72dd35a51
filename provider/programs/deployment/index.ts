import * as modelplane from "@modelplane/pulumi-modelplane";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const gateway = new modelplane.ModelGateway("gateway");
const east = new modelplane.InferenceCluster("east", { kubeconfig: config.requireSecret("eastKubeconfig") });
const west = new modelplane.InferenceCluster("west", { kubeconfig: config.requireSecret("westKubeconfig") });
const qwen = new modelplane.ModelDeployment("qwen", {
    model: "hf://Qwen/Qwen3-0.6B",
    replicas: 3,
    clusters: [east.cluster, west.cluster],
});
const chat = new modelplane.ModelService("chat", {
    gateway: gateway.gateway,
    backends: [{ endpoints: qwen.endpoints }],
});
export const url = chat.url;
export const placement = qwen.placement;
