import * as modelplane from "@modelplane/pulumi-modelplane";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();

const gateway = new modelplane.ModelGateway("gateway", {
    https: {
        certificates: [{ certificate: config.require("certificate"), privateKey: config.requireSecret("privateKey") }],
        // The name that clients use.
        hostnames: [config.require("hostname")],
    },
    // Where Traefik's Helm chart comes from and its values, if not the published chart as it is.
    chart: config.getObject<modelplane.types.input.GatewayChartArgs>("chart"),
    // False where the cluster already has the CRDs of the Gateway API and of Traefik.
    installCrds: config.getBoolean("installCrds"),
});

// The key for Groq, which callers never see.
const groq = new modelplane.ModelEndpoint("groq", {
    url: config.get("groqUrl") ?? "https://api.groq.com/openai/v1",
    apiKey: config.requireSecret("groqKey"),
});

// Those who may ask: a program of another team, and the pages of a site.
const callers = new modelplane.ModelCallers("callers", {
    keys: [
        { name: "search", key: config.requireSecret("searchKey") },
        { name: "pages", key: config.requireSecret("pagesKey") },
    ],
});

const chat = new modelplane.ModelService("chat", {
    gateway: gateway.gateway,
    backends: [{ endpoint: groq.backend }],
    auth: { callers: callers.callers },
    // Each replica of the gateway counts for itself.
    limits: {
        requests: [{ by: modelplane.LimitBy.Caller, requests: config.getNumber("requestsPerMinute") ?? 60 }],
        inFlight: [{ by: modelplane.LimitBy.Caller, requests: 10 }],
        maxBodyBytes: 1048576,
    },
    // Browsers ask before they send a key.
    cors: { allowOrigins: [config.get("site") ?? "https://app.example.com"] },
});

// What an OpenAI client takes as its base URL.
export const url = chat.url;
// Where the host name must lead to.
export const address = gateway.address;
