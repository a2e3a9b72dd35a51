import * as pulumi from "@pulumi/pulumi";
import * as modelplane from "@modelplane/pulumi-modelplane";

const gateway = new modelplane.ModelGateway("gateway");
const own = new modelplane.ModelEndpoint("own", {
    url: "http://10.0.0.7:8000/v1",
    model: "meta-llama/Llama-3.3-70B-Instruct",
});
const groq = new modelplane.ModelEndpoint("groq", {
    url: "https://api.groq.com/openai/v1",
    model: "llama-3.3-70b-versatile",
    apiKey: new pulumi.Config().requireSecret("groqKey"),
});
const llama = new modelplane.ModelService("llama", {
    gateway: gateway.gateway,
    backends: [
        { endpoint: own.backend, weight: 80 },
        { endpoint: groq.backend, weight: 20 },
    ],
});
const embedder = new modelplane.ModelEndpoint("embedder", { url: "http://10.0.0.8:8000/v1" });
const embeddings = new modelplane.ModelService("embeddings", {
    gateway: gateway.gateway,
    backends: [{ endpoint: embedder.backend }],
});
const catalog = new modelplane.ModelCatalog("catalog", {
    gateway: gateway.gateway,
    models: [
        { name: "llama-3.3-70b", service: llama.service },
        { name: "bge-m3", service: embeddings.service },
    ],
});
export const url = catalog.url;
