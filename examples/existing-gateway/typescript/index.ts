import * as modelplane from "@modelplane/pulumi-modelplane";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();

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
    gateway: {
        name: config.get("gatewayName") ?? "shared",
        namespace: config.get("gatewayNamespace") ?? "infra",
        listener: config.get("gatewayListener") ?? "web",
        // The URL that clients reach the listener by.
        url: config.require("gatewayUrl"),
        // Its Traefik runs this version of the modelplane plugin, which sends the key and hides callers. Without it, leave this out.
        pluginVersion: "1",
    },
    backends: [
        { endpoint: own.backend, weight: 80 },
        { endpoint: groq.backend, weight: 20 },
    ],
});

// What an OpenAI client takes as its base URL.
export const url = chat.url;
