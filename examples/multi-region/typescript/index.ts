import * as modelplane from "@modelplane/pulumi-modelplane";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();

// The model servers of each cluster. The replicas of a cluster are one endpoint.
const clusters = ["europe", "america", "asia"].map(name => {
    const { urls, weight } = config.requireObject<{ urls: string[]; weight: number }>(name);
    const endpoint = new modelplane.ModelEndpoint(`${name}-models`, { urls });
    return { endpoint: endpoint.backend, weight };
});

// A provider, for what the clusters are not to take.
const { url: groqUrl, weight: groqWeight } = config.requireObject<{ url: string; weight: number }>("groq");
const groq = new modelplane.ModelEndpoint("groq-models", {
    url: groqUrl,
    apiKey: config.requireSecret("groqKey"),
});

const chat = new modelplane.ModelService("chat", {
    // The Gateway that serves the URL, which is not this stack's.
    gateway: config.requireObject<modelplane.types.input.GatewayReferenceArgs>("gateway"),
    backends: [...clusters, { endpoint: groq.backend, weight: groqWeight }],
});

// What an OpenAI client takes as its base URL.
export const url = chat.url;
export const shares = chat.shares;
