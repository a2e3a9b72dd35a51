import * as modelplane from "@modelplane/pulumi-modelplane";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();

// The gateway for clients, in the cluster that your kubectl reaches.
const gateway = new modelplane.ModelGateway("gateway", {
    // Where Traefik's Helm chart comes from and its values, if not the published chart as it is.
    chart: config.getObject<modelplane.types.input.GatewayChartArgs>("chart"),
});

// The clusters that run the model, by their kubeconfigs.
const clusters = ["east", "west"].map(name => new modelplane.InferenceCluster(name, {
    kubeconfig: config.requireSecret(`${name}Kubeconfig`),
    // The key that the cluster's gateway asks for. Only the endpoints send it.
    apiKeys: [config.requireSecret(`${name}Key`)],
    labels: { region: `us-${name}` },
    // What the cluster has. Placement counts these GPUs; it does not ask the cluster.
    pools: [{
        name: "h100",
        nodes: 2,
        devices: [{ resource: "nvidia.com/gpu", count: 8, type: "H100", memory: "80Gi" }],
    }],
    // True moves all replicas away from the cluster, without a lost request.
    drain: config.getBoolean(`${name}Drain`),
    // Where Envoy Gateway's Helm chart comes from and its values, if not the published chart as it is.
    chart: config.getObject<modelplane.types.input.ClusterChartArgs>("envoyChart"),
}));

// The model, started by vLLM. Clients call it openai/gpt-oss-120b, as Groq does.
const gptOss = new modelplane.ModelDeployment("gpt-oss", {
    model: "hf://openai/gpt-oss-120b",
    // On both clusters together.
    replicas: 3,
    clusters: clusters.map(each => each.cluster),
    devices: [{ resource: "nvidia.com/gpu", count: 1, type: "H100" }],
});

const groq = new modelplane.ModelEndpoint("groq", {
    url: config.get("groqUrl") ?? "https://api.groq.com/openai/v1",
    apiKey: config.requireSecret("groqKey"),
});

const chat = new modelplane.ModelService("chat", {
    gateway: gateway.gateway,
    backends: [
        // All replicas together get 80 %, wherever they are.
        { endpoints: gptOss.endpoints, weight: 80 },
        { endpoint: groq.backend, weight: 20 },
    ],
});

// What an OpenAI client takes as its base URL.
export const url = chat.url;
export const placement = gptOss.placement;
export const urls = gptOss.urls;
export const shares = chat.shares;
