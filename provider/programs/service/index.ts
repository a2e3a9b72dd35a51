import * as modelplane from "@modelplane/pulumi-modelplane";

const gateway = new modelplane.ModelGateway("gateway");
const stable = new modelplane.ModelEndpoint("stable", { url: "http://10.0.0.7:8000/v1" });
const canary = new modelplane.ModelEndpoint("canary", { url: "http://10.0.0.8:8000/v1" });
const chat = new modelplane.ModelService("chat", {
    gateway: gateway.gateway,
    backends: [
        { endpoint: stable.backend, weight: 95 },
        { endpoint: canary.backend, weight: 5 },
    ],
});
export const url = chat.url;
