import * as modelplane from "@modelplane/pulumi-modelplane";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
// How many of 100 requests the canary gets.
const canaryPercent = config.getNumber("canaryPercent") ?? 0;

const stable = new modelplane.ModelEndpoint("stable", { url: config.require("stableUrl") });
const canary = new modelplane.ModelEndpoint("canary", { url: config.require("canaryUrl") });

const chat = new modelplane.ModelService("chat", {
    // The Gateway that serves the URL, which is not this stack's.
    gateway: config.requireObject<modelplane.types.input.GatewayReferenceArgs>("gateway"),
    backends: [
        { endpoint: stable.backend, weight: 100 - canaryPercent },
        { endpoint: canary.backend, weight: canaryPercent },
    ],
});

// What an OpenAI client takes as its base URL.
export const url = chat.url;
export const shares = chat.shares;
