import * as modelplane from "@modelplane/pulumi-modelplane";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();

const gateway = new modelplane.ModelGateway("gateway", {
    // Where Traefik's Helm chart comes from and its values, if not the published chart as it is.
    chart: config.getObject<modelplane.types.input.GatewayChartArgs>("chart"),
});

// The cluster with GPUs, by a context of your kubeconfig. The gateway is in that of the current context.
const provider = new kubernetes.Provider("gpu-provider", { context: config.get("gpuContext") ?? "gpu" });

// The cluster that runs models. A component passes its provider to all that it makes.
const gpu = new modelplane.InferenceCluster("gpu", {
    // Placement counts these GPUs; it does not ask the cluster.
    pools: [{
        name: "l4",
        nodes: 4,
        devices: [{ resource: "nvidia.com/gpu", count: 1, type: "L4", memory: "24Gi" }],
    }],
    // Where Envoy Gateway's Helm chart comes from and its values, if not the published chart as it is.
    chart: config.getObject<modelplane.types.input.ClusterChartArgs>("envoyChart"),
}, { providers: [provider] });

// The model, started by vLLM. Its replicas go to the cluster; its endpoint is beside the gateway.
const qwen = new modelplane.ModelDeployment("qwen", {
    model: "hf://Qwen/Qwen3-8B",
    replicas: 2,
    clusters: [gpu.cluster],
    devices: [{ resource: "nvidia.com/gpu", count: 1 }],
    engine: { args: ["--max-model-len", "16384"] },
});

const chat = new modelplane.ModelService("chat", {
    gateway: gateway.gateway,
    backends: [{ endpoints: qwen.endpoints }],
});

// What an OpenAI client takes as its base URL.
export const url = chat.url;
export const placement = qwen.placement;
