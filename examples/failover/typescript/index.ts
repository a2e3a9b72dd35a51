import * as modelplane from "@modelplane/pulumi-modelplane";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();

const first = new modelplane.ModelEndpoint("first", { url: config.require("firstUrl") });
const second = new modelplane.ModelEndpoint("second", { url: config.require("secondUrl") });
const groq = new modelplane.ModelEndpoint("groq", {
    url: config.get("groqUrl") ?? "https://api.groq.com/openai/v1",
    apiKey: config.requireSecret("groqKey"),
});

const chat = new modelplane.ModelService("chat", {
    // The Gateway that serves the URL, which is not this stack's.
    gateway: config.requireObject<modelplane.types.input.GatewayReferenceArgs>("gateway"),
    backends: [
        { endpoint: first.backend },
        { endpoint: second.backend },
        // Asked when the two have failed a request, or are out.
        { endpoint: groq.backend, priority: 1 },
    ],
    failover: { headerTimeout: "60s", firstTokenTimeout: "10s" },
    // A server that fails three times in a row is not asked for 30 seconds.
    outlierEjection: { failures: 3, duration: "30s" },
    // A conversation stays at the server that has its prompt in its cache.
    affinity: { by: modelplane.AffinityBy.Prompt },
});

// What an OpenAI client takes as its base URL.
export const url = chat.url;
