import * as pulumi from "@pulumi/pulumi";
import * as modelplane from "@modelplane/pulumi-modelplane";

const gateway = new modelplane.ModelGateway("gateway");
const server = new modelplane.ModelEndpoint("server", { url: "http://10.0.0.7:8000/v1" });
const teams = new modelplane.ModelCallers("teams", {
    keys: [
        { name: "search", key: new pulumi.Config().requireSecret("searchKey") },
        {
            name: "billing",
            sha256: "5b92f7f0a02a0d9ba0b7d3e7ee2bd5a5d6f1a1ba0e0b0ab3e2ad4bd7d1a7b0e6",
            expires: "2027-01-31T00:00:00Z",
        },
    ],
});
const chat = new modelplane.ModelService("chat", {
    gateway: gateway.gateway,
    backends: [{ endpoint: server.backend }],
    auth: { callers: teams.callers },
    limits: { requests: [{ by: "Caller", requests: 60, seconds: 60 }] },
});
export const url = chat.url;
