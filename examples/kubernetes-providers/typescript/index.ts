import * as modelplane from "@modelplane/pulumi-modelplane";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
// Where Traefik's Helm chart comes from and its values, if not the published chart as it is.
const chart = config.getObject<modelplane.types.input.GatewayChartArgs>("chart");
// False where the clusters already have the CRDs of the Gateway API and of Traefik.
const installCrds = config.getBoolean("installCrds");

// The two clusters, by contexts of your kubeconfig. A component hands its provider to all that it makes.
const hub = { providers: [new kubernetes.Provider("hub", { context: config.get("hubContext") ?? "hub" })] };
const far = { providers: [new kubernetes.Provider("far", { context: config.get("farContext") ?? "far" })] };

// The far cluster: a gateway in front of its own replicas.
const farGateway = new modelplane.ModelGateway("far-gateway", { chart, installCrds }, far);
const farReplicas = new modelplane.ModelEndpoint("far-replicas", { urls: config.requireObject<string[]>("farUrls") }, far);
const farChat = new modelplane.ModelService("far-chat", {
    gateway: farGateway.gateway,
    backends: [{ endpoint: farReplicas.backend }],
}, far);

// The hub: what clients use, over its own replicas and all of the far cluster.
const hubGateway = new modelplane.ModelGateway("hub-gateway", { chart, installCrds }, hub);
const hubReplicas = new modelplane.ModelEndpoint("hub-replicas", { urls: config.requireObject<string[]>("hubUrls") }, hub);
// A base URL comes out of the far cluster's service, and goes into the hub's endpoint.
const hubToFar = new modelplane.ModelEndpoint("hub-to-far", { url: farChat.url }, hub);
const hubChat = new modelplane.ModelService("hub-chat", {
    gateway: hubGateway.gateway,
    backends: [
        { endpoint: hubReplicas.backend, weight: 75 },
        { endpoint: hubToFar.backend, weight: 25 },
    ],
}, hub);

// What an OpenAI client takes as its base URL.
export const url = hubChat.url;
export const farUrl = farChat.url;
