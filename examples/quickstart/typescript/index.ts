import * as modelplane from "@modelplane/pulumi-modelplane";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();

const gateway = new modelplane.ModelGateway("gateway", {
    // Traefik's Helm chart: its name in Traefik's repository, an OCI reference, or a path.
    chart: { name: config.get("chart") },
});

// A model server of your own.
const own = new modelplane.ModelEndpoint("own", {
    url: config.require("ownUrl"),
});

// A provider: another host, another path, TLS and a key.
const groq = new modelplane.ModelEndpoint("groq", {
    url: config.get("groqUrl") ?? "https://api.groq.com/openai/v1",
    apiKey: config.requireSecret("groqKey"),
});

const chat = new modelplane.ModelService("chat", {
    gateway: gateway.gateway,
    backends: [
        { endpoint: own.backend, weight: 80 },
        { endpoint: groq.backend, weight: 20 },
    ],
});

// What an OpenAI client takes as its base URL.
export const url = chat.url;
