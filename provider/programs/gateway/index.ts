import * as modelplane from "@modelplane/pulumi-modelplane";

const gateway = new modelplane.ModelGateway("gateway", {
    replicas: 3,
    service: {
        annotations: { "networking.gke.io/load-balancer-type": "Internal" },
    },
});
export const url = gateway.url;
