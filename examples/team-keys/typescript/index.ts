import * as modelplane from "@modelplane/pulumi-modelplane";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
// The Gateway that serves the URL, which is not this stack's.
const gateway = config.requireObject<modelplane.types.input.GatewayReferenceArgs>("gateway");

// A key with models is refused at the services' own URLs, where the catalog's limits do not hold.
const teams = new modelplane.ModelCallers("teams", {
    keys: [
        { name: "search", key: config.requireSecret("searchKey"), models: ["*"] },
        { name: "labs", key: config.requireSecret("labsKey"), models: ["*"], requestsPerMinute: 30 },
    ],
});

// A price is for a million tokens. That of your own server is for you to say.
const own = new modelplane.ModelEndpoint("own", {
    url: config.require("ownUrl"),
    price: { input: 0.05, output: 0.2 },
});
const qwen = new modelplane.ModelService("qwen", {
    gateway,
    backends: [{ endpoint: own.backend }],
    auth: { callers: teams.callers },
});

// Groq's price list says what this model costs: write that here.
const groq = new modelplane.ModelEndpoint("groq", {
    url: config.get("groqUrl") ?? "https://api.groq.com/openai/v1",
    apiKey: config.requireSecret("groqKey"),
    model: "llama-3.3-70b-versatile",
    price: { input: 0.59, output: 0.79 },
});
const llama = new modelplane.ModelService("llama", {
    gateway,
    backends: [{ endpoint: groq.backend }],
    auth: { callers: teams.callers },
});

const catalog = new modelplane.ModelCatalog("catalog", {
    gateway,
    models: [
        { name: "qwen3-8b", service: qwen.service },
        { name: "llama-3.3-70b", service: llama.service },
    ],
    auth: { callers: teams.callers },
    // Both models count together, and each replica of the gateway counts for itself.
    limits: {
        tokens: [
            { by: modelplane.LimitBy.Caller, tokens: config.getNumber("tokensPerDay") ?? 1000000, seconds: 86400 },
            { by: modelplane.LimitBy.Caller, tokens: config.getNumber("tokensPerMinute") ?? 20000, seconds: 60 },
        ],
    },
});

// OPENAI_BASE_URL
export const url = catalog.url;
