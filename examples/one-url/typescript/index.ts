import * as modelplane from "@modelplane/pulumi-modelplane";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
// The Gateway that serves the URL, which is not this stack's.
const gateway = config.requireObject<modelplane.types.input.GatewayReferenceArgs>("gateway");

// Services keep their own URLs, so they ask for keys, too.
const teams = new modelplane.ModelCallers("teams", {
    keys: [
        { name: "search", key: config.requireSecret("searchKey") },
        { name: "labs", key: config.requireSecret("labsKey"), models: ["qwen3-8b"] },
    ],
});

// What each server calls the large model.
const own = new modelplane.ModelEndpoint("own", {
    url: config.require("largeUrl"),
    model: "meta-llama/Llama-3.3-70B-Instruct",
});
const groq = new modelplane.ModelEndpoint("groq", {
    url: config.get("groqUrl") ?? "https://api.groq.com/openai/v1",
    apiKey: config.requireSecret("groqKey"),
    model: "llama-3.3-70b-versatile",
});
const llama = new modelplane.ModelService("llama", {
    gateway,
    backends: [
        { endpoint: own.backend, weight: 80 },
        { endpoint: groq.backend, weight: 20 },
    ],
    auth: { callers: teams.callers },
});

// The server of the small model is asked by the name in the catalog.
const small = new modelplane.ModelEndpoint("small", { url: config.require("smallUrl") });
const qwen = new modelplane.ModelService("qwen", {
    gateway,
    backends: [{ endpoint: small.backend }],
    auth: { callers: teams.callers },
});

const catalog = new modelplane.ModelCatalog("catalog", {
    gateway,
    models: [
        { name: "llama-3.3-70b", aliases: ["llama"], service: llama.service },
        { name: "qwen3-8b", service: qwen.service },
    ],
    auth: { callers: teams.callers },
});

// OPENAI_BASE_URL
export const url = catalog.url;
