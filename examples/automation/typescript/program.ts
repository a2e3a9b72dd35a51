import * as modelplane from "@modelplane/pulumi-modelplane";

/** What the command line says. */
export interface Options {
    stable: string;
    canary: string;
    gateway: modelplane.types.input.GatewayReferenceArgs;
    model: string;
    name: string;
    stack: string;
    steps: number[];
    /** In seconds. */
    watch: number;
    probes: number;
    /** In percent of the probes. */
    maxErrors: number;
    dryRun: boolean;
    destroy: boolean;
}

/** The Pulumi program in which the canary has this share of the traffic. */
export function program(o: Options, percent: number) {
    return async () => {
        const stable = new modelplane.ModelEndpoint(`${o.name}-stable`, { url: o.stable });
        const canary = new modelplane.ModelEndpoint(`${o.name}-canary`, { url: o.canary });

        const service = new modelplane.ModelService(o.name, {
            gateway: o.gateway,
            backends: [
                { endpoint: stable.backend, weight: 100 - percent },
                { endpoint: canary.backend, weight: percent },
            ],
        });
        // The canary alone, by the same gateway: probes measure it here, whatever its share of the traffic.
        const alone = new modelplane.ModelService(`${o.name}-canary`, {
            gateway: o.gateway,
            backends: [{ endpoint: canary.backend }],
        });

        return {
            url: service.url,
            canaryUrl: alone.url,
            // Where the next run goes on.
            canary: o.canary,
            percent,
        };
    };
}
